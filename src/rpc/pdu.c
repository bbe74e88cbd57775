#include "rpc/pdu.h"

#include <string.h>

/* 8a885d04-1ceb-11c9-9fe8-08002b104860 version 2.0 (C706 appendix I). */
const struct rpc_syntax rpc_ndr = {
    .uuid = {{0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10,
              0x48, 0x60}},
    .major = 2,
};

/* 71710533-beba-4937-8319-b5dbef9ccc36 version 1.0 (MS-RPCE 1.9). */
const struct rpc_syntax rpc_ndr64 = {
    .uuid = {{0x33, 0x05, 0x71, 0x71, 0xba, 0xbe, 0x37, 0x49, 0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c,
              0xcc, 0x36}},
    .major = 1,
};

bool rpc_syntax_features(const struct rpc_syntax *s, uint64_t *features)
{
    /* 6cb71c2c-9812-4540-…: the other eight bytes are the bitmask (MS-RPCE 3.3.1.5.3). */
    static const uint8_t prefix[8] = {0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45};
    uint64_t mask = 0;

    if (memcmp(s->uuid.b, prefix, sizeof(prefix)) != 0 || s->major != 1 || s->minor != 0)
        return false;
    for (int i = 0; i < 8; i++)
        mask |= (uint64_t)s->uuid.b[8 + i] << (8 * i);
    *features = mask;
    return true;
}

/* The least frag_length of each type: header and fixed part. */
static size_t fixed_part(uint8_t ptype, uint8_t flags)
{
    switch (ptype) {
    case RPC_REQUEST:
        return RPC_REQUEST_LEN + ((flags & RPC_PFC_OBJECT_UUID) != 0 ? 16 : 0);
    case RPC_RESPONSE:
        return RPC_REQUEST_LEN;
    case RPC_FAULT:
        return 28;
    case RPC_BIND:
    case RPC_ALTER:
        return RPC_BIND_LEN;
    case RPC_BIND_ACK:
    case RPC_ALTER_RESP:
        return 26;
    case RPC_BIND_NAK:
        return 18;
    default:
        return RPC_HDR_LEN;
    }
}

enum rpc_reason rpc_hdr_read(const uint8_t *pdu, struct rpc_hdr *out)
{
    struct wire_rd r = wire_reader(pdu, RPC_HDR_LEN);

    out->vers = wire_u8(&r);
    out->minor = wire_u8(&r);
    out->ptype = wire_u8(&r);
    out->flags = wire_u8(&r);
    wire_copy(&r, out->drep, sizeof(out->drep));
    out->big = (out->drep[0] & 0xf0) == 0; /* C706 14.1: high half integers, low half characters */
    r.big = out->big;
    out->frag_len = wire_u16(&r);
    out->auth_len = wire_u16(&r);
    out->call_id = wire_u32(&r);
    if (out->vers != 5 || out->minor > 1)
        return RPC_BAD_VERSION;
    if ((out->drep[0] != 0x10 && out->drep[0] != 0x00) || out->drep[1] != 0)
        return RPC_BAD_VERSION;
    if (out->frag_len < RPC_HDR_LEN)
        return RPC_BAD_LENGTH;
    if (out->ptype > RPC_ORPHANED)
        return RPC_BAD_TYPE;
    return out->frag_len < fixed_part(out->ptype, out->flags) ? RPC_BAD_LENGTH : RPC_OK;
}

enum err rpc_auth_read(const struct rpc_hdr *h, const uint8_t *pdu, size_t body,
                       struct rpc_auth *out)
{
    size_t need = (size_t)h->auth_len + 8;
    struct wire_rd r;

    if (h->auth_len == 0 || need > h->frag_len - body)
        return ERR_MALFORMED;
    r = wire_reader(pdu + h->frag_len - need, need);
    r.big = h->big;
    out->type = wire_u8(&r);
    out->level = wire_u8(&r);
    out->pad = wire_u8(&r);
    (void)wire_u8(&r); /* reserved */
    out->context_id = wire_u32(&r);
    out->len = h->auth_len;
    out->value = wire_take(&r, out->len);
    return out->pad > h->frag_len - body - need ? ERR_MALFORMED : ERR_OK;
}

struct rpc_syntax rpc_syntax_read(struct wire_rd *r)
{
    struct rpc_syntax s;
    uint32_t version;

    s.uuid = wire_guid(r);
    version = wire_u32(r); /* C706 12.6.3.1: major in the low half */
    s.major = (uint16_t)version;
    s.minor = (uint16_t)(version >> 16);
    return s;
}

struct rpc_proposal rpc_bind_next(struct wire_rd *list)
{
    struct rpc_proposal p;

    p.id = wire_u16(list);
    p.transfers = wire_u8(list);
    (void)wire_u8(list); /* reserved */
    p.abstract = rpc_syntax_read(list);
    p.list = wire_sub(list, (size_t)p.transfers * 20);
    return p;
}

enum err rpc_bind_read(const struct rpc_hdr *h, const uint8_t *pdu, struct rpc_bind *out)
{
    struct wire_rd r = wire_reader(pdu, h->frag_len);
    size_t tail = h->auth_len > 0 ? h->auth_len + 8u : 0;

    r.pos += RPC_HDR_LEN;
    r.big = h->big;
    out->max_xmit = wire_u16(&r);
    out->max_recv = wire_u16(&r);
    out->group = wire_u32(&r);
    out->contexts = wire_u8(&r);
    /* Reserved bytes, which some clients leave out when no context follows. */
    (void)wire_take(&r, out->contexts == 0 && wire_left(&r) < 3 ? wire_left(&r) : 3);
    if (tail > wire_left(&r))
        return ERR_TRUNCATED;
    r.end -= tail;
    out->list = r;
    for (unsigned i = 0; i < out->contexts; i++)
        (void)rpc_bind_next(&r);
    if (r.err != ERR_OK)
        return r.err;
    /* More than padding hides something. Before a trailer anything is let pass, as Samba does:
     * impacket repeats its contexts there, uncounted. */
    return tail == 0 && wire_left(&r) > 15 ? ERR_MALFORMED : ERR_OK;
}

enum err rpc_request_read(const struct rpc_hdr *h, const uint8_t *pdu, struct rpc_request *out)
{
    struct wire_rd r = wire_reader(pdu, h->frag_len);
    struct rpc_auth auth;
    size_t tail = 0;

    r.pos += RPC_HDR_LEN;
    r.big = h->big;
    out->alloc_hint = wire_u32(&r);
    out->context_id = wire_u16(&r);
    out->opnum = wire_u16(&r);
    out->has_object = (h->flags & RPC_PFC_OBJECT_UUID) != 0;
    out->object = out->has_object ? wire_guid(&r) : (struct guid){{0}};
    if (h->auth_len > 0) {
        if (rpc_auth_read(h, pdu, wire_offset(&r), &auth) != ERR_OK)
            return ERR_MALFORMED;
        tail = (size_t)auth.len + 8 + auth.pad;
    }
    out->stub_len = wire_left(&r) - tail;
    out->stub = wire_take(&r, out->stub_len);
    return r.err;
}

static void fill_zero(uint8_t *p, size_t n)
{
    if (p != NULL && n > 0)
        memset(p, 0, n);
}

size_t rpc_put_trailer(struct buf *out, size_t start, size_t body, const struct rpc_trailer *t)
{
    struct wire_wr w = {.out = out, .start = start};
    struct wire_slot auth_length = {start + 10};
    size_t pad = body == SIZE_MAX ? 0 : -(out->len - body) & (RPC_AUTH_ALIGN - 1);
    size_t trailer;

    fill_zero(buf_grow(out, pad), pad);
    trailer = out->len;
    wire_put_u8(&w, t->type);
    wire_put_u8(&w, t->level);
    wire_put_u8(&w, (uint8_t)pad);
    wire_put_u8(&w, 0);
    wire_put_u32(&w, t->context_id);
    fill_zero(buf_grow(out, t->len), t->len);
    wire_fill_u16(&w, auth_length, t->len);
    rpc_pdu_finish(&w);
    return trailer;
}

struct wire_wr rpc_pdu_begin(struct buf *out, uint8_t ptype, uint8_t flags, uint32_t call_id)
{
    static const uint8_t drep[4] = {0x10, 0, 0, 0}; /* little-endian, ASCII, IEEE */
    struct wire_wr w = wire_writer(out);

    wire_put_u8(&w, 5);
    wire_put_u8(&w, 0);
    wire_put_u8(&w, ptype);
    wire_put_u8(&w, flags);
    wire_put(&w, drep, sizeof(drep));
    wire_put_u16(&w, 0); /* frag_length, filled at the end */
    wire_put_u16(&w, 0); /* auth_length */
    wire_put_u32(&w, call_id);
    return w;
}

void rpc_pdu_finish(struct wire_wr *w)
{
    struct wire_slot frag_length = {w->start + 8};

    wire_fill_u16(w, frag_length, w->out->len - w->start);
}

void rpc_put_syntax(struct wire_wr *w, const struct rpc_syntax *s)
{
    wire_put_guid(w, &s->uuid);
    wire_put_u32(w, (uint32_t)s->minor << 16 | s->major);
}

void rpc_put_ack(struct buf *out, const struct rpc_ack *ack)
{
    uint8_t flags = ack->flags | RPC_PFC_FIRST | RPC_PFC_LAST;
    struct wire_wr w = rpc_pdu_begin(out, ack->ptype, flags, ack->call_id);
    size_t address = strlen(ack->address);

    wire_put_u16(&w, ack->max_frag);
    wire_put_u16(&w, ack->max_frag);
    wire_put_u32(&w, ack->group);
    address += address > 0; /* its NUL counts */
    wire_put_u16(&w, (uint16_t)address);
    wire_put(&w, ack->address, address);
    wire_pad(&w, 4);
    wire_put_u8(&w, (uint8_t)ack->count);
    wire_pad(&w, 4);
    for (size_t i = 0; i < ack->count; i++) {
        wire_put_u16(&w, ack->results[i].result);
        wire_put_u16(&w, ack->results[i].reason);
        rpc_put_syntax(&w, &ack->results[i].syntax);
    }
    rpc_pdu_finish(&w);
}

void rpc_put_nak(struct buf *out, uint32_t call_id, uint16_t reason)
{
    struct wire_wr w = rpc_pdu_begin(out, RPC_BIND_NAK, RPC_PFC_FIRST | RPC_PFC_LAST, call_id);

    wire_put_u16(&w, reason);
    wire_put_u8(&w, 1); /* one version follows: 5.0 */
    wire_put_u8(&w, 5);
    wire_put_u8(&w, 0);
    wire_pad(&w, 4);
    rpc_pdu_finish(&w);
}

void rpc_put_fault(struct buf *out, uint32_t call_id, uint16_t context_id, uint8_t flags,
                   uint32_t status)
{
    struct wire_wr w = rpc_pdu_begin(out, RPC_FAULT, flags | RPC_PFC_FIRST | RPC_PFC_LAST, call_id);

    wire_put_u32(&w, 32); /* alloc_hint: the PDU itself; some clients refuse 0 */
    wire_put_u16(&w, context_id);
    wire_put_u8(&w, 0); /* cancel_count */
    wire_put_u8(&w, 0);
    wire_put_u32(&w, status);
    wire_put_u32(&w, 0);
    rpc_pdu_finish(&w);
}

void rpc_put_response(struct buf *out, uint32_t call_id, uint16_t context_id, uint8_t flags,
                      size_t hint, const void *stub, size_t len)
{
    struct wire_wr w = rpc_pdu_begin(out, RPC_RESPONSE, flags, call_id);

    wire_put_u32(&w, (uint32_t)hint);
    wire_put_u16(&w, context_id & 0xff); /* as Windows answers */
    wire_put_u8(&w, 0);
    wire_put_u8(&w, 0);
    wire_put(&w, stub, len);
    rpc_pdu_finish(&w);
}
