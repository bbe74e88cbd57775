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

/* xoshiro256** (Blackman and Vigna), seeded through splitmix64: repeatable, not for secrets. */
struct rng_seeded {
    uint64_t s[4];
};
void rng_seeded_init(struct rng_seeded *state, uint64_t seed);
struct rng rng_from_seed(struct rng_seeded *state);

/* Uniform in [0, n), n > 0, without modulo bias. */
uint64_t rng_below(const struct rng *r, uint64_t n);

#endif
