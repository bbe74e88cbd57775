#include "base/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

static void system_fill(void *arg, void *out, size_t n)
{
    uint8_t *p = out;

    (void)arg;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0 && errno == EINTR)
            continue; /* a signal, which more than 256 bytes may meet */
        if (got <= 0)
            abort();
        p += got;
        n -= (size_t)got;
    }
}

struct rng rng_system(void)
{
    return (struct rng){.fill = system_fill};
}

/* One page, so that the kernel can wipe it in a child; left counts the fresh bytes at its end. */
struct rng_pool {
    size_t left;
    uint8_t bytes[4096 - sizeof(size_t)];
};

struct rng_pool *rng_pool_new(void)
{
    void *page = mmap(NULL, sizeof(struct rng_pool), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, sizeof(struct rng_pool), MADV_WIPEONFORK) == 0)
        return page;
    munmap(page, sizeof(struct rng_pool));
    return NULL;
}

void rng_pool_free(struct rng_pool *pool)
{
    if (pool == NULL)
        return;
    explicit_bzero(pool, sizeof(*pool));
    munmap(pool, sizeof(*pool));
}

static void pool_fill(void *arg, void *out, size_t n)
{
    struct rng_pool *pool = arg;
    uint8_t *p = out;

    while (n > 0) {
        size_t part;

        if (pool->left == 0) {
            system_fill(NULL, pool->bytes, sizeof(pool->bytes));
            pool->left = sizeof(pool->bytes);
        }
        part = n < pool->left ? n : pool->left;
        memcpy(p, pool->bytes + sizeof(pool->bytes) - pool->left, part);
        explicit_bzero(pool->bytes + sizeof(pool->bytes) - pool->left, part);
        pool->left -= part;
        p += part;
        n -= part;
    }
}

struct rng rng_from_pool(struct rng_pool *pool)
{
    return (struct rng){.fill = pool_fill, .arg = pool};
}

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void rng_seeded_init(struct rng_seeded *state, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        state->s[i] = splitmix(&seed);
}

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

static uint64_t next(struct rng_seeded *r)
{
    uint64_t result = rotl(r->s[1] * 5, 7) * 9;
    uint64_t t = r->s[1] << 17;

    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = rotl(r->s[3], 45);
    return result;
}

static void seeded_fill(void *arg, void *out, size_t n)
{
    uint8_t *p = out;

    while (n > 0) {
        uint64_t word = next(arg);
        size_t part = n < sizeof(word) ? n : sizeof(word);

        for (size_t i = 0; i < part; i++) /* the same bytes on every byte order */
            p[i] = (uint8_t)(word >> (8 * i));
        p += part;
        n -= part;
    }
}

struct rng rng_from_seed(struct rng_seeded *state)
{
    return (struct rng){.fill = seeded_fill, .arg = state};
}

uint64_t rng_below(const struct rng *r, uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n;
    uint64_t x;

    do {
        uint8_t raw[8];

        rng_fill(r, raw, sizeof(raw));
        x = 0;
        for (int i = 0; i < 8; i++)
            x |= (uint64_t)raw[i] << (8 * i);
    } while (x >= limit);
    return x % n;
}
