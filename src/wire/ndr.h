/* ndr: the few shapes of NDR that our interfaces use, in both transfer syntaxes: NDR 2.0 (C706
 * chapter 14) and NDR64 (MS-RPCE 2.2.5). In NDR64 pointers and array sizes take eight bytes; in
 * both every value is aligned to its own size, counted from the start of the stub. */
#ifndef ADBAD_WIRE_NDR_H
#define ADBAD_WIRE_NDR_H

#include "wire/wire.h"

struct ndr_rd {
    struct wire_rd r;
    bool ndr64;
};

static inline struct ndr_rd ndr_reader(const void *stub, size_t len, bool big, bool ndr64)
{
    struct ndr_rd n = {.r = wire_reader(stub, len), .ndr64 = ndr64};

    n.r.big = big;
    return n;
}

uint16_t ndr_u16(struct ndr_rd *n);
uint32_t ndr_u32(struct ndr_rd *n);
uint64_t ndr_u64(struct ndr_rd *n);
/* A conformance or variance count (maximum, offset or actual count). What does not fit the bytes
 * that are left, at unit bytes each, is ERR_MALFORMED; unit 0 bounds it to 32 bits only. */
size_t ndr_count(struct ndr_rd *n, size_t unit);
/* A pointer's referent identifier: whether the pointer is not null. */
bool ndr_pointer(struct ndr_rd *n);

struct ndr_wr {
    struct wire_wr w;
    uint32_t pointers; /* referent identifiers handed out */
    bool ndr64;
};

static inline struct ndr_wr ndr_writer(struct buf *out, bool ndr64)
{
    return (struct ndr_wr){.w = wire_writer(out), .ndr64 = ndr64};
}

void ndr_put_u16(struct ndr_wr *n, uint16_t v);
void ndr_put_u32(struct ndr_wr *n, uint32_t v);
void ndr_put_u64(struct ndr_wr *n, uint64_t v);
void ndr_put_count(struct ndr_wr *n, size_t count);
/* The referent identifier of a pointer, or null. */
void ndr_put_pointer(struct ndr_wr *n, bool present);

#endif
