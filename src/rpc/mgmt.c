#include "rpc/mgmt.h"

#include "wire/ndr.h"

#define STATUS_ACCESS_DENIED 5u
#define STATUS_UNKNOWN_AUTHN 1747u /* RPC_S_UNKNOWN_AUTHN_SERVICE */
#define STATISTICS           4u

struct rpc_iface rpc_mgmt_iface(int id)
{
    return (struct rpc_iface){
        .uuid = {{0x80, 0xbd, 0xa8, 0xaf, 0x8a, 0x7d, 0xc9, 0x11, 0xbe, 0xf4, 0x08, 0x00, 0x2b,
                  0x10, 0x29, 0x89}},
        .major = 1,
        .opnums = RPC_MGMT_OPS,
        .max_stub = 16384,
        .max_hint = UINT32_MAX, /* nothing is allocated by it; Windows takes any here */
        .name = "mgmt",
        .id = id,
    };
}

/* [out] rpc_if_id_vector_p_t *vector, [out] error_status_t *status. */
static uint32_t inq_if_ids(const struct rpc_server *s, struct ndr_rd *in, struct ndr_wr *out)
{
    (void)in;
    ndr_put_pointer(out, true);
    ndr_put_count(out, s->iface_count);
    if (out->ndr64)
        wire_pad(&out->w, 8); /* the structure aligns as its pointers */
    ndr_put_u32(out, (uint32_t)s->iface_count);
    for (size_t i = 0; i < s->iface_count; i++)
        ndr_put_pointer(out, true);
    for (size_t i = 0; i < s->iface_count; i++) {
        wire_pad(&out->w, 4);
        wire_put_guid(&out->w, &s->ifaces[i].uuid);
        ndr_put_u16(out, s->ifaces[i].major);
        ndr_put_u16(out, s->ifaces[i].minor);
    }
    ndr_put_u32(out, 0);
    return 0;
}

/* [in, out] unsigned32 *count, [out, size_is(*count)] unsigned32 statistics[],
 * [out] error_status_t *status. */
static uint32_t inq_stats(const struct rpc_server *s, struct ndr_rd *in, struct ndr_wr *out)
{
    uint32_t count = ndr_u32(in);
    uint64_t values[STATISTICS];
    struct rpc_stats stats;

    if (in->r.err != ERR_OK)
        return RPC_FAULT_BAD_STUB;
    if (count > STATISTICS)
        count = STATISTICS;
    rpc_shared_stats(s->shared, &stats);
    values[0] = stats.calls_in;
    values[1] = stats.calls_out;
    values[2] = stats.pdus_in;
    values[3] = stats.pdus_out;
    ndr_put_u32(out, count);
    ndr_put_count(out, count);
    for (uint32_t i = 0; i < count; i++)
        ndr_put_u32(out, (uint32_t)values[i]); /* they turn over, as C706 says */
    ndr_put_u32(out, 0);
    return 0;
}

/* [out] error_status_t *status, returns boolean32. */
static uint32_t is_listening(const struct rpc_server *s, struct ndr_rd *in, struct ndr_wr *out)
{
    (void)s;
    (void)in;
    ndr_put_u32(out, 0);
    ndr_put_u32(out, 1);
    return 0;
}

/* [out] error_status_t *status. */
static uint32_t stop_listening(const struct rpc_server *s, struct ndr_rd *in, struct ndr_wr *out)
{
    (void)s;
    (void)in;
    ndr_put_u32(out, STATUS_ACCESS_DENIED);
    return 0;
}

/* [in] unsigned32 authn_proto, [in] unsigned32 size, [out, string, size_is(size)] char name[],
 * [out] error_status_t *status. */
static uint32_t inq_princ_name(const struct rpc_server *s, struct ndr_rd *in, struct ndr_wr *out)
{
    uint32_t size;

    (void)s;
    (void)ndr_u32(in);
    size = ndr_u32(in);
    if (in->r.err != ERR_OK)
        return RPC_FAULT_BAD_STUB;
    ndr_put_count(out, size);
    ndr_put_count(out, 0);
    ndr_put_count(out, size > 0); /* the empty string is its NUL */
    if (size > 0)
        wire_put_u8(&out->w, 0);
    ndr_put_u32(out, STATUS_UNKNOWN_AUTHN);
    return 0;
}

uint32_t rpc_mgmt_handle(const struct rpc_server *server, const struct rpc_call *call,
                         struct buf *out)
{
    static uint32_t (*const ops[RPC_MGMT_OPS])(const struct rpc_server *, struct ndr_rd *,
                                               struct ndr_wr *) = {
        [RPC_MGMT_INQ_IF_IDS] = inq_if_ids,         [RPC_MGMT_INQ_STATS] = inq_stats,
        [RPC_MGMT_IS_LISTENING] = is_listening,     [RPC_MGMT_STOP_LISTENING] = stop_listening,
        [RPC_MGMT_INQ_PRINC_NAME] = inq_princ_name,
    };
    struct ndr_rd in = ndr_reader(call->stub, call->stub_len, call->big, call->ndr64);
    struct ndr_wr w = ndr_writer(out, call->ndr64);

    if (call->opnum >= RPC_MGMT_OPS)
        return RPC_FAULT_OP_RANGE;
    return ops[call->opnum](server, &in, &w);
}
