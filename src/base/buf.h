/* buf: a growable run of bytes with a sticky error, checked once after the last append. */
#ifndef ADBAD_BASE_BUF_H
#define ADBAD_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
    uint8_t *data; /* owned; NULL while empty */
    size_t len;
    size_t cap;
    enum err err; /* ERR_NOMEM after a failed append; the content is then incomplete */
};

#define BUF_INIT                                                                                   \
    {                                                                                              \
        0                                                                                          \
    }

/* Releases the memory and makes the buffer empty and usable again. */
void buf_fini(struct buf *b);
/* As buf_fini, wiping the memory first; for secrets. */
void buf_wipe(struct buf *b);
/* Empties the buffer and keeps its memory. */
void buf_clear(struct buf *b);

/* Makes room for n more bytes and returns where they go (len grows by n); NULL after ERR_NOMEM. */
uint8_t *buf_grow(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *data, size_t n);
void buf_add_str(struct buf *b, const char *text); /* without its NUL */
void buf_add_fmt(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_add_hex(struct buf *b, const void *data, size_t n); /* lower case */
/* Removes the first n bytes (n <= len). */
void buf_drop(struct buf *b, size_t n);
/* A NUL-terminated view of the content; the NUL does not count in len. NULL after ERR_NOMEM. */
const char *buf_str(struct buf *b);

#endif
