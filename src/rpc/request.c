#include "rpc/auth.h"

#include <stdlib.h>
#include <string.h>

static struct call_node *find_partial(const struct rpc_conn *c, uint32_t call_id)
{
    struct call_node *n = c->partial;

    while (n != NULL && n->call.call_id != call_id)
        n = n->next;
    return n;
}

static size_t count_partials(const struct rpc_conn *c)
{
    size_t count = 0;

    for (const struct call_node *n = c->partial; n != NULL; n = n->next)
        count++;
    return count;
}

static struct fault fault_broken(uint32_t call_id, uint16_t context_id)
{
    return (struct fault){call_id, context_id, 0, RPC_FAULT_PROTO_ERROR};
}

static struct fault fault_denied(uint32_t call_id, uint16_t context_id)
{
    return (struct fault){call_id, context_id, 0, RPC_FAULT_ACCESS_DENIED};
}

static void refuse_context(struct rpc_conn *c, const struct rpc_hdr *h, uint16_t id)
{
    rpc_put_fault(&c->out, h->call_id, 0, RPC_PFC_DID_NOT_EXECUTE, RPC_FAULT_UNKNOWN_IF);
    counter_add(&c->server->pdus_out, 1);
    conn_refuse(c, RPC_UNKNOWN_CONTEXT, "request on context %u, which is not bound", id);
}

/* Whether a first fragment may come now; a refusal was answered. While fragments of
 * another call are outstanding, only multiplexing and a bound context allow it; the fault then
 * goes to the call that is in the way. */
static bool may_begin(struct rpc_conn *c, const struct rpc_hdr *h, const struct rpc_request *q)
{
    const struct call_node *old = find_partial(c, h->call_id);

    if (old == NULL && c->partial != NULL && !c->mpx)
        old = c->partial;
    if (old != NULL) {
        conn_fault_close(c, fault_broken(old->call.call_id, old->call.context_id), RPC_BAD_FRAGMENT,
                         "call %u begins while call %u is unfinished", (unsigned)h->call_id,
                         (unsigned)old->call.call_id);
        return false;
    }
    if (c->partial != NULL &&
        (conn_context(c, q->context_id) == NULL || count_partials(c) >= RPC_CONN_PARTIALS)) {
        conn_fault_close(c, fault_broken(h->call_id, 0), RPC_BAD_FRAGMENT,
                         "call %u on context %u cannot begin between others' fragments",
                         (unsigned)h->call_id, q->context_id);
        return false;
    }
    if ((h->flags & RPC_PFC_PENDING_CANCEL) != 0) {
        struct fault f = {h->call_id, 0, RPC_PFC_DID_NOT_EXECUTE, RPC_FAULT_CALL_CANCELLED};

        conn_fault_close(c, f, RPC_CANCELLED, "call %u begins cancelled", (unsigned)h->call_id);
        return false;
    }
    return true;
}

/* A fragment that is not the first and belongs to no call. */
static void refuse_stray(struct rpc_conn *c, const struct rpc_hdr *h, const struct rpc_request *q)
{
    struct fault f = fault_broken(h->call_id, 0);

    if (c->mpx && c->partial == NULL) {
        if (conn_context(c, q->context_id) == NULL) {
            refuse_context(c, h, q->context_id);
            return;
        }
        f.context_id = q->context_id;
    } else if (!c->mpx && c->partial != NULL) {
        f = fault_broken(c->partial->call.call_id, c->partial->call.context_id);
    }
    conn_fault_close(c, f, RPC_BAD_FRAGMENT, "call %u goes on but never began",
                     (unsigned)h->call_id);
}

static struct call_node *new_call(struct rpc_conn *c, const struct rpc_hdr *h,
                                  const struct rpc_request *q, struct rpc_auth_context *auth,
                                  size_t inline_len)
{
    const struct rpc_context *ctx = conn_context(c, q->context_id);
    struct call_node *n = call_alloc(c->server, inline_len);

    if (n == NULL)
        return NULL;
    *n = (struct call_node){.auth = auth, .drep0 = h->drep[0], .common = n->common};
    n->call = (struct rpc_call){
        .call_id = h->call_id,
        .context_id = q->context_id,
        .opnum = q->opnum,
        .iface = ctx->iface,
        .big = h->big,
        .ndr64 = ctx->ndr64,
        .has_object = q->has_object,
        .object = q->object,
        .level = auth != NULL ? auth->level : RPC_LEVEL_NONE,
        .header_signed = auth != NULL && auth_signs(auth->level) && c->header_signing,
        .peer = auth != NULL ? &auth->facts : NULL,
    };
    return n;
}

/* Hands the whole call over, or refuses its operation number; takes n. */
static bool finish(struct rpc_conn *c, struct call_node *n)
{
    counter_add(&c->server->calls_in, 1);
    if (n->call.opnum >= n->call.iface->opnums) {
        rpc_put_fault(&c->out, n->call.call_id, n->call.context_id, RPC_PFC_DID_NOT_EXECUTE,
                      RPC_FAULT_OP_RANGE);
        counter_add(&c->server->pdus_out, 1);
        conn_refuse(c, RPC_BAD_OPNUM, "operation %u of interface %s", n->call.opnum,
                    n->call.iface->name);
        call_free(c->server, n);
        return false;
    }
    call_link(&c->open, n);
    c->open_count++;
    c->ready = n;
    return true;
}

static void refuse_size(struct rpc_conn *c, const struct rpc_call *call, size_t have,
                        const struct rpc_request *q)
{
    conn_fault_close(c, fault_denied(call->call_id, call->context_id), RPC_TOO_LARGE,
                     "request of %zu bytes, alloc_hint %u; interface %s takes at most %u",
                     have + q->stub_len, (unsigned)q->alloc_hint, call->iface->name,
                     (unsigned)call->iface->max_stub);
}

static void refuse_memory(struct rpc_conn *c, const struct rpc_hdr *h)
{
    conn_close(c, RPC_NO_MEMORY, "out of memory for call %u", (unsigned)h->call_id);
}

/* A request in one fragment. */
static bool begin_whole(struct rpc_conn *c, const struct rpc_hdr *h, const struct rpc_request *q,
                        struct rpc_auth_context *auth)
{
    const struct rpc_context *ctx = conn_context(c, q->context_id);
    uint32_t max_hint = ctx->iface->max_hint != 0 ? ctx->iface->max_hint : ctx->iface->max_stub;
    struct call_node *n = new_call(c, h, q, auth, q->stub_len);

    if (n == NULL) {
        refuse_memory(c, h);
        return false;
    }
    if (q->stub_len > ctx->iface->max_stub || q->alloc_hint > max_hint) {
        refuse_size(c, &n->call, 0, q);
        call_free(c->server, n);
        return false;
    }
    memcpy(n->whole, q->stub, q->stub_len);
    n->call.stub = n->whole;
    n->call.stub_len = q->stub_len;
    return finish(c, n);
}

/* Adds a fragment's stub; what unfinished calls hold together is bounded by one call's bound.
 * Memory grows with what came, never with what alloc_hint promises. */
static bool append(struct rpc_conn *c, struct call_node *n, const struct rpc_request *q)
{
    size_t max = n->call.iface->max_stub;
    size_t left = c->partial_bytes < max ? max - c->partial_bytes : 0;

    if (q->alloc_hint > left || q->stub_len > left) {
        refuse_size(c, &n->call, n->parts.len, q);
        return false;
    }
    buf_add(&n->parts, q->stub, q->stub_len);
    if (n->parts.err != ERR_OK) {
        conn_close(c, RPC_NO_MEMORY, "out of memory for call %u", (unsigned)n->call.call_id);
        return false;
    }
    c->partial_bytes += q->stub_len;
    return true;
}

static void begin_parts(struct rpc_conn *c, const struct rpc_hdr *h, const struct rpc_request *q,
                        struct rpc_auth_context *auth)
{
    struct call_node *n = new_call(c, h, q, auth, 0);

    if (n == NULL) {
        refuse_memory(c, h);
        return;
    }
    call_link(&c->partial, n);
    (void)append(c, n, q);
}

static bool go_on(struct rpc_conn *c, struct call_node *n, const struct rpc_hdr *h,
                  const struct rpc_request *q)
{
    if (h->drep[0] != n->drep0) {
        conn_fault_close(c, fault_broken(n->call.call_id, n->call.context_id), RPC_BAD_FRAGMENT,
                         "call %u changes its data representation", (unsigned)h->call_id);
        return false;
    }
    if (!append(c, n, q) || (h->flags & RPC_PFC_LAST) == 0)
        return false;
    call_unlink(&c->partial, n);
    c->partial_bytes -= n->parts.len;
    n->call.stub = n->parts.data;
    n->call.stub_len = n->parts.len;
    return finish(c, n);
}

bool conn_on_request(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu)
{
    bool first = (h->flags & RPC_PFC_FIRST) != 0;
    struct rpc_auth_context *auth = NULL;
    struct rpc_request q;
    struct call_node *n;

    if (rpc_request_read(h, pdu, &q) != ERR_OK) {
        conn_fault_close(c, fault_proto(h->call_id), RPC_BAD_AUTH,
                         "auth_length %u does not fit %u bytes", h->auth_len, h->frag_len);
        return false;
    }
    n = first ? NULL : find_partial(c, h->call_id);
    if (!first && n == NULL) {
        refuse_stray(c, h, &q);
        return false;
    }
    if (first && !may_begin(c, h, &q))
        return false;
    if (n != NULL)
        q.context_id = n->call.context_id; /* the first fragment's holds */
    if (!auth_of_request(c, h, pdu, n, q.context_id, &auth))
        return false;
    if (auth != NULL && auth_signs(auth->level) && !auth_open_request(c, h, pdu, auth, &q))
        return false;
    if (n != NULL)
        return go_on(c, n, h, &q);
    if (conn_context(c, q.context_id) == NULL) {
        refuse_context(c, h, q.context_id);
        return false;
    }
    if ((h->flags & RPC_PFC_LAST) != 0)
        return begin_whole(c, h, &q, auth);
    begin_parts(c, h, &q, auth);
    return false;
}
