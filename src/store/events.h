/* events: what a KMS host's event log tells, in the order of time: single requests, answered and
 * refused, refusals that are only counted, and what happened to the host. */
#ifndef ADBAD_STORE_EVENTS_H
#define ADBAD_STORE_EVENTS_H

#include "store/refused.h"
#include "store/store.h"

struct store_event_query {
    int64_t since;          /* lab time */
    int64_t refusals_since; /* counted refusals, if that is later */
    /* Oldest first: of each kind with greater ids only. */
    int64_t after_answered, after_refused, after_host;
    bool oldest_first; /* else newest first */
};

/* One of them is not NULL. Counted refusals stand at the begin of their minute. */
struct store_event {
    const struct store_activation *answered;
    const struct store_refused *refused;
    const struct store_refusal *refusals;
    const struct store_host_event *host;
};

typedef enum err store_event_fn(void *arg, const struct store_event *event);
/* Walks one state of the ledger, in constant memory and without sorting: each kind in the order of
 * its commits, the kinds put between each other by time. The error of each (which need not fill an
 * errinfo) stops it and is returned. */
MUST_CHECK enum err store_each_event(struct store *s, const struct store_event_query *q,
                                     store_event_fn *each, void *arg, struct errinfo *ei);

#endif
