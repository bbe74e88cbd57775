#include "rpc/auth.h"

#include <stdlib.h>
#include <string.h>

static struct rpc_auth_context *find(const struct rpc_conn *c, const struct rpc_auth *a)
{
    struct rpc_auth_context *x = c->auth;

    while (x != NULL && (x->id != a->context_id || x->type != a->type))
        x = x->next;
    return x;
}

static void free_context(struct rpc_auth_context *x)
{
    if (x->security != NULL)
        x->security->ops->close(x->security);
    free(x);
}

void auth_free(struct rpc_conn *c)
{
    while (c->auth != NULL) {
        struct rpc_auth_context *x = c->auth;

        c->auth = x->next;
        free_context(x);
    }
    buf_fini(&c->clear);
}

bool auth_pending(const struct rpc_conn *c)
{
    const struct rpc_auth_context *x = c->auth;

    while (x != NULL && (x->finished || x->invalid))
        x = x->next;
    return x != NULL;
}

/* ---- legs ---- */

static bool level_exists(uint8_t level)
{
    return level >= RPC_LEVEL_CONNECT && level <= RPC_LEVEL_PRIVACY;
}

static bool serves(const struct rpc_conn *c, uint8_t type)
{
    const struct rpc_acceptor *s = c->server->security;

    return s != NULL && s->serves(s, type);
}

static struct rpc_auth_context *add(struct rpc_conn *c, const struct rpc_auth *a)
{
    const struct rpc_acceptor *s = c->server->security;
    struct rpc_auth_context *x = calloc(1, sizeof(*x));

    if (x == NULL)
        return NULL;
    x->id = a->context_id;
    x->type = a->type;
    x->level = a->level;
    x->security = s->open(s, a->type);
    if (x->security == NULL) {
        free(x);
        return NULL;
    }
    x->next = c->auth;
    c->auth = x;
    return x;
}

static enum rpc_security_step step(struct rpc_auth_context *x, const struct rpc_auth *a,
                                   struct buf *token, struct errinfo *ei)
{
    enum rpc_security_step s;

    if (x->legs++ == RPC_SECURITY_LEGS) {
        err_fail(ei, ERR_LIMIT, "authentication takes more than %u legs", RPC_SECURITY_LEGS);
        return RPC_SECURITY_FAILED;
    }
    s = x->security->ops->step(x->security, a->value, a->len, token, &x->facts, ei);
    if (s != RPC_SECURITY_FAILED && token->err != ERR_OK) {
        err_nomem(ei);
        return RPC_SECURITY_FAILED;
    }
    if (s == RPC_SECURITY_DONE && rpc_security_suffices(&x->facts, x->level, ei) != ERR_OK)
        return RPC_SECURITY_FAILED;
    x->finished = s == RPC_SECURITY_DONE;
    return s;
}

bool auth_on_bind(struct rpc_conn *c, const struct rpc_hdr *h, const struct rpc_auth *a,
                  struct buf *token)
{
    struct rpc_auth_context *x;
    struct errinfo ei;

    if (!level_exists(a->level) || !serves(c, a->type)) {
        conn_nak(c, h, level_exists(a->level) ? RPC_NAK_AUTH_TYPE : RPC_NAK_NOT_SPECIFIED,
                 RPC_BAD_AUTH, "authentication type %u level %u is not served", a->type, a->level);
        return false;
    }
    if (a->level == RPC_LEVEL_CALL) { /* not for connections; Windows says so in these words */
        conn_nak(c, h, RPC_NAK_CHECKSUM, RPC_BAD_AUTH, "authentication level call is not served");
        return false;
    }
    x = add(c, a);
    if (x == NULL) {
        conn_nak(c, h, RPC_NAK_CONGESTION, RPC_NO_MEMORY, "out of memory for a bind");
        return false;
    }
    if (step(x, a, token, &ei) != RPC_SECURITY_FAILED)
        return true;
    conn_nak(c, h, RPC_NAK_CHECKSUM, RPC_AUTH_FAILED, "%s", ei.text);
    return false;
}

static struct fault not_executed(const struct rpc_hdr *h, uint32_t status)
{
    return (struct fault){h->call_id, 0, RPC_PFC_DID_NOT_EXECUTE, status};
}

bool auth_may_alter(struct rpc_conn *c, const struct rpc_hdr *h, const struct rpc_auth *a)
{
    if (serves(c, a->type) && level_exists(a->level) && a->level != RPC_LEVEL_CALL)
        return true;
    conn_fault_close(c, not_executed(h, RPC_FAULT_ACCESS_DENIED), RPC_BAD_AUTH,
                     "authentication type %u level %u is not served", a->type, a->level);
    return false;
}

static size_t count(const struct rpc_conn *c)
{
    size_t n = 0;

    for (const struct rpc_auth_context *x = c->auth; x != NULL; x = x->next)
        n++;
    return n;
}

bool auth_on_alter(struct rpc_conn *c, const struct rpc_hdr *h, const struct rpc_auth *a,
                   struct buf *token)
{
    struct rpc_auth_context *x = find(c, a);
    struct errinfo ei;

    if (x == NULL && count(c) == RPC_CONN_SECURITY) {
        conn_fault_close(c, fault_proto(h->call_id), RPC_BAD_AUTH, "more than %u security contexts",
                         RPC_CONN_SECURITY);
        return false;
    }
    if (x != NULL && (x->finished || x->invalid || x->level != a->level)) {
        conn_fault_close(c, not_executed(h, RPC_FAULT_ACCESS_DENIED), RPC_BAD_AUTH,
                         x->finished || x->invalid ? "security context %u authenticates again"
                                                   : "security context %u changes its level",
                         (unsigned)a->context_id);
        return false;
    }
    if (x == NULL)
        x = add(c, a);
    if (x == NULL) {
        conn_close(c, RPC_NO_MEMORY, "out of memory for a security context");
        return false;
    }
    if (step(x, a, token, &ei) != RPC_SECURITY_FAILED)
        return true;
    conn_fault_close(c, not_executed(h, RPC_FAULT_SEC_PKG), RPC_AUTH_FAILED, "%s", ei.text);
    return false;
}

void auth_on_auth3(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu)
{
    struct rpc_auth_context *x;
    struct buf token = BUF_INIT;
    enum rpc_security_step s;
    struct rpc_auth a;
    struct errinfo ei;

    /* Four octets of padding come before the trailer (C706 12.6.4.9), which some leave out. */
    if (rpc_auth_read(h, pdu, RPC_HDR_LEN, &a) != ERR_OK) {
        conn_fault_close(
            c, fault_proto(h->call_id), h->auth_len == 0 ? RPC_UNEXPECTED : RPC_BAD_AUTH,
            "auth3 of %u bytes, auth_length %u, has no trailer", h->frag_len, h->auth_len);
        return;
    }
    x = find(c, &a);
    if (x == NULL || x->finished || x->invalid || x->level != a.level) {
        conn_fault_close(c, fault_proto(h->call_id), RPC_UNEXPECTED,
                         "auth3 for security context %u, which waits for none",
                         (unsigned)a.context_id);
        return;
    }
    s = step(x, &a, &token, &ei);
    if (s != RPC_SECURITY_DONE || token.len > 0) {
        x->finished = false;
        x->invalid = true;
        conn_refuse(c, RPC_AUTH_FAILED, "%s",
                    s == RPC_SECURITY_FAILED ? ei.text : "auth3 is not the last leg");
    }
    buf_fini(&token);
}

/* ---- requests ---- */

static bool refuse(struct rpc_conn *c, struct fault f, const char *what)
{
    conn_fault_close(c, f, RPC_BAD_AUTH, "call %u %s", (unsigned)f.call_id, what);
    return false;
}

static struct fault fault_of(const struct rpc_hdr *h, uint16_t context_id, uint32_t status)
{
    return (struct fault){h->call_id, context_id, 0, status};
}

/* A request without trailer: for nobody in particular. */
static bool of_unsigned(struct rpc_conn *c, const struct rpc_hdr *h, const struct call_node *begun,
                        uint16_t context_id, struct rpc_auth_context **out)
{
    if (begun != NULL && begun->auth != NULL && auth_signs(begun->auth->level))
        return refuse(c, fault_of(h, context_id, RPC_FAULT_PROTO_ERROR),
                      "was signed and goes on without signature");
    for (const struct rpc_auth_context *x = c->auth; x != NULL; x = x->next) {
        if (x->invalid)
            return refuse(c, fault_of(h, context_id, RPC_FAULT_ACCESS_DENIED),
                          "comes after a failed authentication");
    }
    *out = begun != NULL ? begun->auth : NULL;
    return true;
}

bool auth_of_request(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu,
                     const struct call_node *begun, uint16_t context_id,
                     struct rpc_auth_context **out)
{
    struct fault denied = fault_of(h, context_id, RPC_FAULT_ACCESS_DENIED);
    struct rpc_auth_context *x;
    struct rpc_auth a;

    if (h->auth_len == 0)
        return of_unsigned(c, h, begun, context_id, out);
    if (rpc_auth_read(h, pdu, RPC_REQUEST_LEN, &a) != ERR_OK)
        return refuse(c, fault_proto(h->call_id), "has a trailer that does not fit");
    /* What the trailer says is the first fragment's to say; the signature is looked at in any case.
     */
    if (begun != NULL && begun->auth != NULL && auth_signs(begun->auth->level)) {
        *out = begun->auth;
        return true;
    }
    x = find(c, &a);
    if (x == NULL)
        return refuse(c, denied, "is protected but nothing was authenticated for it");
    if (x->invalid || (x->finished && x->level != a.level))
        return refuse(c, denied,
                      x->invalid ? "comes after a failed authentication"
                                 : "is of another authentication level than was agreed on");
    if (!x->finished)
        return refuse(c, fault_proto(h->call_id), "comes while authentication is unfinished");
    if (begun != NULL && begun->auth != x)
        return refuse(c, denied, "changes its security context");
    *out = x;
    return true;
}

/* The parts of the PDU of len octets, whose stub is at offset body. */
static struct rpc_protected parts(const struct rpc_conn *c, uint8_t *pdu, size_t body,
                                  size_t trailer)
{
    struct rpc_protected p = {.start = pdu + body, .data = trailer - body};

    if (c->header_signing)
        p = (struct rpc_protected){
            .start = pdu, .head = body, .data = trailer - body, .tail = RPC_TRAILER_LEN};
    return p;
}

bool auth_open_request(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu,
                       struct rpc_auth_context *x, struct rpc_request *q)
{
    size_t signature = (size_t)h->frag_len - h->auth_len;
    size_t body = (size_t)(q->stub - pdu);
    struct rpc_protected p;
    struct errinfo ei;

    buf_clear(&c->clear);
    buf_add(&c->clear, pdu, h->frag_len);
    if (c->clear.err != ERR_OK) {
        buf_fini(&c->clear);
        conn_close(c, RPC_NO_MEMORY, "out of memory for call %u", (unsigned)h->call_id);
        return false;
    }
    p = parts(c, c->clear.data, body, signature - RPC_TRAILER_LEN);
    if (x->security->ops->check(x->security, x->level == RPC_LEVEL_PRIVACY, &p,
                                c->clear.data + signature, h->auth_len, &ei) != ERR_OK) {
        conn_fault_close(c, fault_of(h, q->context_id, RPC_FAULT_SEC_PKG), RPC_BAD_SIGNATURE,
                         "call %u: %s", (unsigned)h->call_id, ei.text);
        return false;
    }
    q->stub = c->clear.data + body;
    return true;
}

/* ---- responses ---- */

size_t auth_room(const struct rpc_conn *c, const struct rpc_auth_context *x)
{
    size_t room = c->max_frag - RPC_REQUEST_LEN;

    if (x == NULL || !auth_signs(x->level))
        return room & ~(size_t)7;
    room -= RPC_TRAILER_LEN +
            x->security->ops->signature_size(x->security, x->level == RPC_LEVEL_PRIVACY);
    return room & ~(size_t)(RPC_AUTH_ALIGN - 1);
}

bool auth_seal_response(struct rpc_conn *c, struct rpc_auth_context *x, size_t start)
{
    bool seal = x->level == RPC_LEVEL_PRIVACY;
    size_t size = x->security->ops->signature_size(x->security, seal);
    struct rpc_trailer t = {x->type, x->level, x->id, size};
    size_t trailer = rpc_put_trailer(&c->out, start, start + RPC_REQUEST_LEN, &t);
    struct rpc_protected p;
    struct errinfo ei;

    if (c->out.err != ERR_OK)
        return true; /* the caller looks after that */
    p = parts(c, c->out.data + start, RPC_REQUEST_LEN, trailer - start);
    if (size > 0 &&
        x->security->ops->protect(x->security, seal, &p, c->out.data + trailer + RPC_TRAILER_LEN,
                                  size, &ei) == ERR_OK)
        return true;
    c->out.len = start;
    conn_close(c, RPC_AUTH_FAILED, "an answer cannot be protected: %s",
               size > 0 ? ei.text : "the security context is no longer usable");
    return false;
}
