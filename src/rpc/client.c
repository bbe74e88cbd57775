#include "rpc/client.h"

#include "rpc/pdu.h"

#include <stdlib.h>
#include <string.h>

#define BIND_CALL    1u
#define STUB_DEFAULT 65536u
#define AUTH_CONTEXT 1u /* the id of our one security context */

enum state {
    BINDING,
    AUTHENTICATING, /* an alter_context carries a leg */
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
    bool header_signing;
    bool known; /* the security context is finished */
    struct rpc_security_facts facts;
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

static bool secure(const struct rpc_client *c)
{
    return c->conf.security != NULL;
}

static bool signs(const struct rpc_client *c)
{
    return secure(c) && c->conf.authn_level >= RPC_LEVEL_PACKET;
}

static bool seals(const struct rpc_client *c)
{
    return c->conf.authn_level == RPC_LEVEL_PRIVACY;
}

/* Ends the PDU that began at offset start with a leg's token. */
static void put_token(struct rpc_client *c, size_t start, const struct buf *token)
{
    struct rpc_trailer t = {c->conf.authn_type, c->conf.authn_level, AUTH_CONTEXT, token->len};
    size_t trailer = rpc_put_trailer(&c->out, start, SIZE_MAX, &t);

    if (c->out.err == ERR_OK && token->len > 0)
        memcpy(c->out.data + trailer + RPC_TRAILER_LEN, token->data, token->len);
}

/* A bind or an alter_context; token: of the leg it carries, or NULL. */
static void put_bind(struct rpc_client *c, uint8_t ptype, const struct buf *token)
{
    uint8_t signing = secure(c) ? RPC_PFC_HDR_SIGNING : 0;
    size_t start = c->out.len;
    struct wire_wr w =
        rpc_pdu_begin(&c->out, ptype, RPC_PFC_FIRST | RPC_PFC_LAST | signing, BIND_CALL);

    wire_put_u16(&w, c->conf.max_fragment);
    wire_put_u16(&w, c->conf.max_fragment);
    wire_put_u32(&w, 0); /* a new association group */
    wire_put_u8(&w, (uint8_t)proposals(c));
    wire_pad(&w, 4);
    for (size_t i = 0; i < proposals(c); i++)
        put_context(&w, &c->conf, (uint16_t)i, proposed(c, i));
    rpc_pdu_finish(&w);
    if (token != NULL)
        put_token(c, start, token);
}

/* The last leg of a context that needs no answer (MS-RPCE 2.2.2.10). */
static void put_auth3(struct rpc_client *c, const struct buf *token)
{
    size_t start = c->out.len;
    struct wire_wr w = rpc_pdu_begin(&c->out, RPC_AUTH3, RPC_PFC_FIRST | RPC_PFC_LAST, BIND_CALL);

    wire_put_u32(&w, 0); /* padding */
    put_token(c, start, token);
}

/* One leg; token is appended to. */
static enum rpc_security_step leg(struct rpc_client *c, const struct rpc_auth *a, struct buf *token,
                                  struct errinfo *ei)
{
    struct rpc_security *s = c->conf.security;
    enum rpc_security_step r = s->ops->step(s, a->value, a->len, token, &c->facts, ei);

    if (r != RPC_SECURITY_FAILED && token->err != ERR_OK) {
        err_nomem(ei);
        return RPC_SECURITY_FAILED;
    }
    if (r == RPC_SECURITY_DONE &&
        rpc_security_suffices(&c->facts, c->conf.authn_level, ei) != ERR_OK)
        return RPC_SECURITY_FAILED;
    c->known = r == RPC_SECURITY_DONE;
    return r;
}

static bool begin(struct rpc_client *c)
{
    struct rpc_auth none = {.len = 0};
    struct buf token = BUF_INIT;
    struct errinfo ei;
    bool ok = true;

    if (secure(c))
        ok = leg(c, &none, &token, &ei) != RPC_SECURITY_FAILED;
    if (ok)
        put_bind(c, RPC_BIND, secure(c) ? &token : NULL);
    buf_fini(&token);
    return ok && c->out.err == ERR_OK;
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
    if (!begin(c)) {
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

/* Most stub octets in a fragment of ours. */
static size_t room(const struct rpc_client *c)
{
    struct rpc_security *s = c->conf.security;
    size_t n = c->fragment - RPC_REQUEST_LEN, extra;

    if (!signs(c))
        return n & ~(size_t)7;
    extra = RPC_TRAILER_LEN + s->ops->signature_size(s, seals(c));
    return n < extra + RPC_AUTH_ALIGN ? RPC_AUTH_ALIGN
                                      : (n - extra) & ~(size_t)(RPC_AUTH_ALIGN - 1);
}

/* The parts of a PDU whose trailer is at that offset. */
static struct rpc_protected parts(const struct rpc_client *c, uint8_t *pdu, size_t trailer)
{
    size_t data = trailer - RPC_REQUEST_LEN;

    if (c->header_signing)
        return (struct rpc_protected){pdu, RPC_REQUEST_LEN, data, RPC_TRAILER_LEN};
    return (struct rpc_protected){pdu + RPC_REQUEST_LEN, 0, data, 0};
}

/* Pads and signs the request that began at offset start. */
static enum err protect(struct rpc_client *c, size_t start, struct errinfo *ei)
{
    struct rpc_security *s = c->conf.security;
    size_t size = s->ops->signature_size(s, seals(c));
    struct rpc_trailer t = {c->conf.authn_type, c->conf.authn_level, AUTH_CONTEXT, size};
    size_t trailer = rpc_put_trailer(&c->out, start, start + RPC_REQUEST_LEN, &t);
    struct rpc_protected p;

    if (c->out.err != ERR_OK)
        return err_nomem(ei);
    if (size == 0)
        return err_fail(ei, ERR_CRYPTO, "RPC call: the security context cannot sign");
    p = parts(c, c->out.data + start, trailer - start);
    return s->ops->protect(s, seals(c), &p, c->out.data + trailer + RPC_TRAILER_LEN, size, ei);
}

enum err rpc_client_call(struct rpc_client *c, uint16_t opnum, const void *stub, size_t len,
                         struct errinfo *ei)
{
    const uint8_t *p = stub;
    size_t most, pos = 0;

    if (c->state != IDLE)
        return err_fail(ei, ERR_NOT_NOW, "RPC call: the association is not ready for one");
    most = room(c);
    c->state = CALLING;
    c->call_id++;
    c->started = false;
    buf_clear(&c->stub);
    do {
        size_t n = len - pos < most ? len - pos : most;
        size_t start = c->out.len;
        unsigned flags = (pos == 0 ? RPC_PFC_FIRST : 0) | (pos + n == len ? RPC_PFC_LAST : 0);
        struct wire_wr w = rpc_pdu_begin(&c->out, RPC_REQUEST, (uint8_t)flags, c->call_id);

        wire_put_u32(&w, (uint32_t)(len - pos));
        wire_put_u16(&w, c->context_id);
        wire_put_u16(&w, opnum);
        wire_put(&w, n > 0 ? p + pos : NULL, n);
        rpc_pdu_finish(&w);
        if (signs(c) && protect(c, start, ei) != ERR_OK) {
            c->state = FAILED;
            return ei != NULL ? ei->code : ERR_CRYPTO;
        }
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
    case RPC_NAK_CHECKSUM:
        return "it does not believe who we are";
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

/* The server's part of a leg is there, or it had none: goes on with ours. */
static enum rpc_client_step on_leg(struct rpc_client *c, const struct rpc_hdr *h,
                                   const uint8_t *pdu, struct errinfo *ei)
{
    struct rpc_auth a = {.len = 0};
    enum rpc_security_step r = RPC_SECURITY_DONE;
    struct buf token = BUF_INIT;

    if (h->auth_len > 0 && (rpc_auth_read(h, pdu, RPC_HDR_LEN, &a) != ERR_OK ||
                            a.type != c->conf.authn_type || a.context_id != AUTH_CONTEXT)) {
        err_fail(ei, ERR_MALFORMED, "trailer of an answer breaks its format");
        return fail(c, ei);
    }
    if (!c->known)
        r = leg(c, &a, &token, ei);
    if (r == RPC_SECURITY_MORE && token.len == 0) {
        err_fail(ei, ERR_AUTH, "the server does not end its authentication");
        r = RPC_SECURITY_FAILED;
    }
    if (r == RPC_SECURITY_MORE)
        put_bind(c, RPC_ALTER, &token);
    else if (r == RPC_SECURITY_DONE && token.len > 0)
        put_auth3(c, &token);
    buf_fini(&token);
    if (r == RPC_SECURITY_FAILED)
        return fail(c, ei);
    c->state = r == RPC_SECURITY_MORE ? AUTHENTICATING : IDLE;
    return r == RPC_SECURITY_MORE ? RPC_CLIENT_MORE : RPC_CLIENT_BOUND;
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
    if (h->ptype == RPC_BIND_ACK)
        c->header_signing = secure(c) && (h->flags & RPC_PFC_HDR_SIGNING) != 0;
    if (signs(c) && !c->header_signing) { /* or somebody on the way took the flag off */
        err_fail(ei, ERR_AUTH, "the server does not sign headers");
        return fail(c, ei);
    }
    if (secure(c))
        return on_leg(c, h, pdu, ei);
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

/* A fault in place of the answer to a leg. */
static enum rpc_client_step on_denial(struct rpc_client *c, const struct rpc_hdr *h,
                                      const uint8_t *pdu, struct errinfo *ei)
{
    (void)on_fault(c, h, pdu);
    err_fail(ei, ERR_AUTH, "authentication refused (fault 0x%08x)", (unsigned)c->fault);
    return fail(c, ei);
}

/* Checks the signature of a response and unseals it in place; *len loses trailer and padding. */
static enum err open_response(struct rpc_client *c, const struct rpc_hdr *h, uint8_t *pdu,
                              size_t *len, struct errinfo *ei)
{
    struct rpc_security *s = c->conf.security;
    size_t trailer = (size_t)h->frag_len - h->auth_len - RPC_TRAILER_LEN;
    struct rpc_protected p;
    struct rpc_auth a;

    if (h->auth_len == 0)
        return err_fail(ei, ERR_CRYPTO, "response without a signature");
    if (rpc_auth_read(h, pdu, RPC_REQUEST_LEN, &a) != ERR_OK || a.type != c->conf.authn_type ||
        a.level != c->conf.authn_level || a.context_id != AUTH_CONTEXT)
        return err_fail(ei, ERR_MALFORMED, "trailer of a response breaks its format");
    *len = trailer - RPC_REQUEST_LEN - a.pad;
    p = parts(c, pdu, trailer);
    return s->ops->check(s, seals(c), &p, a.value, a.len, ei);
}

static enum rpc_client_step on_response(struct rpc_client *c, const struct rpc_hdr *h, uint8_t *pdu,
                                        struct errinfo *ei)
{
    bool first = (h->flags & RPC_PFC_FIRST) != 0;
    size_t len = h->frag_len - RPC_REQUEST_LEN;

    if (signs(c) && open_response(c, h, pdu, &len, ei) != ERR_OK)
        return fail(c, ei);

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

static enum rpc_client_step dispatch(struct rpc_client *c, const struct rpc_hdr *h, uint8_t *pdu,
                                     struct errinfo *ei)
{
    if ((h->auth_len == 0 || secure(c)) && h->call_id == c->call_id) {
        if (c->state == BINDING && h->ptype == RPC_BIND_ACK)
            return on_ack(c, h, pdu, ei);
        if (c->state == BINDING && h->ptype == RPC_BIND_NAK)
            return on_nak(c, h, pdu, ei);
        if (c->state == AUTHENTICATING && h->ptype == RPC_ALTER_RESP)
            return on_ack(c, h, pdu, ei);
        if (c->state == AUTHENTICATING && h->ptype == RPC_FAULT)
            return on_denial(c, h, pdu, ei);
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

const struct rpc_security_facts *rpc_client_peer(const struct rpc_client *c)
{
    return c->known ? &c->facts : NULL;
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
