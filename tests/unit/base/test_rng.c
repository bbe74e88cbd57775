#include <string.h>

#include "base/rng.h"
#include "support.h"

static void the_same_seed_gives_the_same_bytes(void **state)
{
    struct rng_seeded a, b, c;
    struct rng ra = rng_from_seed(&a), rb = rng_from_seed(&b), rc = rng_from_seed(&c);
    uint8_t x[37], y[37], z[37];

    (void)state;
    rng_seeded_init(&a, 42);
    rng_seeded_init(&b, 42);
    rng_seeded_init(&c, 43);
    rng_fill(&ra, x, sizeof(x));
    rng_fill(&rb, y, sizeof(y));
    rng_fill(&rc, z, sizeof(z));
    assert_memory_equal(x, y, sizeof(x));
    assert_memory_not_equal(x, z, sizeof(x));
}

/* The first outputs of splitmix64 from seed 0, published with the algorithm (Vigna, 2015), are the
 * state words that it fills. */
static void seeding_follows_splitmix64(void **state)
{
    struct rng_seeded s;

    (void)state;
    rng_seeded_init(&s, 0);
    assert_true(s.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(s.s[1] == UINT64_C(0x6e789e6aa1b965f4));
}

static void below_stays_below_and_reaches_everything(void **state)
{
    struct rng_seeded s;
    struct rng r = test_rng(&s);
    unsigned seen[6] = {0};

    (void)state;
    for (int i = 0; i < 6000; i++) {
        uint64_t v = rng_below(&r, 6);

        assert_true(v < 6);
        seen[v]++;
    }
    for (int i = 0; i < 6; i++) /* 1000 expected; ten standard deviations are 289 */
        assert_in_range(seen[i], 711, 1289);
    assert_int_equal(rng_below(&r, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(seeding_follows_splitmix64),
        cmocka_unit_test(below_stays_below_and_reaches_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
