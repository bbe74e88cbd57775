/* compact: gives back the room of rows that left. */
#ifndef ADBAD_STORE_COMPACT_H
#define ADBAD_STORE_COMPACT_H

#include "store/store.h"

/* Called now and then while it goes on. */
typedef void store_progress_fn(void *arg);

/* Writes the ledger anew without gaps and moves it into its file. It takes as much room again on
 * the file system, twice over, while it lasts; on failure (ERR_FULL) the ledger is as it was. */
MUST_CHECK enum err store_compact(struct store *s, store_progress_fn *progress, void *arg,
                                  struct errinfo *ei);

#endif
