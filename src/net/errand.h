/* errand: a call on its way to the main loop and back, with all that it needs there: its connection
 * may end meanwhile. Private to this room. */
#ifndef ADBAD_NET_ERRAND_H
#define ADBAD_NET_ERRAND_H

#include "base/address.h"
#include "base/buf.h"
#include "net/net.h"

enum errand_answer { ERRAND_REPLY, ERRAND_FAULT, ERRAND_ABORT };

struct net_errand {
    struct net_errand *next;
    struct net_worker *worker;
    struct net_call *call; /* the worker's; not to be touched from here */
    struct rpc_call rpc;   /* a copy, whose stub is below */
    union address peer;
    net_errand_fn *run; /* on the main loop */
    void *arg;
    enum errand_answer answer;
    uint32_t status; /* of a fault */
    char detail[96]; /* of no answer */
    struct buf reply;
    uint8_t stub[];
};

/* Answers the call on its worker's thread and frees the errand. */
void errand_finish(struct net_errand *e);

#endif
