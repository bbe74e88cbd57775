/* retention: old rows leave the ledger a few at a time. The running totals stay. */
#ifndef ADBAD_STORE_RETENTION_H
#define ADBAD_STORE_RETENTION_H

#include "store/store.h"

/* Looks, in the open transaction, at the limit oldest activations, refusals, events of the host,
 * relayed requests and clients' reports, and removes those from before the given time; *removed
 * tells how many. Fewer than limit: nothing is left to do now. The newest of each with an id stays,
 * so that ids go on rising, and so do those that the saved count does not cover (store/count.h):
 * nothing is removed before there is one. The totals per product (store/tally.h) take in first what
 * is removed. Fails as store_add_activation.
 */
MUST_CHECK enum err store_expire_step(struct store *s, int64_t before, uint32_t limit,
                                      uint64_t *removed, struct errinfo *ei);

#endif
