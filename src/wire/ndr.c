#include "wire/ndr.h"

uint16_t ndr_u16(struct ndr_rd *n)
{
    wire_align(&n->r, 2);
    return wire_u16(&n->r);
}

uint32_t ndr_u32(struct ndr_rd *n)
{
    wire_align(&n->r, 4);
    return wire_u32(&n->r);
}

uint64_t ndr_u64(struct ndr_rd *n)
{
    wire_align(&n->r, 8);
    return wire_u64(&n->r);
}

static uint64_t wide(struct ndr_rd *n)
{
    return n->ndr64 ? ndr_u64(n) : ndr_u32(n);
}

size_t ndr_count(struct ndr_rd *n, size_t unit)
{
    uint64_t v = wide(n);
    uint64_t most = unit > 0 ? wire_left(&n->r) / unit : UINT32_MAX;

    if (v > most)
        wire_reject(&n->r, ERR_MALFORMED);
    return n->r.err == ERR_OK ? (size_t)v : 0;
}

bool ndr_pointer(struct ndr_rd *n)
{
    return wide(n) != 0;
}

void ndr_put_u16(struct ndr_wr *n, uint16_t v)
{
    wire_pad(&n->w, 2);
    wire_put_u16(&n->w, v);
}

void ndr_put_u32(struct ndr_wr *n, uint32_t v)
{
    wire_pad(&n->w, 4);
    wire_put_u32(&n->w, v);
}

void ndr_put_u64(struct ndr_wr *n, uint64_t v)
{
    wire_pad(&n->w, 8);
    wire_put_u64(&n->w, v);
}

void ndr_put_count(struct ndr_wr *n, size_t count)
{
    if (n->ndr64)
        ndr_put_u64(n, count);
    else if (count > UINT32_MAX && n->w.err == ERR_OK)
        n->w.err = ERR_LIMIT;
    else
        ndr_put_u32(n, (uint32_t)count);
}

void ndr_put_pointer(struct ndr_wr *n, bool present)
{
    uint32_t id = present ? 0x00020000u + 4 * n->pointers++ : 0;

    if (n->ndr64)
        ndr_put_u64(n, id);
    else
        ndr_put_u32(n, id);
}
