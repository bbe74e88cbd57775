#include <stdlib.h>
#include <string.h>

#include "net/conn.h"
#include "net/server.h"

static struct net_call *new_call(struct net_worker *w)
{
    struct net_call *call = w->spare_calls;

    if (call == NULL)
        return malloc(sizeof(*call));
    w->spare_calls = call->next;
    return call;
}

static void forget_call(struct net_call *call)
{
    struct net_worker *w = call->worker;

    call->next = w->spare_calls;
    w->spare_calls = call;
}

void call_forget_spares(struct net_worker *w)
{
    while (w->spare_calls != NULL)
        free(new_call(w));
}

void call_dispatch(struct net_conn *c)
{
    struct rpc_call *rpc = rpc_conn_call(c->rpc);
    const struct net_conf *conf = &c->worker->server->conf;
    struct net_call *call = new_call(c->worker);

    counter_add(&c->worker->stats.calls, 1);
    c->progress = true;
    if (call == NULL) {
        rpc_conn_drop(c->rpc, rpc);
        conn_finish(c, NET_RPC_REASON(RPC_NO_MEMORY), "");
        return;
    }
    call->worker = c->worker;
    call->conn = c;
    call->rpc = rpc;
    call->on_gone = NULL;
    if (c->calls == NULL) {
        c->calls = call->prev = call->next = call;
    } else {
        call->next = c->calls;
        call->prev = c->calls->prev;
        call->prev->next = call->next->prev = call;
    }
    c->open_calls++;
    conf->on_call(conf->arg, call);
}

/* First all of them are on their own, then they are told: whoever is told may end his call. */
void call_orphan_all(struct net_conn *c)
{
    struct net_call *call = c->calls, *next;
    size_t n = c->open_calls;

    for (; c->open_calls > 0; c->open_calls--) {
        call->conn = NULL;
        call->rpc = NULL;
        call = call->next;
    }
    c->calls = NULL;
    for (; n > 0; n--, call = next) {
        next = call->next;
        if (call->on_gone != NULL)
            call->on_gone(call->gone_arg);
    }
}

static struct net_call *first_watched(const struct net_conn *c)
{
    struct net_call *call = c->calls;

    for (size_t i = 0; i < c->open_calls; i++, call = call->next)
        if (call->on_gone != NULL)
            return call;
    return NULL;
}

void call_tell_gone(struct net_conn *c)
{
    for (struct net_call *call; (call = first_watched(c)) != NULL;) {
        net_gone_fn *fn = call->on_gone;

        call->on_gone = NULL;
        fn(call->gone_arg);
    }
}

void net_call_on_gone(struct net_call *call, net_gone_fn *fn, void *arg)
{
    call->on_gone = fn;
    call->gone_arg = arg;
}

const struct rpc_call *net_call_rpc(const struct net_call *call)
{
    return call->rpc;
}

const struct rpc_server *net_call_server(const struct net_call *call)
{
    return call->conn->rpc_server;
}

unsigned net_call_worker(const struct net_call *call)
{
    return call->worker->number;
}

const char *net_call_peer(const struct net_call *call, char text[NET_ADDRESS_MAX])
{
    struct net_conn *c = call->conn;

    if (c->peer_text[0] == '\0')
        conn_peer(c, c->peer_text);
    memcpy(text, c->peer_text, NET_ADDRESS_MAX);
    return text;
}

void net_call_source(const struct net_call *call, uint8_t key[16])
{
    address_key(&call->conn->peer, key);
}

/* Takes the call out of its connection and frees it; the connection, or NULL if it has gone. */
static struct net_conn *take_call(struct net_call *call)
{
    struct net_conn *c = call->conn;

    if (c != NULL) {
        c->open_calls--;
        call->prev->next = call->next;
        call->next->prev = call->prev;
        if (c->calls == call)
            c->calls = c->open_calls > 0 ? call->next : NULL;
        c->progress = true;
    }
    forget_call(call);
    return c;
}

/* An answer for which memory ran out is no answer: nothing else tells the peer. */
static void sent(struct net_conn *c)
{
    enum rpc_reason reason = rpc_conn_reason(c->rpc);

    if (reason != RPC_OK)
        conn_finish(c, NET_RPC_REASON(reason), rpc_conn_detail(c->rpc));
    conn_settle(c);
}

void net_call_reply(struct net_call *call, const void *stub, size_t len)
{
    struct rpc_call *rpc = call->rpc;
    struct net_conn *c = take_call(call);

    if (c == NULL)
        return;
    conn_lend(c);
    rpc_conn_reply(c->rpc, rpc, stub, len);
    sent(c);
}

void net_call_fault(struct net_call *call, uint32_t status)
{
    struct rpc_call *rpc = call->rpc;
    struct net_conn *c = take_call(call);

    if (c == NULL)
        return;
    conn_lend(c);
    rpc_conn_fault(c->rpc, rpc, status);
    sent(c);
}

void net_call_abort(struct net_call *call, const char *detail)
{
    struct rpc_call *rpc = call->rpc;
    struct net_conn *c = take_call(call);

    if (c == NULL)
        return;
    rpc_conn_drop(c->rpc, rpc);
    conn_finish(c, NET_UNANSWERED, detail);
    conn_settle(c);
}
