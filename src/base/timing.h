/* timing: how long something took, each time: counts in fixed buckets that one thread raises and
 * any thread may read. */
#ifndef ADBAD_BASE_TIMING_H
#define ADBAD_BASE_TIMING_H

#include <stddef.h>

#include "base/counter.h"

#define TIMING_BOUNDS 14

/* Microseconds, each bucket's greatest; ascending. */
extern const uint64_t timing_bounds_us[TIMING_BOUNDS];

struct timing {                                /* all zero: nothing happened yet */
    struct counter buckets[TIMING_BOUNDS + 1]; /* the last one: longer than every bound */
    struct counter sum_us;
};

/* By its one thread only. */
void timing_add(struct timing *t, uint64_t us);

#endif
