/* refusals: what was refused and is not in the ledger yet, summed up per minute, source and reason.
 * Bounded whatever arrives: once many sources are in the table, further ones count as one. */
#ifndef ADBAD_DAEMON_REFUSALS_H
#define ADBAD_DAEMON_REFUSALS_H

#include "store/store.h"

#define REFUSALS_MAX 256 /* rows */

struct refusals {
    size_t n;
    struct store_refusal rows[REFUSALS_MAX];
};

/* r->times 0 means once. */
void refusals_add(struct refusals *all, const struct store_refusal *r);
/* Adds everything in from, which is empty then. */
void refusals_merge(struct refusals *all, struct refusals *from);
/* How many requests the rows stand for. */
uint64_t refusals_times(const struct refusals *all);

#endif
