#include "net/errand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/conn.h"
#include "net/server.h"

void net_call_to_main(struct net_call *call, net_errand_fn *run, void *arg)
{
    const struct rpc_call *rpc = call->rpc;
    struct net_errand *e = malloc(sizeof(*e) + rpc->stub_len);

    if (e == NULL) {
        net_call_abort(call, "out of memory");
        return;
    }
    *e = (struct net_errand){.worker = call->worker,
                             .call = call,
                             .rpc = *rpc,
                             .peer = call->conn->peer,
                             .run = run,
                             .arg = arg};
    if (rpc->stub_len > 0)
        memcpy(e->stub, rpc->stub, rpc->stub_len);
    e->rpc.stub = e->stub;
    e->rpc.peer = NULL; /* the connection may end before */
    /* The main loop takes mail for as long as a worker lives. */
    (void)mail_post(&call->worker->server->mail, e);
}

const struct rpc_call *net_errand_rpc(const struct net_errand *e)
{
    return &e->rpc;
}

const char *net_errand_peer(const struct net_errand *e, char text[NET_ADDRESS_MAX])
{
    return address_format(&e->peer, text, NET_ADDRESS_MAX);
}

void errand_finish(struct net_errand *e)
{
    if (e->answer == ERRAND_REPLY)
        net_call_reply(e->call, e->reply.data, e->reply.len);
    else if (e->answer == ERRAND_FAULT)
        net_call_fault(e->call, e->status);
    else
        net_call_abort(e->call, e->detail);
    buf_fini(&e->reply);
    free(e);
}

/* Back to the worker; or, if that has no connection left and takes no mail, nowhere. Nobody else
 * knows the call then. */
static void send_back(struct net_errand *e)
{
    if (mail_post(&e->worker->mail, e))
        return;
    free(e->call);
    buf_fini(&e->reply);
    free(e);
}

void net_errand_reply(struct net_errand *e, const void *stub, size_t len)
{
    e->answer = ERRAND_REPLY;
    buf_add(&e->reply, stub, len);
    if (e->reply.err != ERR_OK) {
        net_errand_abort(e, "out of memory");
        return;
    }
    send_back(e);
}

void net_errand_fault(struct net_errand *e, uint32_t status)
{
    e->answer = ERRAND_FAULT;
    e->status = status;
    send_back(e);
}

void net_errand_abort(struct net_errand *e, const char *detail)
{
    e->answer = ERRAND_ABORT;
    snprintf(e->detail, sizeof(e->detail), "%s", detail);
    send_back(e);
}
