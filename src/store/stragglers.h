/* stragglers: who still asks a host that refuses all ([kms] mode = refuse), one row per machine and
 * product. */
#ifndef ADBAD_STORE_STRAGGLERS_H
#define ADBAD_STORE_STRAGGLERS_H

#include "store/store.h"

#define STORE_STRAGGLERS_MAX 100000 /* rows; further ones take the place of the oldest */

struct store_straggler {
    struct guid client_id, activation_id, application_id;
    char workstation[256];
    char source[64]; /* address without port */
    int64_t first, last;
    uint64_t times;
};

/* One more request of this machine for this product at time s->last; first and times are not read.
 * Inside store_begin … store_commit; fails as store_add_activation. */
MUST_CHECK enum err store_put_straggler(struct store *s, const struct store_straggler *who,
                                        struct errinfo *ei);

typedef enum err store_straggler_fn(void *arg, const struct store_straggler *who);
/* Those who asked since a time, last one first, at most limit (0: all). The error of each (which
 * need not fill an errinfo) stops it and is returned. */
MUST_CHECK enum err store_each_straggler(struct store *s, int64_t since, uint32_t limit,
                                         store_straggler_fn *each, void *arg, struct errinfo *ei);

#endif
