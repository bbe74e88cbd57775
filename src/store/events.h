/* events: single requests, answered and refused, in the order of their time. */
#ifndef ADBAD_STORE_EVENTS_H
#define ADBAD_STORE_EVENTS_H

#include "store/store.h"

struct store_event_query {
    int64_t since;         /* lab time */
    int64_t refused_since; /* refusals, if that is later */
    int64_t after;         /* oldest first: answered requests with a greater id only */
    bool oldest_first;     /* else newest first */
};

/* One of the two is NULL. A refusal stands for all of its minute, at the minute's begin. */
typedef enum err store_event_fn(void *arg, const struct store_activation *a,
                                const struct store_refusal *r);
/* Walks one state of the ledger, in constant memory and without sorting: answered requests in the
 * order of their commits, refusals put between them by time. The error of each (which need not
 * fill an errinfo) stops it and is returned. */
MUST_CHECK enum err store_each_event(struct store *s, const struct store_event_query *q,
                                     store_event_fn *each, void *arg, struct errinfo *ei);

#endif
