/* net: DCE/RPC over TCP: listeners, connections, deadlines and caps. It owns file descriptors and
 * time limits and knows nothing of what is served: each whole call goes to one handler, which
 * answers it now or later.
 *
 * Connections are dealt out among workers, each a thread with a loop of its own. A struct
 * net_server belongs to the thread of the loop that it was made with, the main loop. */
#ifndef ADBAD_NET_NET_H
#define ADBAD_NET_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "net/reason.h"
#include "rpc/conn.h"

struct net_call;
/* Receives every whole call, on the thread of its worker. The handler answers it once, now or
 * later, and on that thread. */
typedef void net_call_fn(void *arg, struct net_call *call);

#define NET_WORKERS_MAX 64

#define NET_EXCHANGE_STEP (256u * 1024)

struct net_conf {
    const struct rpc_iface *ifaces; /* must outlive the server */
    size_t iface_count;
    uint32_t max_connections; /* further ones wait to be accepted */
    uint32_t max_per_source;  /* further ones are closed at once */
    /* Networks as "192.0.2.0/24"; each may be NULL or empty. */
    const struct conf_list *allow;   /* who is served; empty: everyone */
    const struct conf_list *deny;    /* who is not, even so */
    const struct conf_list *proxies; /* balancers: their connections begin with a header of the
                                        PROXY protocol, version 2, and are its client's */
    unsigned bind_ms;                /* from accepting to a complete bind */
    unsigned exchange_ms;            /* for a whole PDU; for each NET_EXCHANGE_STEP of a whole call;
                                        for taking an answer */
    unsigned idle_ms;                /* between two calls */
    const struct rpc_acceptor *security; /* outlives the server; NULL: nobody can authenticate */
    unsigned workers;                    /* threads with a loop each, 1 … NET_WORKERS_MAX */
    net_call_fn *on_call;
    /* Optional: a worker's beginning and end. start is called in net_server_start, on its thread
     * and before the worker's own runs. stop is called on the worker's thread once its last
     * connection is gone, and if start succeeded; calls that were handed out may still be answered
     * after it. The thread ends when nothing is active on the loop any more. */
    enum err (*worker_start)(void *arg, unsigned worker, uv_loop_t *loop, struct errinfo *ei);
    void (*worker_stop)(void *arg, unsigned worker);
    void *arg;
    struct log log;
};

struct net_stats {
    uint64_t accepted;
    uint64_t calls;
    uint32_t open;
    bool accepting; /* false while descriptors or connections have run out */
    uint64_t closed[NET_CLOSE_REASONS];
    uint64_t refused[RPC_REASONS]; /* what the rpc core refused, closing or not */
};

struct net_server;

/* How many workers make use of every core that this process may run on. */
unsigned net_cores(void);
/* conf is copied, the networks too. ERR_CONFIG for a malformed network. */
MUST_CHECK enum err net_server_new(uv_loop_t *loop, const struct net_conf *conf,
                                   struct net_server **out, struct errinfo *ei);
/* Listens on "address:port" or "[v6]:port"; port 0 takes a free one. ERR_CONFIG for a malformed
 * address, ERR_BUSY for a port in use, both naming address and remedy. */
MUST_CHECK enum err net_listen(struct net_server *s, const char *address, struct errinfo *ei);
/* Listens on a socket that was inherited (net/inherit.h). ERR_CONFIG for another kind of
 * descriptor. */
MUST_CHECK enum err net_listen_inherited(struct net_server *s, int fd, struct errinfo *ei);
/* Starts the workers: from here on connections are served. Whatever it returns, the server is
 * stopped before it is freed. */
MUST_CHECK enum err net_server_start(struct net_server *s, struct errinfo *ei);
/* The addresses listened on, "127.0.0.1:1688, [::1]:1688". Returns text. */
const char *net_server_addresses(const struct net_server *s, char *text, size_t size);
void net_server_stats(struct net_server *s, struct net_stats *out);
/* Stops listening and reading. Connections close once their open calls are answered. The main loop
 * must turn until net_server_stopped. */
void net_server_stop(struct net_server *s);
/* After net_server_stop: closes at once what is still open. */
void net_server_abort(struct net_server *s);
/* True once every worker has ended. The main loop may then be left and the server freed. */
bool net_server_stopped(const struct net_server *s);
void net_server_free(struct net_server *s);

/* On the thread of that worker: while held, none of its connections is read, so that no further
 * calls come than those of bytes read before; answers go out as ever. Costs the same however many
 * connections there are. */
void net_server_hold(struct net_server *s, unsigned worker, bool held);

/* ---- other limits, while it serves ---- */

/* max_connections, max_per_source, the networks and idle_ms of a configuration. */
struct net_limits;

/* conf is read, not kept. ERR_CONFIG for a malformed network. */
MUST_CHECK enum err net_limits_new(const struct net_conf *conf, struct net_limits **out,
                                   struct errinfo *ei);
/* For limits that are not used after all. NULL is fine. */
void net_limits_free(struct net_limits *l);
/* Takes the limits. They hold for connections that begin from now on; idle_ms for all. Nobody who
 * is connected is sent away. */
void net_server_set_limits(struct net_server *s, struct net_limits *l);

/* ---- calls ---- */

/* These are valid only inside the handler; the stub may be read there. */
const struct rpc_call *net_call_rpc(const struct net_call *call);
const struct rpc_server *net_call_server(const struct net_call *call);
/* The number of its worker, from 0. */
unsigned net_call_worker(const struct net_call *call);
#define NET_ADDRESS_MAX 64
/* The client as "address:port"; behind a balancer what that told. Returns text. */
const char *net_call_peer(const struct net_call *call, char text[NET_ADDRESS_MAX]);
/* Its address without the port, as address_key gives it. */
void net_call_source(const struct net_call *call, uint8_t key[16]);

/* On the call's worker's thread; each ends the call and frees it. If the peer has gone away
 * meanwhile nothing is sent. */
void net_call_reply(struct net_call *call, const void *stub, size_t len);
void net_call_fault(struct net_call *call, uint32_t status);
/* No answer: the connection is closed. detail tells the log why. */
void net_call_abort(struct net_call *call, const char *detail);

/* Called at most once, on the worker's thread, if the peer closes its side, or goes away, before
 * the call has ended. It may end this call, and no other. */
typedef void net_gone_fn(void *arg);
void net_call_on_gone(struct net_call *call, net_gone_fn *fn, void *arg);

/* ---- calls that the main loop answers ---- */

/* A call that was handed to the main loop, with a copy of all there is to know of it. */
struct net_errand;
typedef void net_errand_fn(void *arg, struct net_errand *e);

/* From the handler: run is called on the main loop, and answers the call once, now or later. The
 * handler has nothing more to do with it. */
void net_call_to_main(struct net_call *call, net_errand_fn *run, void *arg);
/* On the main loop, until it is answered. */
const struct rpc_call *net_errand_rpc(const struct net_errand *e);
const char *net_errand_peer(const struct net_errand *e, char text[NET_ADDRESS_MAX]);
/* As net_call_reply and its like. All before net_server_free. */
void net_errand_reply(struct net_errand *e, const void *stub, size_t len);
void net_errand_fault(struct net_errand *e, uint32_t status);
void net_errand_abort(struct net_errand *e, const char *detail);

#endif
