/* until: one deadline for a whole blocking exchange; private to this room. Monotonic real time:
 * networks don't follow the lab clock. */
#ifndef ADBAD_NET_UNTIL_H
#define ADBAD_NET_UNTIL_H

#include <stdint.h>
#include <time.h>

struct until {
    int64_t ms;
};

static inline int64_t until_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline struct until until_in(int timeout_ms)
{
    return (struct until){until_now() + timeout_ms};
}

/* Milliseconds that are left; never negative. */
static inline int until_left(struct until u)
{
    int64_t left = u.ms - until_now();

    return left > 0 ? (int)left : 0;
}

#endif
