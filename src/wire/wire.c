#include "wire/wire.h"

#include <string.h>

const uint8_t *wire_take(struct wire_rd *r, size_t n)
{
    if (r->err == ERR_OK && n > (size_t)(r->end - r->pos))
        r->err = ERR_TRUNCATED;
    if (r->err != ERR_OK)
        return NULL;
    if (n == 0)
        return r->pos; /* which may be NULL, to which nothing may be added */
    r->pos += n;
    return r->pos - n;
}

static uint64_t take_uint(struct wire_rd *r, unsigned n)
{
    const uint8_t *p = wire_take(r, n);
    uint64_t v = 0;

    if (p == NULL)
        return 0;
    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * (r->big ? n - 1 - i : i));
    return v;
}

uint8_t wire_u8(struct wire_rd *r)
{
    return (uint8_t)take_uint(r, 1);
}

uint16_t wire_u16(struct wire_rd *r)
{
    return (uint16_t)take_uint(r, 2);
}

uint32_t wire_u32(struct wire_rd *r)
{
    return (uint32_t)take_uint(r, 4);
}

uint64_t wire_u64(struct wire_rd *r)
{
    return take_uint(r, 8);
}

void wire_copy(struct wire_rd *r, void *out, size_t n)
{
    const uint8_t *p = wire_take(r, n);

    if (p == NULL)
        memset(out, 0, n);
    else
        memcpy(out, p, n);
}

/* Between wire order and a big-endian peer's: the integer fields are turned round. */
static void guid_swap(struct guid *g)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    struct guid in = *g;

    for (int i = 0; i < 16; i++)
        g->b[i] = in.b[order[i]];
}

struct guid wire_guid(struct wire_rd *r)
{
    struct guid g;

    wire_copy(r, g.b, sizeof(g.b));
    if (r->big)
        guid_swap(&g);
    return g;
}

void wire_align(struct wire_rd *r, size_t n)
{
    wire_take(r, (n - wire_offset(r) % n) % n);
}

struct wire_rd wire_sub(struct wire_rd *r, size_t n)
{
    const uint8_t *p = wire_take(r, n);
    struct wire_rd sub = wire_reader(p, p == NULL ? 0 : n);

    sub.big = r->big;
    sub.err = r->err;
    return sub;
}

enum err wire_end(const struct wire_rd *r)
{
    if (r->err != ERR_OK)
        return r->err;
    return r->pos == r->end ? ERR_OK : ERR_MALFORMED;
}

void wire_reject(struct wire_rd *r, enum err err)
{
    if (r->err == ERR_OK)
        r->err = err;
}

static void store_uint(uint8_t *p, uint64_t v, unsigned n, bool big)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * (big ? n - 1 - i : i)));
}

static void put_uint(struct wire_wr *w, uint64_t v, unsigned n)
{
    uint8_t *p = buf_grow(w->out, n);

    if (p != NULL)
        store_uint(p, v, n, w->big);
}

void wire_put_u8(struct wire_wr *w, uint8_t v)
{
    put_uint(w, v, 1);
}

void wire_put_u16(struct wire_wr *w, uint16_t v)
{
    put_uint(w, v, 2);
}

void wire_put_u32(struct wire_wr *w, uint32_t v)
{
    put_uint(w, v, 4);
}

void wire_put_u64(struct wire_wr *w, uint64_t v)
{
    put_uint(w, v, 8);
}

void wire_put(struct wire_wr *w, const void *data, size_t n)
{
    buf_add(w->out, data, n);
}

void wire_put_guid(struct wire_wr *w, const struct guid *g)
{
    struct guid out = *g;

    if (w->big)
        guid_swap(&out);
    buf_add(w->out, out.b, sizeof(out.b));
}

void wire_pad(struct wire_wr *w, size_t n)
{
    size_t gap = (n - (w->out->len - w->start) % n) % n;
    uint8_t *p = buf_grow(w->out, gap);

    if (p != NULL)
        memset(p, 0, gap);
}

static struct wire_slot hold(struct wire_wr *w, unsigned n)
{
    struct wire_slot s = {w->out->len};

    put_uint(w, 0, n);
    return s;
}

struct wire_slot wire_hold_u16(struct wire_wr *w)
{
    return hold(w, 2);
}

struct wire_slot wire_hold_u32(struct wire_wr *w)
{
    return hold(w, 4);
}

static void fill(struct wire_wr *w, struct wire_slot s, size_t v, unsigned n)
{
    if (v > (UINT64_MAX >> (64 - 8 * n)) && w->err == ERR_OK)
        w->err = ERR_LIMIT;
    if (wire_written(w) == ERR_OK)
        store_uint(w->out->data + s.at, v, n, w->big);
}

void wire_fill_u16(struct wire_wr *w, struct wire_slot s, size_t v)
{
    fill(w, s, v, 2);
}

void wire_fill_u32(struct wire_wr *w, struct wire_slot s, size_t v)
{
    fill(w, s, v, 4);
}

enum err wire_written(const struct wire_wr *w)
{
    return w->err != ERR_OK ? w->err : w->out->err;
}
