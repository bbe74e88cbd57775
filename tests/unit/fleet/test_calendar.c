/* The calendar of a fleet against a plain list. */
#include "support.h"

#include <string.h>

#include "fleet/calendar.h"

static void one_minute_gives_back_in_the_order_of_putting(void **state)
{
    struct calendar *c = calendar_new(4, 10);

    (void)state;
    assert_non_null(c);
    calendar_put(c, 2, 7);
    calendar_put(c, 0, 7);
    calendar_put(c, 3, 6);
    calendar_put(c, 1, 7);
    assert_int_equal(calendar_take(c, 6), 3);
    assert_int_equal(calendar_take(c, 6), CALENDAR_NONE);
    assert_int_equal(calendar_take(c, 7), 2);
    calendar_put(c, 2, 7); /* again while the minute is being emptied: last */
    assert_int_equal(calendar_take(c, 7), 0);
    assert_int_equal(calendar_take(c, 7), 1);
    assert_int_equal(calendar_take(c, 7), 2);
    assert_int_equal(calendar_take(c, 7), CALENDAR_NONE);
    calendar_free(c);
}

static void what_lies_beyond_the_end_never_comes(void **state)
{
    struct calendar *c = calendar_new(1, 3);

    (void)state;
    assert_non_null(c);
    calendar_put(c, 0, 3);
    calendar_put(c, 0, UINT32_MAX);
    for (uint32_t minute = 0; minute < 3; minute++)
        assert_int_equal(calendar_take(c, minute), CALENDAR_NONE);
    calendar_free(c);
    calendar_free(NULL);
}

#define THINGS  40
#define MINUTES 200

/* Each thing stands at one minute; the reference remembers when it was put there. */
static void random_use_is_like_a_sorted_list(void **state)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    struct calendar *c = calendar_new(THINGS, MINUTES);
    uint32_t at[THINGS], put[THINGS], puts = 0, taken = 0, expected = 0;

    (void)state;
    assert_non_null(c);
    for (uint32_t i = 0; i < THINGS; i++) {
        at[i] = (uint32_t)rng_below(&rng, MINUTES);
        put[i] = puts++;
        calendar_put(c, i, at[i]);
    }
    for (uint32_t now = 0; now < MINUTES; now++) {
        for (;;) {
            uint32_t first = CALENDAR_NONE, got = calendar_take(c, now);

            for (uint32_t i = 0; i < THINGS; i++) {
                if (at[i] == now && (first == CALENDAR_NONE || put[i] < put[first]))
                    first = i;
            }
            assert_int_equal(got, first);
            if (got == CALENDAR_NONE)
                break;
            taken++;
            at[got] = now + 1 + (uint32_t)rng_below(&rng, 60);
            put[got] = puts++;
            calendar_put(c, got, at[got]);
        }
    }
    for (uint32_t i = 0; i < THINGS; i++)
        expected += at[i] >= MINUTES;
    assert_int_equal(expected, THINGS); /* all have gone over the end */
    assert_int_equal(taken, puts - THINGS);
    calendar_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_minute_gives_back_in_the_order_of_putting),
        cmocka_unit_test(what_lies_beyond_the_end_never_comes),
        cmocka_unit_test(random_use_is_like_a_sorted_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
