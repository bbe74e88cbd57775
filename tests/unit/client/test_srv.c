/* The order of SRV targets (RFC 2782): priority first, then a draw by weight. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "client/srv.h"

static struct srv_target target(uint16_t priority, uint16_t weight, const char *host)
{
    struct srv_target t = {.priority = priority, .weight = weight, .port = 1688};

    snprintf(t.host, sizeof(t.host), "%s", host);
    return t;
}

static void a_lower_priority_number_always_comes_first(void **state)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);

    (void)state;
    for (int round = 0; round < 200; round++) {
        struct srv_target t[] = {target(20, 65535, "c"), target(0, 0, "a"), target(10, 1, "b"),
                                 target(10, 9, "b")};

        srv_order(t, 4, &rng);
        assert_string_equal(t[0].host, "a");
        assert_string_equal(t[1].host, "b");
        assert_string_equal(t[2].host, "b");
        assert_string_equal(t[3].host, "c");
    }
}

static void every_target_is_kept_exactly_once(void **state)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);

    (void)state;
    for (int round = 0; round < 200; round++) {
        struct srv_target t[7];
        unsigned seen = 0;

        for (size_t i = 0; i < 7; i++) {
            char host[2] = {(char)('a' + i), '\0'};

            t[i] = target((uint16_t)rng_below(&rng, 3), (uint16_t)rng_below(&rng, 4), host);
        }
        srv_order(t, 7, &rng);
        for (size_t i = 0; i < 7; i++)
            seen |= 1u << (t[i].host[0] - 'a');
        assert_int_equal(seen, 0x7f);
    }
}

static void no_target_and_one_target_are_fine(void **state)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    struct srv_target one = target(1, 0, "only");

    (void)state;
    srv_order(NULL, 0, &rng);
    srv_order(&one, 1, &rng);
    assert_string_equal(one.host, "only");
}

/* A draw of 0 … sum inclusive, first running sum that reaches it: with weights 10, 30, 60 the
 * shares are 11/101 (0 counts for the first), 30/101 and 60/101. Five standard deviations. */
static void within_one_priority_the_first_place_falls_by_weight(void **state)
{
    static const double share[] = {11.0 / 101, 30.0 / 101, 60.0 / 101};
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    int first[3] = {0};
    const int rounds = 100000;

    (void)state;
    for (int i = 0; i < rounds; i++) {
        struct srv_target t[] = {target(0, 60, "c"), target(0, 10, "a"), target(0, 30, "b")};

        srv_order(t, 3, &rng);
        first[t[0].host[0] - 'a']++;
    }
    for (int i = 0; i < 3; i++) {
        double want = rounds * share[i], dev = sqrt(want * (1 - share[i]));

        if (fabs(first[i] - want) > 5 * dev)
            fail_msg("target %d was first %d times, expected %.0f +- %.0f", i, first[i], want,
                     5 * dev);
    }
}

/* RFC 2782: a target of weight 0 has "a very small chance" beside weighted ones. */
static void a_target_of_weight_zero_is_seldom_first_but_can_be(void **state)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    int first = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct srv_target t[] = {target(0, 99, "b"), target(0, 0, "a")};

        srv_order(t, 2, &rng);
        first += t[0].host[0] == 'a';
    }
    assert_true(first > 100); /* 1 % of 20000 is 200 */
    assert_true(first < 300);
}

static void the_same_seed_gives_the_same_order_whatever_order_the_answer_had(void **state)
{
    struct srv_target t[] = {target(0, 5, "a"), target(0, 5, "b"), target(0, 5, "c")};
    struct srv_target u[] = {target(0, 5, "c"), target(0, 5, "a"), target(0, 5, "b")};
    struct rng_seeded s1, s2;
    struct rng r1, r2;

    (void)state;
    for (uint64_t seed = 1; seed < 50; seed++) {
        rng_seeded_init(&s1, seed);
        rng_seeded_init(&s2, seed);
        r1 = rng_from_seed(&s1);
        r2 = rng_from_seed(&s2);
        srv_order(t, 3, &r1);
        srv_order(u, 3, &r2);
        for (int i = 0; i < 3; i++)
            assert_string_equal(t[i].host, u[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lower_priority_number_always_comes_first),
        cmocka_unit_test(every_target_is_kept_exactly_once),
        cmocka_unit_test(no_target_and_one_target_are_fine),
        cmocka_unit_test(within_one_priority_the_first_place_falls_by_weight),
        cmocka_unit_test(a_target_of_weight_zero_is_seldom_first_but_can_be),
        cmocka_unit_test(the_same_seed_gives_the_same_order_whatever_order_the_answer_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
