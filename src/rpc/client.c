#include "rpc/client.h"

#include "rpc/pdu.h"

#include <stdlib.h>

#define BIND_CALL    1u
#define STUB_DEFAULT 65536u

enum state {
    BINDING,
    IDLE,
    CALLING,
    FAILED,
};

struct rpc_client {
    struct rpc_client_conf conf;
    enum state state;
    uint32_t call_id;
    uint16_t context_id;
    uint16_t fragment; /* most bytes of a fragment of ours */
    uint16_t features;
    bool ndr64, big;
    bool started; /* the first fragment of the response has come */
    uint32_t fault;
    struct buf in, out, stub;
};

static void put_context(struct wire_wr *w, const struct rpc_client_conf *conf, uint16_t id,
                        const struct rpc_syntax *transfer)
{
    struct rpc_syntax abstract = {conf->uuid, conf->major, conf->minor};

    wire_put_u16(w, id);
    wire_put_u8(w, 1); /* one transfer syntax a context, as Windows asks */
    wire_put_u8(w, 0);
    rpc_put_syntax(w, &abstract);
    rpc_put_syntax(w, transfer);
}

/* 6cb71c2c-9812-4540-… with the features as its last eight bytes: both that exist. */
static const struct rpc_syntax features = {
    .uuid = {{0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45,
              RPC_FEATURE_SECURITY_MULTIPLEX | RPC_FEATURE_KEEP_ON_ORPHAN}},
    .major = 1,
};

static size_t syntaxes(const struct rpc_client *c)
{
    return c->conf.offer == RPC_OFFER_BOTH ? 2 : 1;
}

static size_t proposals(const struct rpc_client *c)
{
    return syntaxes(c) + (c->conf.features ? 1 : 0);
}

/* The proposal at index i of our bind. */
static const struct rpc_syntax *proposed(const struct rpc_client *c, size_t i)
{
    if (i == syntaxes(c))
        return &features;
    return c->conf.offer != RPC_OFFER_NDR && i == 0 ? &rpc_ndr64 : &rpc_ndr;
}

static void put_bind(struct rpc_client *c)
{
    struct wire_wr w = rpc_pdu_begin(&c->out, RPC_BIND, RPC_PFC_FIRST | RPC_PFC_LAST, BIND_CALL);

    wire_put_u16(&w, c->conf.max_fragment);
    wire_put_u16(&w, c->conf.max_fragment);
    wire_put_u32(&w, 0); /* a new association group */
    wire_put_u8(&w, (uint8_t)proposals(c));
    wire_pad(&w, 4);
    for (size_t i = 0; i < proposals(c); i++)
        put_context(&w, &c->conf, (uint16_t)i, proposed(c, i));
    rpc_pdu_finish(&w);
}

struct rpc_client *rpc_client_new(const struct rpc_client_conf *conf)
{
    struct rpc_client *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->conf = *conf;
    if (c->conf.max_fragment == 0)
        c->conf.max_fragment = RPC_FRAG_MAX;
    if (c->conf.max_stub == 0)
        c->conf.max_stub = STUB_DEFAULT;
    c->call_id = BIND_CALL;
    put_bind(c);
    if (c->out.err != ERR_OK) {
        rpc_client_free(c);
        return NULL;
    }
    return c;
}

void rpc_client_free(struct rpc_client *c)
{
    if (c == NULL)
        return;
    buf_fini(&c->in);
    buf_fini(&c->out);
    buf_fini(&c->stub);
    free(c);
}

enum err rpc_client_call(struct rpc_client *c, uint16_t opnum, const void *stub, size_t len,
                         struct errinfo *ei)
{
    size_t most = (c->fragment - RPC_REQUEST_LEN) & ~(size_t)7;
    const uint8_t *p = stub;
    size_t pos = 0;

    if (c->state != IDLE)
        return err_fail(ei, ERR_NOT_NOW, "RPC call: the association is not ready for one");
    c->state = CALLING;
    c->call_id++;
    c->started = false;
    buf_clear(&c->stub);
    do {
        size_t n = len - pos < most ? len - pos : most;
        unsigned flags = (pos == 0 ? RPC_PFC_FIRST : 0) | (pos + n == len ? RPC_PFC_LAST : 0);
        struct wire_wr w = rpc_pdu_begin(&c->out, RPC_REQUEST, (uint8_t)flags, c->call_id);

        wire_put_u32(&w, (uint32_t)(len - pos));
        wire_put_u16(&w, c->context_id);
        wire_put_u16(&w, opnum);
        wire_put(&w, n > 0 ? p + pos : NULL, n);
        rpc_pdu_finish(&w);
        pos += n;
    } while (pos < len);
    return c->out.err == ERR_OK ? ERR_OK : err_nomem(ei);
}

static enum rpc_client_step fail(struct rpc_client *c, struct errinfo *ei)
{
    c->state = FAILED;
    err_context(ei, "RPC server");
    return RPC_CLIENT_FAILED;
}

static const char *nak_text(uint16_t reason)
{
    switch (reason) {
    case RPC_NAK_CONGESTION:
        return "busy, try later";
    case 2:
        return "local limit exceeded";
    case RPC_NAK_VERSION:
        return "protocol version not supported";
    case RPC_NAK_AUTH_TYPE:
        return "authentication type not recognised";
    default:
        return "reason not specified";
    }
}

static enum rpc_client_step on_nak(struct rpc_client *c, const struct rpc_hdr *h,
                                   const uint8_t *pdu, struct errinfo *ei)
{
    struct wire_rd r = wire_reader(pdu, h->frag_len);
    uint16_t reason;

    r.pos += RPC_HDR_LEN;
    r.big = h->big;
    reason = wire_u16(&r);
    err_fail(ei, ERR_DENIED, "bind refused: %s (%u)", nak_text(reason), reason);
    return fail(c, ei);
}

/* Sizes of an ack; the reader is left at the list of results. */
static enum err read_ack(struct rpc_client *c, struct wire_rd *r, size_t *count)
{
    uint16_t xmit, recv;

    xmit = wire_u16(r); /* what the server will send at most */
    recv = wire_u16(r);
    (void)xmit;
    (void)wire_u32(r); /* association group */
    (void)wire_take(r, wire_u16(r));
    wire_align(r, 4);
    *count = wire_u8(r);
    (void)wire_take(r, 3);
    if (r->err != ERR_OK)
        return r->err;
    c->fragment = recv < c->conf.max_fragment ? recv : c->conf.max_fragment;
    if (c->conf.call_fragment != 0 && c->conf.call_fragment < c->fragment)
        c->fragment = c->conf.call_fragment;
    if (c->fragment < RPC_CLIENT_FRAGMENT_MIN)
        c->fragment = RPC_CLIENT_FRAGMENT_MIN;
    return *count == proposals(c) ? ERR_OK : ERR_MALFORMED;
}

/* The result of proposal i; ERR_MALFORMED where it fits no proposal of ours. */
static enum err take_result(struct rpc_client *c, size_t i, const struct rpc_result *res,
                            bool *accepted)
{
    const struct rpc_syntax *mine = proposed(c, i);

    if (res->result == RPC_CTX_NEGOTIATE_ACK && mine == &features)
        c->features = res->reason;
    if (res->result != RPC_CTX_ACCEPTED)
        return ERR_OK;
    if (mine == &features || !rpc_syntax_equal(&res->syntax, mine))
        return ERR_MALFORMED;
    if (*accepted)
        return ERR_OK; /* a server may take several; one is enough */
    *accepted = true;
    c->context_id = (uint16_t)i;
    c->ndr64 = mine == &rpc_ndr64;
    return ERR_OK;
}

static enum rpc_client_step on_ack(struct rpc_client *c, const struct rpc_hdr *h,
                                   const uint8_t *pdu, struct errinfo *ei)
{
    struct wire_rd r = wire_reader(pdu, h->frag_len);
    struct rpc_result res = {0}, last = {0};
    bool accepted = false;
    size_t count = 0;
    enum err e;

    r.pos += RPC_HDR_LEN;
    r.big = h->big;
    e = read_ack(c, &r, &count);
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        res.result = wire_u16(&r);
        res.reason = wire_u16(&r);
        res.syntax = rpc_syntax_read(&r);
        if (i < syntaxes(c))
            last = res;
        e = r.err != ERR_OK ? r.err : take_result(c, i, &res, &accepted);
    }
    if (e != ERR_OK) {
        err_fail(ei, e, "bind_ack breaks its format");
        return fail(c, ei);
    }
    if (!accepted) {
        err_fail(ei, ERR_NOTFOUND, "interface not served (result %u, reason %u)", last.result,
                 last.reason);
        return fail(c, ei);
    }
    c->state = IDLE;
    return RPC_CLIENT_BOUND;
}

static enum rpc_client_step on_fault(struct rpc_client *c, const struct rpc_hdr *h,
                                     const uint8_t *pdu)
{
    struct wire_rd r = wire_reader(pdu, h->frag_len);

    r.pos += RPC_REQUEST_LEN;
    r.big = h->big;
    c->fault = wire_u32(&r);
    c->state = IDLE;
    buf_clear(&c->stub);
    return RPC_CLIENT_FAULT;
}

static enum rpc_client_step on_response(struct rpc_client *c, const struct rpc_hdr *h,
                                        const uint8_t *pdu, struct errinfo *ei)
{
    bool first = (h->flags & RPC_PFC_FIRST) != 0;
    size_t len = h->frag_len - RPC_REQUEST_LEN;

    if (first == c->started || (c->started && h->big != c->big)) {
        err_fail(ei, ERR_MALFORMED, "fragments of a response out of order");
        return fail(c, ei);
    }
    if (c->stub.len + len > c->conf.max_stub) {
        err_fail(ei, ERR_LIMIT, "response above %u bytes", (unsigned)c->conf.max_stub);
        return fail(c, ei);
    }
    c->started = true;
    c->big = h->big;
    buf_add(&c->stub, pdu + RPC_REQUEST_LEN, len);
    if (c->stub.err != ERR_OK) {
        err_nomem(ei);
        return fail(c, ei);
    }
    if ((h->flags & RPC_PFC_LAST) == 0)
        return RPC_CLIENT_MORE;
    c->state = IDLE;
    return RPC_CLIENT_RESPONSE;
}

static enum rpc_client_step dispatch(struct rpc_client *c, const struct rpc_hdr *h,
                                     const uint8_t *pdu, struct errinfo *ei)
{
    if (h->auth_len == 0 && h->call_id == c->call_id) {
        if (c->state == BINDING && h->ptype == RPC_BIND_ACK)
            return on_ack(c, h, pdu, ei);
        if (c->state == BINDING && h->ptype == RPC_BIND_NAK)
            return on_nak(c, h, pdu, ei);
        if (c->state == CALLING && h->ptype == RPC_RESPONSE)
            return on_response(c, h, pdu, ei);
        if (c->state == CALLING && h->ptype == RPC_FAULT)
            return on_fault(c, h, pdu);
    }
    err_fail(ei, ERR_MALFORMED, "unexpected packet type %u for call %u", h->ptype,
             (unsigned)h->call_id);
    return fail(c, ei);
}

/* How many bytes the PDU at hand has; 0: its header is wrong. */
static size_t whole(struct rpc_client *c, struct rpc_hdr *h, struct errinfo *ei)
{
    enum rpc_reason reason;

    if (c->in.len < RPC_HDR_LEN)
        return RPC_HDR_LEN;
    reason = rpc_hdr_read(c->in.data, h);
    if (reason == RPC_OK && h->frag_len <= RPC_FRAG_MAX)
        return h->frag_len;
    err_fail(ei, ERR_MALFORMED, "answer is no DCE/RPC packet of ours (%s)",
             rpc_reason_name(reason == RPC_OK ? RPC_TOO_LARGE : reason));
    return 0;
}

static enum rpc_client_step drop_in(struct rpc_client *c, enum rpc_client_step step)
{
    buf_clear(&c->in);
    return step;
}

enum rpc_client_step rpc_client_feed(struct rpc_client *c, const void *in, size_t len, size_t *used,
                                     struct errinfo *ei)
{
    const uint8_t *p = in;
    size_t pos = 0;

    *used = len;
    if (c->state == FAILED) {
        err_fail(ei, ERR_NOT_NOW, "RPC server: the association has failed");
        return RPC_CLIENT_FAILED;
    }
    while (pos < len) {
        enum rpc_client_step step;
        struct rpc_hdr h = {0};
        size_t want = whole(c, &h, ei);
        size_t n = want - c->in.len < len - pos ? want - c->in.len : len - pos;

        buf_add(&c->in, p + pos, n);
        pos += n;
        if (c->in.err != ERR_OK) {
            err_nomem(ei);
            return fail(c, ei);
        }
        want = whole(c, &h, ei);
        if (want == 0)
            return fail(c, ei);
        if (c->in.len < want || c->in.len < RPC_HDR_LEN)
            continue;
        step = drop_in(c, dispatch(c, &h, c->in.data, ei));
        if (step != RPC_CLIENT_MORE) {
            *used = step == RPC_CLIENT_FAILED ? len : pos;
            return step;
        }
    }
    return RPC_CLIENT_MORE;
}

struct buf *rpc_client_output(struct rpc_client *c)
{
    return &c->out;
}

const struct buf *rpc_client_stub(const struct rpc_client *c)
{
    return &c->stub;
}

bool rpc_client_stub_big(const struct rpc_client *c)
{
    return c->big;
}

bool rpc_client_ndr64(const struct rpc_client *c)
{
    return c->ndr64;
}

uint16_t rpc_client_features(const struct rpc_client *c)
{
    return c->features;
}

uint32_t rpc_client_fault(const struct rpc_client *c)
{
    return c->fault;
}
