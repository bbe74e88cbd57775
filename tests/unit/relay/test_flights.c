#include "support.h"

#include "relay/flights.h"

static void the_same_bytes_fly_once(void **state)
{
    static struct relay_flights all = {.seed = 7};
    const uint8_t x[] = {0, 0, 6, 0, 1}, same[] = {0, 0, 6, 0, 1}, longer[] = {0, 0, 6, 0, 1, 0};
    struct relay_flight a = {.data = x, .n = 5}, b = {.data = same, .n = 5};
    struct relay_flight c = {.data = longer, .n = 6}, d = {.data = x, .n = 4};
    (void)state;

    assert_true(relay_flights_add(&all, &a));
    assert_false(relay_flights_add(&all, &b));
    relay_flights_remove(&b); /* it is not in it */
    assert_true(relay_flights_add(&all, &c));
    assert_true(relay_flights_add(&all, &d));
    relay_flights_remove(&a);
    assert_true(relay_flights_add(&all, &b));
    assert_false(relay_flights_add(&all, &a));
    relay_flights_remove(&c);
    relay_flights_remove(&d);
    relay_flights_remove(&b);
    relay_flights_remove(&b);
    for (size_t i = 0; i < RELAY_FLIGHT_BUCKETS; i++)
        assert_null(all.buckets[i]);
}

#define MANY 5000

static void many_come_and_go_in_any_order(void **state)
{
    static struct relay_flights all;
    static struct relay_flight f[MANY];
    static uint32_t bytes[MANY];
    struct rng_seeded seed;
    struct rng rng = test_rng(&seed);
    (void)state;

    rng_fill(&rng, &all.seed, sizeof(all.seed));
    for (uint32_t i = 0; i < MANY; i++) {
        bytes[i] = i;
        f[i] = (struct relay_flight){.data = (uint8_t *)&bytes[i], .n = sizeof(bytes[i])};
        assert_true(relay_flights_add(&all, &f[i]));
    }
    for (uint32_t n = 0; n < MANY; n++) {
        uint32_t i = (uint32_t)rng_below(&rng, MANY), copy = i;
        struct relay_flight again = {.data = (uint8_t *)&copy, .n = sizeof(copy)};

        if (f[i].at != NULL) {
            assert_false(relay_flights_add(&all, &again));
            relay_flights_remove(&f[i]);
        }
        assert_true(relay_flights_add(&all, &again));
        relay_flights_remove(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bytes_fly_once),
        cmocka_unit_test(many_come_and_go_in_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
