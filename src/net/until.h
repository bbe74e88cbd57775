/* until: one deadline for a whole blocking exchange; private to this room. Monotonic real time:
 * networks don't follow the lab clock. */
#ifndef ADBAD_NET_UNTIL_H
#define ADBAD_NET_UNTIL_H

#include <stdint.h>

#include "base/clk.h"

struct until {
    int64_t ms;
};

static inline struct until until_in(int timeout_ms)
{
    return (struct until){clk_uptime_ms() + timeout_ms};
}

/* Milliseconds that are left; never negative. */
static inline int until_left(struct until u)
{
    int64_t left = u.ms - clk_uptime_ms();

    return left > 0 ? (int)left : 0;
}

#endif
