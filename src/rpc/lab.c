#include "rpc/lab.h"

#include "wire/ndr.h"

struct rpc_iface rpc_lab_iface(int id)
{
    return (struct rpc_iface){
        .uuid = {{0x4d, 0xec, 0x22, 0xad, 0x20, 0xb2, 0x17, 0x41, 0xb9, 0x90, 0xc6, 0x88, 0x25,
                  0xdb, 0x23, 0xe5}},
        .major = 1,
        .opnums = RPC_LAB_OPS,
        .max_stub = RPC_LAB_MAX_STUB,
        .name = "lab",
        .id = id,
    };
}

uint32_t rpc_lab_handle(const struct rpc_call *call, struct buf *out)
{
    struct ndr_rd in = ndr_reader(call->stub, call->stub_len, call->big, call->ndr64);
    struct ndr_wr w = ndr_writer(out, call->ndr64);
    const uint8_t *bytes;
    size_t count;

    if (call->opnum != RPC_LAB_ECHO)
        return RPC_FAULT_OP_RANGE;
    count = ndr_count(&in, 1);
    bytes = wire_take(&in.r, count);
    if (in.r.err != ERR_OK)
        return RPC_FAULT_BAD_STUB;
    ndr_put_count(&w, count);
    wire_put(&w.w, bytes, count);
    ndr_put_u32(&w, 0);
    return 0;
}
