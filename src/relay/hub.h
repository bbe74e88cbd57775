/* hub: what the loops share. Private to this room. */
#ifndef ADBAD_RELAY_HUB_H
#define ADBAD_RELAY_HUB_H

#include <pthread.h>

#include "relay/dialling.h"
#include "relay/link.h"
#include "relay/relay.h"

#define RELAY_IDLE_MS 20000 /* below the 30 s after which KMS hosts close */

#define CROWDS 65536 /* rarely two in one */

struct addresses {
    struct relay_address v[RELAY_ADDRESSES_MAX];
    unsigned n;
    unsigned first; /* the one that worked last: it is tried first */
};

struct monitor;

struct relay {
    struct relay_conf conf;
    struct relay_target targets[RELAY_TARGETS_MAX]; /* as configured */
    size_t target_count;
    bool automatic;
    struct monitor *monitor; /* the main loop's */

    pthread_mutex_t lock; /* of all below */
    struct relay_policy policy;
    struct addresses addresses[RELAY_TARGETS_MAX]; /* by the policy's ids */
    struct relay_flights flights;
    bool looked; /* the first look-up of names has ended, whatever it found */
    uint32_t waiting;
    /* … by source; two may share a number, so that each has less than its half. */
    uint32_t crowds[CROWDS];
    struct relay_worker *workers[RELAY_WORKERS_MAX]; /* NULL: closed */
};

/* Milliseconds on a clock that all loops share. */
uint64_t hub_now(void);
/* With the lock: one more request of a crowd waits, or one less. False: there is no place. */
bool hub_queue(struct relay *r, unsigned crowd);
void hub_unqueue(struct relay *r, unsigned crowd);
unsigned hub_crowd(const struct relay *r, const uint8_t source[16]);
/* With the lock: something changed for those who wait. */
void hub_wake(struct relay *r);
/* With the lock: steps to the next of an upstream's addresses, of which there are *left with it.
 * False: none. Another who finds one that works meanwhile does not change this walk. */
bool hub_address(const struct relay *r, unsigned id, struct relay_walk *walk, unsigned *left);
/* From any thread: the worker looks at its queue. */
void worker_wake(struct relay_worker *w);

/* monitor.c */
MUST_CHECK enum err monitor_new(struct relay *r, struct errinfo *ei);
MUST_CHECK enum err monitor_start(struct monitor *m, const char *own, struct errinfo *ei);
void monitor_close(struct monitor *m);
bool monitor_closed(const struct monitor *m);
void monitor_free(struct monitor *m);

#endif
