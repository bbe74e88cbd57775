/* The hours of the dashboard against a ledger whose rows are known. */
#include "samples.h"

#include "base/clk.h"
#include "dashboard/timeline.h"
#include "store/relayed.h"
#include "store/selfreports.h"

#define NOW  INT64_C(1790000000)
#define HOUR (NOW / CLK_HOUR)

static void add_relayed(struct fixture *f, int64_t when)
{
    const struct store_relayed r = {.when = when, .peer = "192.0.2.1:1", .upstream = "kms:1688"};

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_relayed(f->s, &r, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

static void refuse(struct fixture *f, int64_t when, uint64_t times)
{
    const struct store_refusal r = {
        .when = when, .source = "192.0.2.1", .reason = "foreign", .times = times};

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_refusal(f->s, &r, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

static void read_on(struct fixture *f, struct timeline *t, int64_t now)
{
    assert_ok(timeline_read(t, f->s, now, &f->ei), &f->ei);
}

/* Of each series at one hour. */
static void assert_hour(const struct timeline *t, int64_t hour, unsigned kms, unsigned relay,
                        unsigned refused)
{
    assert_int_equal(timeline_sum(t, STORE_KMS, hour, 1), kms);
    assert_int_equal(timeline_sum(t, STORE_ADBA, hour, 1), 0);
    assert_int_equal(timeline_sum(t, STORE_RELAY, hour, 1), relay);
    assert_int_equal(timeline_sum(t, TIMELINE_REFUSED, hour, 1), refused);
}

static void each_row_is_in_its_hour(void **state)
{
    struct fixture *f = *state;
    static struct timeline t;

    memset(&t, 0, sizeof(t));
    open_ledger(f);
    add(f, 1, HOUR * CLK_HOUR);
    add(f, 2, HOUR * CLK_HOUR - 1);
    add_relayed(f, NOW);
    refuse(f, NOW - CLK_DAY, 7);
    read_on(f, &t, NOW);
    assert_hour(&t, HOUR, 1, 1, 0);
    assert_hour(&t, HOUR - 1, 1, 0, 0);
    assert_hour(&t, HOUR - 24, 0, 0, 7);
    assert_int_equal(timeline_sum(&t, STORE_KMS, HOUR - 5, 6), 2);
}

static void reading_on_counts_nothing_twice(void **state)
{
    struct fixture *f = *state;
    static struct timeline t;

    memset(&t, 0, sizeof(t));
    open_ledger(f);
    for (unsigned i = 1; i <= 5; i++) {
        add(f, i, NOW);
        add_relayed(f, NOW);
        refuse(f, NOW, 1);
        read_on(f, &t, NOW);
        read_on(f, &t, NOW);
        assert_hour(&t, HOUR, i, i, i);
    }
}

/* By the time of the activation, whenever it was told. */
static void what_clients_told_has_a_series_of_its_own(void **state)
{
    struct fixture *f = *state;
    const struct store_self_report r = {.when = NOW, .activated_at = NOW - 2 * CLK_HOUR};
    static struct timeline t;

    memset(&t, 0, sizeof(t));
    open_ledger(f);
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_self_report(f->s, &r, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
    read_on(f, &t, NOW);
    read_on(f, &t, NOW);
    assert_hour(&t, HOUR - 2, 0, 0, 0);
    assert_int_equal(timeline_sum(&t, TIMELINE_SELF, HOUR - 2, 1), 1);
    assert_int_equal(timeline_sum(&t, TIMELINE_SELF, HOUR, 1), 0);
}

static void the_window_moves_with_the_clock(void **state)
{
    struct fixture *f = *state;
    static struct timeline t;
    int64_t last = TIMELINE_HOURS - 1;

    memset(&t, 0, sizeof(t));
    open_ledger(f);
    add(f, 1, NOW);
    refuse(f, NOW, 3);
    read_on(f, &t, NOW);
    read_on(f, &t, NOW + last * CLK_HOUR);
    assert_hour(&t, HOUR, 1, 0, 3); /* the oldest hour now */
    add(f, 2, NOW + last * CLK_HOUR);
    read_on(f, &t, NOW + (last + 1) * CLK_HOUR);
    assert_hour(&t, HOUR, 0, 0, 0);
    assert_hour(&t, HOUR + last, 1, 0, 0);
    read_on(f, &t, NOW + 10 * last * CLK_HOUR); /* beyond all that is kept */
    assert_int_equal(timeline_sum(&t, STORE_KMS, HOUR, 1), 0);
    assert_int_equal(timeline_sum(&t, STORE_KMS, HOUR + 9 * last, TIMELINE_HOURS), 0);
}

static void a_clock_set_back_begins_anew(void **state)
{
    struct fixture *f = *state;
    static struct timeline t;

    memset(&t, 0, sizeof(t));
    open_ledger(f);
    add(f, 1, NOW);
    refuse(f, NOW, 1);
    read_on(f, &t, NOW + 40 * CLK_DAY);
    assert_hour(&t, HOUR, 0, 0, 0);
    read_on(f, &t, NOW);
    assert_hour(&t, HOUR, 1, 0, 1);
}

static void refusals_that_grow_are_seen(void **state)
{
    struct fixture *f = *state;
    static struct timeline t;

    memset(&t, 0, sizeof(t));
    open_ledger(f);
    refuse(f, NOW, 1);
    read_on(f, &t, NOW);
    refuse(f, NOW, 4); /* the same minute, source and reason: one row, 5 times */
    read_on(f, &t, NOW + CLK_HOUR);
    assert_hour(&t, HOUR, 0, 0, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_row_is_in_its_hour, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_on_counts_nothing_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(what_clients_told_has_a_series_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(the_window_moves_with_the_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_set_back_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals_that_grow_are_seen, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
