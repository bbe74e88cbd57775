#include "kms/stub.h"

#include "wire/wire.h"

/* 51c82175-844e-4750-b0d8-ec255555bc06 */
const struct guid kms_interface_uuid = {{0x75, 0x21, 0xc8, 0x51, 0x4e, 0x84, 0x50, 0x47, 0xb0, 0xd8,
                                         0xec, 0x25, 0x55, 0x55, 0xbc, 0x06}};

#define TRAILING_MAX 7 /* padding to a multiple of 8 that some peers send */
#define REFERENT_ID  0x00020000u

/* Counts and referent ids are as wide as the syntax's alignment: 4 bytes in NDR 2.0, 8 in NDR64. */
static uint64_t get_wide(struct wire_rd *r, bool ndr64)
{
    wire_align(r, ndr64 ? 8 : 4);
    return ndr64 ? wire_u64(r) : wire_u32(r);
}

static void put_wide(struct wire_wr *w, uint64_t v, bool ndr64)
{
    wire_pad(w, ndr64 ? 8 : 4);
    if (ndr64)
        wire_put_u64(w, v);
    else
        wire_put_u32(w, (uint32_t)v);
}

/* A conformant array of size bytes in place: its maximum count, then the bytes. */
static const uint8_t *get_array(struct wire_rd *r, uint32_t size, bool ndr64)
{
    if (get_wide(r, ndr64) != size)
        wire_reject(r, ERR_MALFORMED);
    return wire_take(r, size);
}

static void put_array(struct wire_wr *w, const void *data, size_t n, bool ndr64)
{
    put_wide(w, n, ndr64);
    wire_put(w, data, n);
}

static enum err stub_end(const struct wire_rd *r)
{
    if (r->err != ERR_OK)
        return r->err;
    return wire_left(r) <= TRAILING_MAX ? ERR_OK : ERR_MALFORMED;
}

enum err kms_stub_read_request(const void *stub, size_t len, bool big, bool ndr64,
                               const uint8_t **data, size_t *n)
{
    struct wire_rd r = wire_reader(stub, len);
    const uint8_t *bytes;
    uint32_t size;
    enum err e;

    r.big = big;
    size = wire_u32(&r);
    bytes = get_array(&r, size, ndr64);
    e = stub_end(&r);
    if (e != ERR_OK)
        return e;
    *data = bytes;
    *n = size;
    return ERR_OK;
}

void kms_stub_write_request(const void *data, size_t n, bool ndr64, struct buf *out)
{
    struct wire_wr w = wire_writer(out);

    wire_put_u32(&w, (uint32_t)n);
    put_array(&w, data, n, ndr64);
}

void kms_stub_write_response(const void *data, size_t n, uint32_t hresult, bool ndr64,
                             struct buf *out)
{
    struct wire_wr w = wire_writer(out);

    wire_put_u32(&w, (uint32_t)n);
    put_wide(&w, n > 0 ? REFERENT_ID : 0, ndr64);
    if (n > 0)
        put_array(&w, data, n, ndr64);
    wire_pad(&w, 4);
    wire_put_u32(&w, hresult);
}

enum err kms_stub_read_response(const void *stub, size_t len, bool big, bool ndr64,
                                const uint8_t **data, size_t *n, uint32_t *hresult)
{
    struct wire_rd r = wire_reader(stub, len);
    const uint8_t *bytes = NULL;
    uint32_t size, result;
    bool present;
    enum err e;

    r.big = big;
    size = wire_u32(&r);
    present = get_wide(&r, ndr64) != 0;
    if (size > 0 && !present)
        wire_reject(&r, ERR_MALFORMED);
    if (present) /* an empty array is no message either */
        bytes = get_array(&r, size, ndr64);
    wire_align(&r, 4);
    result = wire_u32(&r);
    e = stub_end(&r);
    if (e != ERR_OK)
        return e;
    *data = size > 0 ? bytes : NULL;
    *n = size;
    *hresult = result;
    return ERR_OK;
}
