/* gate: who is let in, and how many. Shared by all workers of a server; the lock is taken when a
 * connection begins and when it ends, never between. Private to this room. */
#ifndef ADBAD_NET_GATE_H
#define ADBAD_NET_GATE_H

#include <pthread.h>

#include "base/cidr.h"
#include "net/net.h"
#include "net/source.h"

/* Who is let in. */
struct net_limits {
    struct cidr_set allow, deny, proxies;
    uint32_t max_connections, max_per_source;
    unsigned idle_ms;
};

struct gate {
    pthread_rwlock_t limits_lock; /* of which limits there are; they themselves never change */
    struct net_limits *limits;
    pthread_mutex_t lock; /* of all below; taken inside the other, never around it */
    struct sources sources;
    uint32_t open;
    bool waiting; /* somebody was told that all places are taken */
};

/* Takes the limits. */
void gate_init(struct gate *g, struct net_limits *limits);
/* Takes others in their place. True: somebody was turned back, and may try again. */
bool gate_change(struct gate *g, struct net_limits *limits);
void gate_fini(struct gate *g);
/* Takes one of max_connections places. False: there is none; gate_leave will tell. */
bool gate_enter(struct gate *g);
/* Gives the place back, and the source's if one was admitted (NULL: none was). True: somebody was
 * turned back meanwhile and may try again. */
bool gate_leave(struct gate *g, const union address *source);
/* Whether this address is a balancer's, which must tell for whom it connects. */
bool gate_trusts(struct gate *g, const union address *a);
/* Counts one more connection of the source. ERR_REFUSED: it is not served (allow, deny);
 * ERR_LIMIT: it has max_per_source already; or ERR_NOMEM. */
MUST_CHECK enum err gate_admit(struct gate *g, const union address *source);
/* Likewise for a balancer's own connection: it is trusted, and counted. */
MUST_CHECK enum err gate_count(struct gate *g, const union address *source);
uint32_t gate_open(struct gate *g);
/* Its max_per_source. */
uint32_t gate_per_source(struct gate *g);

#endif
