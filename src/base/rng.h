/* rng: randomness as an argument, so that simulations and tests can be repeated. */
#ifndef ADBAD_BASE_RNG_H
#define ADBAD_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    void (*fill)(void *arg, void *out, size_t n);
    void *arg;
};

static inline void rng_fill(const struct rng *r, void *out, size_t n)
{
    r->fill(r->arg, out, n);
}

/* The kernel's generator. Aborts if the kernel has none to give, which it promises not to. */
struct rng rng_system(void);

/* The kernel's generator, fetched a page at a time: a nonce then costs no system call. One thread
 * at a time; a thread has its own pool. Bytes are wiped as they are given out, and a forked child
 * finds the pool empty, so nobody gets the same bytes twice. NULL when out of memory. */
struct rng_pool;
struct rng_pool *rng_pool_new(void);
void rng_pool_free(struct rng_pool *pool);
/* Aborts as rng_system's. */
struct rng rng_from_pool(struct rng_pool *pool);

/* xoshiro256** (Blackman and Vigna), seeded through splitmix64: repeatable, not for secrets. */
struct rng_seeded {
    uint64_t s[4];
};
void rng_seeded_init(struct rng_seeded *state, uint64_t seed);
struct rng rng_from_seed(struct rng_seeded *state);

/* Uniform in [0, n), n > 0, without modulo bias. */
uint64_t rng_below(const struct rng *r, uint64_t n);

#endif
