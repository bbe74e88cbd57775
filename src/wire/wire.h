/* wire: bounds-checked cursors over bytes that strangers sent (reader) or that we compose (writer).
 *
 * The error is sticky: after the first overrun every read yields zero and every write is dropped,
 * so a decoder is a straight list and checks once before it trusts the values. */
#ifndef ADBAD_WIRE_WIRE_H
#define ADBAD_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"

struct wire_rd {
    const uint8_t *start, *pos, *end;
    bool big; /* integers are big-endian; default little */
    enum err err;
};

static inline struct wire_rd wire_reader(const void *data, size_t len)
{
    const uint8_t *p = data;

    return (struct wire_rd){.start = p, .pos = p, .end = len > 0 ? p + len : p};
}

static inline size_t wire_left(const struct wire_rd *r)
{
    return r->err == ERR_OK ? (size_t)(r->end - r->pos) : 0;
}

static inline size_t wire_offset(const struct wire_rd *r)
{
    return (size_t)(r->pos - r->start);
}

/* The next n bytes in place, or NULL (and ERR_TRUNCATED) if there are fewer. */
const uint8_t *wire_take(struct wire_rd *r, size_t n);
uint8_t wire_u8(struct wire_rd *r);
uint16_t wire_u16(struct wire_rd *r);
uint32_t wire_u32(struct wire_rd *r);
uint64_t wire_u64(struct wire_rd *r);
/* Copies n bytes; zeroes out on error. */
void wire_copy(struct wire_rd *r, void *out, size_t n);
/* A GUID in the reader's byte order (the first three fields are integers); the result is in wire
 * order (little-endian) always. */
struct guid wire_guid(struct wire_rd *r);
/* Skips to the next multiple of n (a power of two) counted from the start of the reader. */
void wire_align(struct wire_rd *r, size_t n);
/* A reader of its own over the next n bytes, which r then has passed; its start is its own. */
struct wire_rd wire_sub(struct wire_rd *r, size_t n);
/* The sticky error, or ERR_MALFORMED if bytes are left over. */
enum err wire_end(const struct wire_rd *r);
/* Sets the sticky error if none is set. */
void wire_reject(struct wire_rd *r, enum err err);

struct wire_wr {
    struct buf *out;
    size_t start; /* offset in out at which this writer began; wire_pad counts from here */
    bool big;
    enum err err; /* ERR_LIMIT from a fill; memory errors stay in out->err */
};

/* Appends to out, which must outlive the writer. */
static inline struct wire_wr wire_writer(struct buf *out)
{
    return (struct wire_wr){.out = out, .start = out->len};
}

void wire_put_u8(struct wire_wr *w, uint8_t v);
void wire_put_u16(struct wire_wr *w, uint16_t v);
void wire_put_u32(struct wire_wr *w, uint32_t v);
void wire_put_u64(struct wire_wr *w, uint64_t v);
void wire_put(struct wire_wr *w, const void *data, size_t n);
void wire_put_guid(struct wire_wr *w, const struct guid *g);
/* Zero bytes up to the next multiple of n (a power of two) from the start of the writer. */
void wire_pad(struct wire_wr *w, size_t n);

/* A place for a value that is known later. */
struct wire_slot {
    size_t at;
};
struct wire_slot wire_hold_u16(struct wire_wr *w);
struct wire_slot wire_hold_u32(struct wire_wr *w);
/* Fills the place; ERR_LIMIT (sticky) if the value does not fit it. */
void wire_fill_u16(struct wire_wr *w, struct wire_slot s, size_t v);
void wire_fill_u32(struct wire_wr *w, struct wire_slot s, size_t v);
/* The first error of the writer or its buffer. */
enum err wire_written(const struct wire_wr *w);

#endif
