#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"

#define VALUES 20000

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Latencies of every magnitude, against the same percentiles of the sorted values. */
static void test_percentiles(void **state)
{
    static const double fractions[] = {0.001, 0.5, 0.9, 0.99, 0.999, 1};
    static uint64_t values[VALUES];
    static struct histogram h, parts[2];
    struct rng_seeded seed;
    struct rng rng = test_rng(&seed);

    (void)state;
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = rng_below(&rng, UINT64_C(1) << rng_below(&rng, 40));
        histogram_add(&parts[i % 2], values[i]);
    }
    histogram_merge(&h, &parts[0]);
    histogram_merge(&h, &parts[1]);
    assert_int_equal(h.count, VALUES);
    qsort(values, VALUES, sizeof(values[0]), by_value);
    for (size_t i = 0; i < sizeof(fractions) / sizeof(fractions[0]); i++) {
        uint64_t exact = values[(size_t)ceil(fractions[i] * VALUES) - 1];
        uint64_t told = histogram_at(&h, fractions[i]);

        assert_true(told >= exact);
        assert_true((double)told <= (double)exact * 1.008);
    }
}

static void test_ends(void **state)
{
    static struct histogram h;

    (void)state;
    assert_int_equal(histogram_at(&h, 0.5), 0);
    histogram_add(&h, 0);
    assert_int_equal(histogram_at(&h, 1), 0);
    histogram_add(&h, UINT64_MAX);
    assert_int_equal(histogram_at(&h, 0.5), 0);
    assert_int_equal(histogram_at(&h, 1), (UINT64_C(1) << HISTOGRAM_TOP) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
