#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf)BUF_INIT;
}

void buf_wipe(struct buf *b)
{
    if (b->data != NULL)
        explicit_bzero(b->data, b->cap);
    buf_fini(b);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->err = ERR_OK;
}

/* Never realloc: the old copy must be wiped, since callers keep secrets in buffers. */
static bool enlarge(struct buf *b, size_t need)
{
    size_t cap = b->cap == 0 ? 64 : b->cap;
    uint8_t *bigger;

    while (cap < need) {
        if (cap > SIZE_MAX / 2)
            return false;
        cap *= 2;
    }
    bigger = malloc(cap);
    if (bigger == NULL)
        return false;
    if (b->data != NULL) {
        memcpy(bigger, b->data, b->len);
        explicit_bzero(b->data, b->cap);
        free(b->data);
    }
    b->data = bigger;
    b->cap = cap;
    return true;
}

uint8_t *buf_grow(struct buf *b, size_t n)
{
    uint8_t *at;

    if (b->err != ERR_OK)
        return NULL;
    if (n > SIZE_MAX - b->len || (b->len + n > b->cap && !enlarge(b, b->len + n))) {
        b->err = ERR_NOMEM;
        return NULL;
    }
    if (b->data == NULL && !enlarge(b, 1)) { /* n == 0: still a valid place */
        b->err = ERR_NOMEM;
        return NULL;
    }
    at = b->data + b->len;
    b->len += n;
    return at;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
    uint8_t *at = buf_grow(b, n);

    if (at != NULL && n > 0)
        memcpy(at, data, n);
}

void buf_add_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_fmt(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    int n;
    uint8_t *at;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || (at = buf_grow(b, (size_t)n + 1)) == NULL) {
        b->err = ERR_NOMEM;
        return;
    }
    va_start(ap, fmt);
    vsnprintf((char *)at, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len--;
}

void buf_add_hex(struct buf *b, const void *data, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    uint8_t *at = n > SIZE_MAX / 2 ? NULL : buf_grow(b, 2 * n);

    if (at == NULL) {
        b->err = ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        at[2 * i] = (uint8_t)digits[p[i] >> 4];
        at[2 * i + 1] = (uint8_t)digits[p[i] & 15];
    }
}

void buf_drop(struct buf *b, size_t n)
{
    if (n > b->len)
        n = b->len;
    if (n > 0 && n < b->len)
        memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

const char *buf_str(struct buf *b)
{
    uint8_t *at = buf_grow(b, 1);

    if (at == NULL)
        return NULL;
    *at = '\0';
    b->len--;
    return (const char *)b->data;
}
