#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* As many bytes as several pages hold, in pieces that straddle their ends: none comes twice. */
static void a_pool_gives_fresh_bytes_across_its_refills(void **state)
{
    enum { DRAWS = 1000, PIECE = 28 };
    struct rng_pool *pool = rng_pool_new();
    static uint8_t drawn[DRAWS][PIECE];
    struct rng r;

    (void)state;
    assert_non_null(pool);
    r = rng_from_pool(pool);
    for (int i = 0; i < DRAWS; i++) {
        rng_fill(&r, drawn[i], PIECE);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(drawn[i], drawn[j], PIECE);
    }
    rng_pool_free(pool);
}

static void a_forked_child_does_not_repeat_its_parents_bytes(void **state)
{
    struct rng_pool *pool = rng_pool_new();
    uint8_t first[16], mine[16], childs[16];
    struct rng r;
    int fd[2];
    pid_t child;

    (void)state;
    assert_non_null(pool);
    r = rng_from_pool(pool);
    rng_fill(&r, first, sizeof(first)); /* the pool is full when it is copied */
    assert_int_equal(pipe(fd), 0);
    child = fork();
    if (child == 0) {
        rng_fill(&r, childs, sizeof(childs));
        _exit(write(fd[1], childs, sizeof(childs)) == sizeof(childs) ? 0 : 1);
    }
    rng_fill(&r, mine, sizeof(mine));
    assert_int_equal(read(fd[0], childs, sizeof(childs)), sizeof(childs));
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_memory_not_equal(mine, childs, sizeof(mine));
    close(fd[0]);
    close(fd[1]);
    rng_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(seeding_follows_splitmix64),
        cmocka_unit_test(below_stays_below_and_reaches_everything),
        cmocka_unit_test(a_pool_gives_fresh_bytes_across_its_refills),
        cmocka_unit_test(a_forked_child_does_not_repeat_its_parents_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
