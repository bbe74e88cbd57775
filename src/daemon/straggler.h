/* straggler: notes in the ledger who still asks a host that refuses all. */
#ifndef ADBAD_DAEMON_STRAGGLER_H
#define ADBAD_DAEMON_STRAGGLER_H

#include "daemon/worker.h"

/* Goes with the next commit; the answer need not wait. When very many wait already nothing is
 * noted: the machine will ask again. */
void straggler_note(struct daemon_worker *w, const struct kms_request *m, const char *source,
                    int64_t when);

#endif
