#include "kms/message.h"

#include <string.h>

#define REPLACEMENT 0xfffdu

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* One character of valid UTF-8 (RFC 3629) from *p, or U+FFFD for one byte that begins none. */
static uint32_t utf8_next(const uint8_t **p)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const uint8_t *s = *p;
    unsigned more = s[0] < 0x80 ? 0 : (s[0] & 0xe0) == 0xc0 ? 1 : (s[0] & 0xf0) == 0xe0 ? 2 : 3;
    uint32_t c = more == 0 ? s[0] : s[0] & (0x3fu >> more);

    *p = s + 1;
    if (more > 0 && (s[0] < 0xc2 || s[0] > 0xf4))
        return REPLACEMENT;
    for (unsigned i = 1; i <= more; i++) {
        if (!is_continuation(s[i])) /* the NUL at the end is none */
            return REPLACEMENT;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return REPLACEMENT;
    *p = s + 1 + more;
    return c;
}

void kms_text_set(uint16_t *units, size_t max_units, const char *utf8)
{
    const uint8_t *p = (const uint8_t *)utf8;
    size_t n = 0;

    memset(units, 0, max_units * sizeof(*units));
    while (*p != '\0') {
        uint32_t c = utf8_next(&p);
        size_t need = c < 0x10000 ? 1 : 2;

        if (n + need >= max_units)
            return;
        if (need == 2) {
            units[n++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + (c & 0x3ff);
        }
        units[n++] = (uint16_t)c;
    }
}

/* One character from units[*i], which is before end; U+FFFD for half a surrogate pair. */
static uint32_t utf16_next(const uint16_t *units, size_t end, size_t *i)
{
    uint32_t c = units[(*i)++];

    if (c < 0xd800 || c > 0xdfff)
        return c;
    if (c < 0xdc00 && *i < end && (units[*i] & 0xfc00) == 0xdc00)
        return 0x10000 + ((c - 0xd800) << 10) + (units[(*i)++] - 0xdc00u);
    return REPLACEMENT;
}

static size_t utf8_put(uint32_t c, char out[4])
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n] | c);
    return n;
}

void kms_text_get(const uint16_t *units, size_t max_units, char *utf8, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < max_units && units[i] != 0;) {
        char one[4];
        size_t n = utf8_put(utf16_next(units, max_units, &i), one);

        if (used + n >= size)
            break;
        memcpy(utf8 + used, one, n);
        used += n;
    }
    if (size > 0)
        utf8[used] = '\0';
}
