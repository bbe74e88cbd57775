#include "rpc/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DETAIL_MAX 160

struct rpc_conn *rpc_conn_new(struct rpc_server *server)
{
    struct rpc_conn *c = calloc(1, sizeof(*c));

    if (c != NULL) {
        c->server = server;
        c->max_frag = RPC_FRAG_MAX;
    }
    return c;
}

void call_link(struct call_node **list, struct call_node *n)
{
    n->prev = NULL;
    n->next = *list;
    if (n->next != NULL)
        n->next->prev = n;
    *list = n;
}

void call_unlink(struct call_node **list, struct call_node *n)
{
    if (n->prev != NULL)
        n->prev->next = n->next;
    else
        *list = n->next;
    if (n->next != NULL)
        n->next->prev = n->prev;
}

struct call_node *call_alloc(struct rpc_server *s, size_t stub_len)
{
    struct call_node *n = s->spare;

    if (stub_len > RPC_SPARE_STUB) {
        n = malloc(sizeof(*n) + stub_len);
    } else if (n != NULL) {
        s->spare = n->next;
        s->spares--;
    } else {
        n = malloc(sizeof(*n) + RPC_SPARE_STUB);
    }
    if (n != NULL)
        n->common = stub_len <= RPC_SPARE_STUB;
    return n;
}

void call_free(struct rpc_server *s, struct call_node *n)
{
    buf_fini(&n->parts);
    if (!n->common || s->spares == RPC_SPARE_NODES) {
        free(n);
        return;
    }
    n->next = s->spare;
    s->spare = n;
    s->spares++;
}

static void free_list(struct rpc_server *s, struct call_node *n)
{
    while (n != NULL) {
        struct call_node *next = n->next;

        call_free(s, n);
        n = next;
    }
}

void rpc_conn_free(struct rpc_conn *c)
{
    if (c == NULL)
        return;
    free_list(c->server, c->partial);
    free_list(c->server, c->open);
    rpc_group_leave(c->server->shared, c->group);
    auth_free(c);
    buf_fini(&c->in);
    buf_fini(&c->out);
    free(c->contexts);
    free(c->detail);
    free(c);
}

PRINTF_LIKE(3, 0)
static void close_with(struct rpc_conn *c, enum rpc_reason reason, const char *fmt, va_list ap)
{
    if (c->closed)
        return;
    c->closed = true;
    c->reason = reason;
    counter_add(&c->server->refused[reason], 1);
    c->detail = malloc(DETAIL_MAX);
    if (c->detail != NULL)
        vsnprintf(c->detail, DETAIL_MAX, fmt, ap);
}

void conn_close(struct rpc_conn *c, enum rpc_reason reason, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    close_with(c, reason, fmt, ap);
    va_end(ap);
}

void conn_nak(struct rpc_conn *c, const struct rpc_hdr *h, uint16_t nak, enum rpc_reason reason,
              const char *fmt, ...)
{
    va_list ap;

    rpc_put_nak(&c->out, h->call_id, nak);
    counter_add(&c->server->pdus_out, 1);
    va_start(ap, fmt);
    close_with(c, reason, fmt, ap);
    va_end(ap);
}

static void send_fault(struct rpc_conn *c, struct fault f)
{
    rpc_put_fault(&c->out, f.call_id, f.context_id, f.flags, f.status);
    counter_add(&c->server->pdus_out, 1);
}

void conn_fault_close(struct rpc_conn *c, struct fault f, enum rpc_reason reason, const char *fmt,
                      ...)
{
    va_list ap;

    send_fault(c, f);
    va_start(ap, fmt);
    close_with(c, reason, fmt, ap);
    va_end(ap);
}

void conn_refuse(struct rpc_conn *c, enum rpc_reason reason, const char *fmt, ...)
{
    char detail[DETAIL_MAX];
    va_list ap;

    counter_add(&c->server->refused[reason], 1);
    if (c->server->on_refusal == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(detail, sizeof(detail), fmt, ap);
    va_end(ap);
    c->server->on_refusal(c->server->arg, reason, detail);
}

const struct rpc_context *conn_context(const struct rpc_conn *c, uint16_t id)
{
    for (unsigned i = 0; i < c->context_count; i++) {
        if (c->contexts[i].id == id)
            return &c->contexts[i];
    }
    return NULL;
}

/* After a failed append nothing of the PDU at hand may leave; mark is where it began. */
static void check_output(struct rpc_conn *c, size_t mark)
{
    if (c->out.err == ERR_OK)
        return;
    c->out.len = mark;
    conn_close(c, RPC_NO_MEMORY, "out of memory for an answer");
}

/* Before a bind every packet that is one of the protocol's gets the same answer. */
static void refuse_unbound(struct rpc_conn *c, const struct rpc_hdr *h)
{
    conn_nak(c, h, RPC_NAK_VERSION, RPC_NOT_BOUND, "packet type %u before bind", h->ptype);
}

static bool dispatch(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu)
{
    counter_add(&c->server->pdus_in, 1);
    if (h->ptype == RPC_BIND) {
        conn_on_bind(c, h, pdu);
        return false;
    }
    if (!c->bound) {
        refuse_unbound(c, h);
        return false;
    }
    switch (h->ptype) {
    case RPC_REQUEST:
        return conn_on_request(c, h, pdu);
    case RPC_ALTER:
        conn_on_alter(c, h, pdu);
        break;
    case RPC_AUTH3:
        auth_on_auth3(c, h, pdu);
        break;
    case RPC_CO_CANCEL: /* hints about calls that are answered in any case */
    case RPC_ORPHANED:
        break;
    default:
        conn_fault_close(c, fault_proto(h->call_id), RPC_UNEXPECTED,
                         "packet type %u is not a client's to send now", h->ptype);
    }
    return false;
}

/* What is wrong with a header is answered as soon as the header is there. */
static void refuse_header(struct rpc_conn *c, const struct rpc_hdr *h, enum rpc_reason reason)
{
    if (reason == RPC_BAD_LENGTH) {
        conn_close(c, reason, "frag_length %u is too short for packet type %u", h->frag_len,
                   h->ptype);
    } else if (reason == RPC_BAD_TYPE) {
        conn_close(c, reason, "unknown packet type %u", h->ptype);
    } else if (c->bound) {
        conn_fault_close(c, fault_proto(h->call_id), reason,
                         "version %u.%u, data representation %02x%02x", h->vers, h->minor,
                         h->drep[0], h->drep[1]);
    } else {
        conn_nak(c, h, RPC_NAK_VERSION, reason, "version %u.%u, data representation %02x%02x",
                 h->vers, h->minor, h->drep[0], h->drep[1]);
    }
}

/* A fragment above the limit was let pass by unread up to its end. */
static void refuse_oversize(struct rpc_conn *c, const struct rpc_hdr *h)
{
    struct fault f = fault_proto(h->call_id);

    if (h->ptype == RPC_REQUEST)
        f.flags = 0; /* as Windows */
    if (!c->bound && h->ptype != RPC_BIND)
        refuse_unbound(c, h);
    else
        conn_fault_close(c, f, RPC_TOO_LARGE, "fragment of %u bytes, at most %u", h->frag_len,
                         RPC_FRAG_MAX);
}

/* Collects bytes of a PDU that did not come in one piece; returns how many were used. */
static size_t collect(struct rpc_conn *c, const uint8_t *p, size_t left, bool *call)
{
    struct rpc_hdr h = {.frag_len = RPC_HDR_LEN};
    enum rpc_reason reason;
    size_t n;

    if (c->in.len >= RPC_HDR_LEN)
        (void)rpc_hdr_read(c->in.data, &h);
    n = h.frag_len - c->in.len < left ? h.frag_len - c->in.len : left;
    buf_add(&c->in, p, n);
    if (c->in.err != ERR_OK) {
        conn_close(c, RPC_NO_MEMORY, "out of memory for a PDU of %u bytes", h.frag_len);
        return n;
    }
    if (c->in.len == RPC_HDR_LEN) {
        reason = rpc_hdr_read(c->in.data, &h);
        if (reason != RPC_OK)
            refuse_header(c, &h, reason);
        else if (h.frag_len > RPC_FRAG_MAX)
            c->skip = h.frag_len - RPC_HDR_LEN;
    }
    if (!c->closed && c->in.len >= RPC_HDR_LEN && c->in.len == h.frag_len) {
        *call = dispatch(c, &h, c->in.data);
        buf_fini(&c->in);
    }
    return n;
}

static size_t pass_by(struct rpc_conn *c, size_t left)
{
    size_t n = left < c->skip ? left : c->skip;
    struct rpc_hdr h;

    c->skip -= (uint32_t)n;
    if (c->skip == 0) {
        (void)rpc_hdr_read(c->in.data, &h);
        refuse_oversize(c, &h);
    }
    return n;
}

/* Consumes some bytes, at most one PDU. */
static size_t take_some(struct rpc_conn *c, const uint8_t *p, size_t left, bool *call)
{
    struct rpc_hdr h;

    if (c->skip > 0)
        return pass_by(c, left);
    if (c->in.len > 0)
        return collect(c, p, left, call);
    if (*p != 4 && *p != 5) {
        conn_close(c, RPC_NOT_RPC, "first byte %02x is no DCE/RPC version", *p);
        return left;
    }
    /* The common case: a whole PDU, read where it lies. */
    if (left < RPC_HDR_LEN || rpc_hdr_read(p, &h) != RPC_OK || h.frag_len > left ||
        h.frag_len > RPC_FRAG_MAX)
        return collect(c, p, left, call);
    *call = dispatch(c, &h, p);
    return h.frag_len;
}

enum rpc_step rpc_conn_feed(struct rpc_conn *c, const void *in, size_t len, size_t *used)
{
    const uint8_t *p = in;
    bool call = false;
    size_t pos = 0;

    c->ready = NULL;
    while (!c->closed && !call && pos < len) {
        size_t mark = c->out.len;

        pos += take_some(c, p + pos, len - pos, &call);
        check_output(c, mark);
    }
    *used = c->closed ? len : pos;
    if (c->closed)
        return RPC_CLOSE;
    return call ? RPC_CALL : RPC_MORE;
}

struct rpc_call *rpc_conn_call(struct rpc_conn *c)
{
    return c->ready != NULL ? &c->ready->call : NULL;
}

void rpc_conn_drop(struct rpc_conn *c, struct rpc_call *call)
{
    struct call_node *n = (struct call_node *)call;

    if (c->ready == n)
        c->ready = NULL;
    call_unlink(&c->open, n);
    c->open_count--;
    call_free(c->server, n);
}

void rpc_conn_reply(struct rpc_conn *c, struct rpc_call *call, const void *stub, size_t len)
{
    struct rpc_auth_context *auth = ((struct call_node *)call)->auth;
    size_t most = auth_room(c, auth);
    size_t mark = c->out.len;
    const uint8_t *p = stub;
    size_t pos = 0;

    do {
        size_t n = len - pos < most ? len - pos : most;
        size_t start = c->out.len;
        unsigned flags = (pos == 0 ? RPC_PFC_FIRST : 0) | (pos + n == len ? RPC_PFC_LAST : 0);

        rpc_put_response(&c->out, call->call_id, call->context_id, (uint8_t)flags, len - pos,
                         n > 0 ? p + pos : NULL, n);
        if (auth != NULL && auth_signs(auth->level) && !auth_seal_response(c, auth, start))
            break;
        counter_add(&c->server->pdus_out, 1);
        pos += n;
    } while (pos < len);
    counter_add(&c->server->calls_out, 1);
    check_output(c, mark);
    rpc_conn_drop(c, call);
}

void rpc_conn_fault(struct rpc_conn *c, struct rpc_call *call, uint32_t status)
{
    bool refused = status == RPC_FAULT_OP_RANGE || status == RPC_FAULT_UNKNOWN_IF;
    struct fault f = {call->call_id, call->context_id, refused ? RPC_PFC_DID_NOT_EXECUTE : 0,
                      status};
    size_t mark = c->out.len;

    send_fault(c, f);
    check_output(c, mark);
    rpc_conn_drop(c, call);
}

struct buf *rpc_conn_output(struct rpc_conn *c)
{
    return &c->out;
}

bool rpc_conn_bound(const struct rpc_conn *c)
{
    return c->bound && !auth_pending(c);
}

bool rpc_conn_in_exchange(const struct rpc_conn *c)
{
    return c->in.len > 0 || c->skip > 0 || c->partial != NULL;
}

size_t rpc_conn_calls_open(const struct rpc_conn *c)
{
    return c->open_count;
}

enum rpc_reason rpc_conn_reason(const struct rpc_conn *c)
{
    return c->reason;
}

const char *rpc_conn_detail(const struct rpc_conn *c)
{
    return c->detail != NULL ? c->detail : "";
}
