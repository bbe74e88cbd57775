#include "base/utf8.h"

#include <string.h>

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
