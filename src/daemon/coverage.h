/* coverage: which KMS ids the directory's verified activation objects cover, as the watcher saw
 * last. Every function may be called from any thread. */
#ifndef ADBAD_DAEMON_COVERAGE_H
#define ADBAD_DAEMON_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"
#include "jobs/look.h"

struct coverage;

/* max_stale: how many seconds after a look it still holds. NULL: out of memory. */
struct coverage *coverage_new(int64_t max_stale);
void coverage_set_max_stale(struct coverage *c, int64_t max_stale);
void coverage_free(struct coverage *c);

/* Puts ids, which it takes (malloc), in the place of those before. seen_at: lab time. */
void coverage_publish(struct coverage *c, struct covered *ids, size_t n, int64_t seen_at);
/* Whether the directory covers the KMS id at lab time now. */
bool coverage_has(struct coverage *c, const struct guid *kms_id, int64_t now);

#endif
