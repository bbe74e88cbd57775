#include "support.h"

#include <string.h>

#include "net/source.h"

static union address v4(uint32_t host)
{
    union address a = {0};

    a.v4.sin_family = AF_INET;
    a.v4.sin_addr.s_addr = htonl(host);
    return a;
}

static void a_source_is_held_at_its_maximum(void **state)
{
    struct sources s = {0};
    union address a = v4(1), b = v4(2);

    (void)state;
    assert_int_equal(source_add(&s, &a, 2), ERR_OK);
    assert_int_equal(source_add(&s, &a, 2), ERR_OK);
    assert_int_equal(source_add(&s, &a, 2), ERR_LIMIT);
    assert_int_equal(source_add(&s, &b, 2), ERR_OK);
    source_drop(&s, &a);
    assert_int_equal(source_add(&s, &a, 2), ERR_OK);
    assert_int_equal(source_open(&s, &a), 2);
    sources_fini(&s);
}

static void both_families_of_a_mapped_address_are_one_source(void **state)
{
    struct sources s = {0};
    union address a = v4(0xc0000201), mapped = {0};
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1};

    (void)state;
    mapped.v6.sin6_family = AF_INET6;
    memcpy(&mapped.v6.sin6_addr, bytes, 16);
    assert_int_equal(source_add(&s, &a, 1), ERR_OK);
    assert_int_equal(source_add(&s, &mapped, 1), ERR_LIMIT);
    sources_fini(&s);
}

/* Against a plain array of counts. */
static void it_agrees_with_a_plain_count_over_random_use(void **state)
{
    enum { HOSTS = 300, STEPS = 20000 };
    static uint32_t want[HOSTS];
    struct rng_seeded seed;
    struct rng rng = test_rng(&seed);
    struct sources s = {0};
    uint32_t used = 0;

    (void)state;
    rng_fill(&rng, &s.seed, sizeof(s.seed));
    for (int i = 0; i < STEPS; i++) {
        uint32_t host = (uint32_t)rng_below(&rng, HOSTS);
        union address a = v4(host);

        if (rng_below(&rng, 2) == 0) {
            assert_int_equal(source_add(&s, &a, 1000), ERR_OK);
            want[host]++;
        } else if (want[host] > 0) {
            source_drop(&s, &a);
            want[host]--;
        }
    }
    for (uint32_t host = 0; host < HOSTS; host++) {
        union address a = v4(host);

        assert_int_equal(source_open(&s, &a), want[host]);
        used += want[host] > 0;
    }
    assert_int_equal(s.used, used);
    sources_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_held_at_its_maximum),
        cmocka_unit_test(both_families_of_a_mapped_address_are_one_source),
        cmocka_unit_test(it_agrees_with_a_plain_count_over_random_use),
    };

    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
