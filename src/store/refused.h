/* refused: refused requests of this realm's clients, each with what its client said, and the events
 * of the host itself. Both are bounded. */
#ifndef ADBAD_STORE_REFUSED_H
#define ADBAD_STORE_REFUSED_H

#include "store/store.h"

/* Rows; older ones are summed up with the other refusals (struct store_refusal). */
#define STORE_REFUSED_MAX 100000
/* Rows; older ones are dropped. */
#define STORE_HOST_EVENTS_MAX 1000

struct store_refused {
    /* As of an answered one, but channel, count, principal and sid are not used and peer is the
     * address without port. */
    struct store_activation request;
    char reason[32]; /* kms_reason_name */
    uint32_t hresult;
};

/* Inside store_begin … store_commit; fails as store_add_activation. */
MUST_CHECK enum err store_add_refused(struct store *s, const struct store_refused *r,
                                      struct errinfo *ei);

typedef enum err store_refused_fn(void *arg, const struct store_refused *r);
/* Those with when >= since and an id above after, in the order of their ids. The error of each
 * (which need not fill an errinfo) stops it and is returned. */
MUST_CHECK enum err store_each_refused(struct store *s, int64_t since, int64_t after,
                                       store_refused_fn *each, void *arg, struct errinfo *ei);

/* Something that happened to the host: an id of the catalogue's events. */
struct store_host_event {
    int64_t id; /* given by the store */
    int64_t when;
    uint32_t event_id;
    uint32_t hresult;
    char text[512];
};

/* Likewise inside a transaction. */
MUST_CHECK enum err store_add_host_event(struct store *s, const struct store_host_event *h,
                                         struct errinfo *ei);

#endif
