/* counter: a number that one thread raises and any thread may read. Relaxed: it orders nothing
 * else, and costs what a plain addition costs. */
#ifndef ADBAD_BASE_COUNTER_H
#define ADBAD_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

struct counter {
    _Atomic uint64_t n; /* all zero is a counter at 0 */
};

/* By its one thread only. */
static inline void counter_add(struct counter *c, uint64_t more)
{
    uint64_t n = atomic_load_explicit(&c->n, memory_order_relaxed);

    atomic_store_explicit(&c->n, n + more, memory_order_relaxed);
}

static inline uint64_t counter_read(const struct counter *c)
{
    return atomic_load_explicit(&c->n, memory_order_relaxed);
}

#endif
