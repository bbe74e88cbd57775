#include "base/utf8.h"

#include <string.h>

bool utf8_is_plain(const char *text, size_t n, bool ascii)
{
    const char *p = text;
    uint32_t c;

    while (p < text + n) {
        if (!utf8_next(&p, &c) || c < 0x20 || (c >= 0x7f && c < 0xa0) || (ascii && c > 0x7e))
            return false;
    }
    return true;
}

void utf8_copy(char *out, size_t size, const char *text)
{
    size_t at = 0;

    while (*text != '\0') {
        const char *next = text;
        bool good = utf8_next(&next, NULL);
        size_t n = good ? (size_t)(next - text) : 1;

        if (at + n >= size)
            break;
        memcpy(out + at, good ? text : "?", n);
        at += n;
        text += n;
    }
    out[at] = '\0';
}
