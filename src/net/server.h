/* server: what all workers share. Private to this room. */
#ifndef ADBAD_NET_SERVER_H
#define ADBAD_NET_SERVER_H

#include "net/gate.h"
#include "net/worker.h"

#define LISTEN_MAX ADDRESS_LISTEN_MAX

struct net_server {
    struct net_conf conf;
    uv_loop_t *loop;
    struct mail mail; /* from workers to the main loop */
    struct gate gate;
    _Atomic unsigned idle_ms;
    struct rpc_shared *rpc;
    union address addresses[LISTEN_MAX];
    unsigned address_count;
    struct net_worker *workers; /* conf.workers of them */
    _Atomic unsigned alive;     /* threads */
    bool stopping;
    bool stopped; /* all that the main loop knew of is closed */
};

/* On any thread: a place is free that some worker waits for. */
void server_wake(struct net_server *s);

#endif
