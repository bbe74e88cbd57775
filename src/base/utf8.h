/* utf8: strict decoding, one character at a time. */
#ifndef ADBAD_BASE_UTF8_H
#define ADBAD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the character at *p of a NUL-terminated text and moves past it. False, with *p
 * unmoved, for what is no UTF-8 (RFC 3629: overlong forms, surrogates) and at the end. out may
 * be NULL. */
static inline bool utf8_next(const char **p, uint32_t *out)
{
    const unsigned char *s = (const unsigned char *)*p;
    unsigned more = s[0] < 0x80 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
    static const uint32_t least[] = {1, 0x80, 0x800, 0x10000};
    uint32_t c = more == 0 ? s[0] : s[0] & (0x3fu >> more);

    if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
        return false;
    for (unsigned i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return false;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return false;
    *p += more + 1;
    if (out != NULL)
        *out = c;
    return true;
}

/* Whether n bytes are text without control characters, so that nothing in it moves a terminal or
 * ends a line; ascii: printable ASCII alone. A NUL follows the bytes. */
bool utf8_is_plain(const char *text, size_t n, bool ascii);

/* Copies as many whole characters as fit; each byte that is no UTF-8 becomes a question mark. */
void utf8_copy(char *out, size_t size, const char *text);

#endif
