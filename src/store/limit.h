/* limit: how long a question to the ledger may take, for readers whom somebody waits for. */
#ifndef ADBAD_STORE_LIMIT_H
#define ADBAD_STORE_LIMIT_H

#include "store/store.h"

/* From now on s reads for ms in all; what would take longer fails with ERR_TIMEOUT, and s stays
 * usable. Call again before the next question. */
void store_limit(struct store *s, unsigned ms);

#endif
