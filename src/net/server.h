/* server: what all workers share. Private to this room. */
#ifndef ADBAD_NET_SERVER_H
#define ADBAD_NET_SERVER_H

#include "net/gate.h"
#include "net/worker.h"

#define LISTEN_MAX 64

struct net_server {
    struct net_conf conf;
    struct gate gate;
    struct rpc_shared *rpc;
    union address addresses[LISTEN_MAX];
    unsigned address_count;
    struct net_worker *worker;
};

/* A place is free that some worker waits for. */
void server_wake(struct net_server *s);

#endif
