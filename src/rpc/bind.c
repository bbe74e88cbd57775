#include "rpc/auth.h"

#include <stdlib.h>
#include <string.h>

static const struct rpc_iface *find_iface(const struct rpc_server *s, const struct rpc_syntax *want)
{
    for (size_t i = 0; i < s->iface_count; i++) {
        const struct rpc_iface *f = &s->ifaces[i];

        /* C706 6.1.2: a client made for an older minor version is served. */
        if (guid_equal(&f->uuid, &want->uuid) && f->major == want->major && f->minor >= want->minor)
            return f;
    }
    return NULL;
}

/* The first of the proposed transfer syntaxes that is ours; NULL: none. */
static const struct rpc_syntax *pick_transfer(const struct rpc_proposal *p)
{
    struct wire_rd list = p->list;

    for (unsigned i = 0; i < p->transfers; i++) {
        struct rpc_syntax s = rpc_syntax_read(&list);

        if (rpc_syntax_equal(&s, &rpc_ndr))
            return &rpc_ndr;
        if (rpc_syntax_equal(&s, &rpc_ndr64))
            return &rpc_ndr64;
    }
    return NULL;
}

/* Whether the list has a transfer syntax of ours beside the one that was agreed on. */
static bool offers_other(const struct rpc_proposal *p, const struct rpc_context *known)
{
    const struct rpc_syntax *other = known->ndr64 ? &rpc_ndr : &rpc_ndr64;
    struct wire_rd list = p->list;

    for (unsigned i = 0; i < p->transfers; i++) {
        struct rpc_syntax s = rpc_syntax_read(&list);

        if (rpc_syntax_equal(&s, other))
            return true;
    }
    return false;
}

static bool add_context(struct rpc_conn *c, struct rpc_context context)
{
    struct rpc_context *grown =
        realloc(c->contexts, (c->context_count + 1u) * sizeof(*c->contexts));

    if (grown == NULL)
        return false;
    c->contexts = grown;
    c->contexts[c->context_count++] = context;
    return true;
}

/* What a bind or alter negotiates. */
struct talks {
    bool features; /* a bind-time feature context was seen */
    bool accepted; /* one context a PDU */
    size_t count;
    struct rpc_result results[RPC_CONTEXTS_MAX];
};

/* False: the proposal contradicts what was agreed before. */
static bool judge(struct rpc_conn *c, const struct rpc_proposal *p, struct talks *t,
                  struct rpc_result *res)
{
    const struct rpc_iface *iface = find_iface(c->server, &p->abstract);
    const struct rpc_syntax *transfer;
    const struct rpc_context *known;
    bool ndr64;

    *res = (struct rpc_result){.result = RPC_CTX_REJECTED, .reason = RPC_CTX_NO_ABSTRACT};
    known = t->accepted ? NULL : conn_context(c, p->id);
    if (known != NULL && (known->iface != iface || offers_other(p, known)))
        return false;
    if (iface == NULL)
        return true;
    res->reason = RPC_CTX_NO_TRANSFER;
    if (t->accepted)
        return true;
    transfer = pick_transfer(p);
    ndr64 = transfer == &rpc_ndr64;
    if (transfer == NULL)
        return true;
    if (known == NULL && c->context_count >= RPC_CONN_CONTEXTS) {
        res->reason = RPC_CTX_LIMIT;
        return true;
    }
    if (known == NULL && !add_context(c, (struct rpc_context){iface, p->id, ndr64})) {
        res->reason = RPC_CTX_LIMIT;
        return true;
    }
    *res = (struct rpc_result){.result = RPC_CTX_ACCEPTED, .syntax = *transfer};
    t->accepted = true;
    return true;
}

/* Whether the proposal asks for features, which only its first transfer syntax can. */
static bool asks_features(const struct rpc_proposal *p, struct rpc_result *res)
{
    struct wire_rd list = p->list;
    struct rpc_syntax first = rpc_syntax_read(&list);
    uint64_t mask;

    if (!rpc_syntax_features(&first, &mask))
        return false;
    mask &= RPC_FEATURE_SECURITY_MULTIPLEX | RPC_FEATURE_KEEP_ON_ORPHAN;
    *res = (struct rpc_result){.result = RPC_CTX_NEGOTIATE_ACK, .reason = (uint16_t)mask};
    return true;
}

/* NULL if every context got its result, else what is wrong with the PDU. */
static const char *negotiate(struct rpc_conn *c, const struct rpc_bind *b, bool bind,
                             struct talks *t)
{
    struct wire_rd list = b->list;

    if (b->contexts == 0)
        return "no presentation context";
    for (t->count = 0; t->count < b->contexts; t->count++) {
        struct rpc_proposal p = rpc_bind_next(&list);
        struct rpc_result *res = &t->results[t->count];

        if (p.transfers == 0)
            return "a presentation context without transfer syntax";
        if (bind && asks_features(&p, res)) {
            if (t->features)
                return "two feature negotiations";
            t->features = true;
        } else if (!judge(c, &p, t, res)) {
            return "a presentation context changed its syntax";
        }
    }
    return NULL;
}

static void put_token(struct rpc_conn *c, size_t start, const struct rpc_auth *a,
                      const struct buf *token)
{
    struct rpc_trailer t = {a->type, a->level, a->context_id, token->len};
    size_t trailer = rpc_put_trailer(&c->out, start, SIZE_MAX, &t);

    if (c->out.err == ERR_OK && token->len > 0)
        memcpy(c->out.data + trailer + RPC_TRAILER_LEN, token->data, token->len);
}

/* The ack, with the answer to a leg of authentication if auth is not NULL. */
static void send_ack(struct rpc_conn *c, const struct rpc_hdr *h, const struct talks *t,
                     const struct rpc_auth *auth, const struct buf *token)
{
    size_t start = c->out.len;
    bool bind = h->ptype == RPC_BIND;
    uint8_t flags = h->flags & (RPC_PFC_HDR_SIGNING | (c->mpx ? RPC_PFC_CONC_MPX : 0));
    struct rpc_ack ack = {
        .ptype = bind ? RPC_BIND_ACK : RPC_ALTER_RESP,
        .flags = flags,
        .call_id = h->call_id,
        .max_frag = c->max_frag,
        .group = c->group->id,
        .address = bind ? c->server->secondary_address : "",
        .results = t->results,
        .count = t->count,
    };

    /* Once asked for, for all security contexts of the connection (MS-RPCE 3.3.1.5.2.2). */
    c->header_signing = c->header_signing || (h->flags & RPC_PFC_HDR_SIGNING) != 0;
    rpc_put_ack(&c->out, &ack);
    if (auth != NULL)
        put_token(c, start, auth, token);
    counter_add(&c->server->pdus_out, 1);
    if (!t->accepted && !t->features)
        conn_refuse(c, RPC_REJECTED, "none of %zu presentation contexts accepted", t->count);
}

/* Both sizes end up the same (Windows does so too): the lesser, clamped, on 8 bytes. */
static uint16_t agree_size(const struct rpc_bind *b)
{
    uint16_t n = b->max_xmit < b->max_recv ? b->max_xmit : b->max_recv;

    if (n < RPC_FRAG_MIN)
        n = RPC_FRAG_MIN;
    if (n > RPC_FRAG_MAX)
        n = RPC_FRAG_MAX;
    return n & 0xfff8;
}

static bool join_group(struct rpc_conn *c, const struct rpc_hdr *h, uint32_t id)
{
    c->group = id != 0 ? rpc_group_join(c->server->shared, id) : rpc_group_new(c->server->shared);
    if (c->group != NULL)
        return true;
    if (id != 0)
        conn_nak(c, h, RPC_NAK_NOT_SPECIFIED, RPC_BAD_GROUP, "association group %08x is unknown",
                 (unsigned)id);
    else
        conn_nak(c, h, RPC_NAK_CONGESTION, RPC_NO_MEMORY, "out of memory for a bind");
    return false;
}

/* False: the body is broken, which was answered. */
static bool read_body(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu,
                      struct rpc_bind *b)
{
    enum err e = rpc_bind_read(h, pdu, b);

    if (e == ERR_TRUNCATED)
        conn_close(c, RPC_BAD_PDU, "packet type %u: contexts do not fit its %u bytes", h->ptype,
                   h->frag_len);
    else if (e != ERR_OK)
        conn_fault_close(c, fault_proto(h->call_id), RPC_BAD_PDU,
                         "packet type %u of %u bytes goes on behind its contexts", h->ptype,
                         h->frag_len);
    return e == ERR_OK;
}

void conn_on_bind(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu)
{
    struct talks t = {.features = false};
    struct buf token = BUF_INIT;
    struct rpc_auth auth;
    struct rpc_bind b;
    const char *wrong;

    if (c->bound) {
        conn_nak(c, h, RPC_NAK_NOT_SPECIFIED, RPC_SECOND_BIND, "second bind on a connection");
        return;
    }
    if (h->auth_len > 0 && rpc_auth_read(h, pdu, RPC_REQUEST_LEN, &auth) != ERR_OK) {
        conn_nak(c, h, RPC_NAK_VERSION, RPC_BAD_AUTH, "auth_length %u does not fit %u bytes",
                 h->auth_len, h->frag_len);
        return;
    }
    if (!read_body(c, h, pdu, &b) || !join_group(c, h, b.group))
        return;
    c->max_frag = agree_size(&b);
    wrong = negotiate(c, &b, true, &t);
    if (wrong != NULL) {
        conn_nak(c, h, RPC_NAK_NOT_SPECIFIED, RPC_BAD_BIND, "bind with %s", wrong);
    } else if (h->auth_len == 0 || auth_on_bind(c, h, &auth, &token)) {
        c->bound = true;
        c->mpx = (h->flags & RPC_PFC_CONC_MPX) != 0;
        send_ack(c, h, &t, h->auth_len > 0 ? &auth : NULL, &token);
    }
    buf_fini(&token);
}

void conn_on_alter(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu)
{
    struct talks t = {.features = false};
    struct buf token = BUF_INIT;
    struct rpc_auth auth;
    struct rpc_bind b;
    const char *wrong;

    if (h->auth_len > 0 && rpc_auth_read(h, pdu, RPC_REQUEST_LEN, &auth) != ERR_OK) {
        conn_fault_close(c, fault_proto(h->call_id), RPC_BAD_AUTH,
                         "auth_length %u does not fit %u bytes", h->auth_len, h->frag_len);
        return;
    }
    if (!read_body(c, h, pdu, &b) || (h->auth_len > 0 && !auth_may_alter(c, h, &auth)))
        return;
    wrong = negotiate(c, &b, false, &t);
    if (wrong != NULL)
        conn_fault_close(c, fault_proto(h->call_id), RPC_BAD_BIND, "alter_context with %s", wrong);
    else if (h->auth_len == 0 || auth_on_alter(c, h, &auth, &token))
        send_ack(c, h, &t, h->auth_len > 0 ? &auth : NULL, &token);
    buf_fini(&token);
}
