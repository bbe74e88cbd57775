/* tally: running totals per product, for the counters of slmgr /dlv; and with them those of all
 * answered requests.
 *
 * They cost the hot path an addition in memory: the ledger has them up to a mark, which moves once
 * in TALLY_ROWS activations, inside the caller's commit; reading adds the rows after the mark. So
 * they are exact at any time, also after a crash, and no reader scans the ledger. */
#ifndef ADBAD_STORE_TALLY_H
#define ADBAD_STORE_TALLY_H

#include "store/store.h"

#define TALLY_ROWS 4096 /* activations between two moves of the mark */
#define TALLY_MAX  1024 /* products x states that are told apart; any client can invent products */

struct store_tally {
    struct guid application_id;
    struct guid activation_id; /* zero: those beyond TALLY_MAX, application_id being zero too */
    uint32_t licence_status;
    uint64_t answered;
    int64_t last; /* when the newest of them was answered */
};

/* Every total, of one state of the ledger, sorted by product. O(TALLY_MAX + TALLY_ROWS). */
typedef enum err store_tally_fn(void *arg, const struct store_tally *t);
MUST_CHECK enum err store_each_tally(struct store *s, store_tally_fn *each, void *arg,
                                     struct errinfo *ei);

#endif
