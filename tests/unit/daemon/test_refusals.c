#include "support.h"

#include <stdio.h>
#include <string.h>

#include "daemon/refusals.h"

static struct store_refusal refusal(unsigned host, const char *reason, int64_t when)
{
    struct store_refusal r = {.when = when, .hresult = 0xc004f042};

    snprintf(r.source, sizeof(r.source), "192.0.%u.%u", host / 256, host % 256);
    snprintf(r.reason, sizeof(r.reason), "%s", reason);
    return r;
}

static void add(struct refusals *all, unsigned host, const char *reason, int64_t when)
{
    struct store_refusal r = refusal(host, reason, when);

    refusals_add(all, &r);
}

static uint64_t times_of(const struct refusals *all, const char *source)
{
    uint64_t n = 0;

    for (size_t i = 0; i < all->n; i++)
        n += strcmp(all->rows[i].source, source) == 0 ? all->rows[i].times : 0;
    return n;
}

static void a_minute_source_and_reason_share_a_row(void **state)
{
    static struct refusals all;

    (void)state;
    all.n = 0;
    add(&all, 1, "foreign", 60);
    add(&all, 1, "foreign", 119);
    assert_int_equal(all.n, 1);
    assert_int_equal(all.rows[0].times, 2);
    add(&all, 1, "foreign", 120);
    add(&all, 2, "foreign", 60);
    add(&all, 1, "bad-size", 60);
    assert_int_equal(all.n, 4);
    assert_int_equal(refusals_times(&all), 5);
}

static void a_crowd_of_sources_is_summed_up_and_none_is_lost(void **state)
{
    static struct refusals all;

    (void)state;
    all.n = 0;
    for (unsigned host = 0; host < 10000; host++)
        add(&all, host, host % 2 == 0 ? "foreign" : "clock-skew", 60);
    assert_true(all.n <= REFUSALS_MAX);
    assert_int_equal(refusals_times(&all), 10000);
    assert_true(times_of(&all, "(others)") > 9000);
    assert_int_equal(times_of(&all, "192.0.0.1"), 1);
}

static void merging_moves_everything(void **state)
{
    static struct refusals all, more;

    (void)state;
    all.n = more.n = 0;
    add(&all, 1, "foreign", 60);
    for (unsigned host = 0; host < 1000; host++)
        add(&more, host, "foreign", 60);
    refusals_merge(&all, &more);
    assert_int_equal(more.n, 0);
    assert_true(all.n <= REFUSALS_MAX);
    assert_int_equal(refusals_times(&all), 1001);
    assert_int_equal(times_of(&all, "192.0.0.1"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minute_source_and_reason_share_a_row),
        cmocka_unit_test(a_crowd_of_sources_is_summed_up_and_none_is_lost),
        cmocka_unit_test(merging_moves_everything),
    };

    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
