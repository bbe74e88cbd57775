#include "samples.h"

#include <stdio.h>

#include "store/count.h"
#include "store/retention.h"
#include "store/tally.h"

static void cover(struct fixture *f)
{
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_save_count(f->s, NULL, 0, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

static unsigned rows(struct fixture *f)
{
    unsigned n = 0;

    assert_ok(store_each_activation(f->s, INT64_MIN, count_rows, &n, &f->ei), &f->ei);
    return n;
}

static enum err note_first(void *arg, const struct store_activation *a)
{
    int64_t *first = arg;

    if (*first == 0)
        *first = a->id;
    return ERR_OK;
}

static int64_t first_id(struct fixture *f)
{
    int64_t first = 0;

    assert_ok(store_each_activation(f->s, INT64_MIN, note_first, &first, &f->ei), &f->ei);
    return first;
}

static void the_oldest_leave_first_and_a_few_at_a_time(void **state)
{
    struct fixture *f = *state;

    open_ledger(f);
    add_many(f, 100, 1000);
    add_many(f, 100, 2000);
    cover(f);
    assert_int_equal(expire(f, 2000, 30), 30);
    assert_int_equal(first_id(f), 31);
    assert_int_equal(expire(f, 2000, 30), 30);
    assert_int_equal(expire(f, 2000, 30), 30);
    assert_int_equal(expire(f, 2000, 30), 10);
    assert_int_equal(expire(f, 2000, 30), 0);
    assert_int_equal(rows(f), 100);
    assert_int_equal(first_id(f), 101);
}

static void the_totals_stay(void **state)
{
    struct fixture *f = *state;
    struct store_totals before, after;

    open_ledger(f);
    add_many(f, 70, 1000);
    cover(f);
    assert_ok(store_totals(f->s, &before, &f->ei), &f->ei);
    assert_int_equal(expire(f, 2000, 50), 50);
    assert_ok(store_totals(f->s, &after, &f->ei), &f->ei);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(after.answered, 70);
}

static enum err add_tally(void *arg, const struct store_tally *t)
{
    *(uint64_t *)arg += t->answered;
    return ERR_OK;
}

static uint64_t tallied(struct fixture *f)
{
    uint64_t n = 0;

    assert_ok(store_each_tally(f->s, add_tally, &n, &f->ei), &f->ei);
    return n;
}

/* They are read from rows where they were not written down yet. */
static void the_totals_per_product_stay(void **state)
{
    struct fixture *f = *state;

    open_ledger(f);
    add_many(f, 70, 1000);
    cover(f);
    assert_int_equal(expire(f, 2000, 50), 50);
    assert_int_equal(tallied(f), 70);
    add_many(f, 5, 1000);
    reopen_ledger(f); /* what stood in memory is forgotten */
    cover(f);
    assert_int_equal(expire(f, 2000, 50), 24);
    assert_int_equal(tallied(f), 75);
    reopen_ledger(f);
    assert_int_equal(tallied(f), 75);
}

static void the_newest_stays_so_that_ids_go_on_rising(void **state)
{
    struct fixture *f = *state;

    open_ledger(f);
    add_many(f, 10, 1000);
    cover(f);
    assert_int_equal(expire(f, INT64_MAX, 100), 9);
    assert_int_equal(rows(f), 1);
    add(f, 0, 3000);
    cover(f);
    assert_int_equal(expire(f, INT64_MAX, 100), 1);
    assert_int_equal(first_id(f), 11);
}

static void what_the_saved_count_does_not_cover_stays(void **state)
{
    struct fixture *f = *state;

    open_ledger(f);
    add_many(f, 10, 1000);
    assert_int_equal(expire(f, 2000, 100), 0); /* none is saved */
    cover(f);
    add_many(f, 10, 1000);
    assert_int_equal(expire(f, 2000, 100), 10);
    assert_int_equal(rows(f), 10);
}

static void refuse(struct fixture *f, unsigned source, int64_t when)
{
    struct store_refusal r = {.when = when, .reason = "foreign", .hresult = 0xC004F042};

    snprintf(r.source, sizeof(r.source), "192.0.2.%u", source);
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_refusal(f->s, &r, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

static enum err count_refusals(void *arg, const struct store_refusal *r)
{
    (void)r;
    ++*(unsigned *)arg;
    return ERR_OK;
}

static void refusals_leave_too_within_the_same_limit(void **state)
{
    struct fixture *f = *state;
    struct store_totals t;
    unsigned left = 0;

    open_ledger(f);
    add_many(f, 6, 1000);
    cover(f);
    for (unsigned i = 0; i < 20; i++)
        refuse(f, i, i < 10 ? 600 : 6000);
    assert_int_equal(expire(f, 6000, 8), 8); /* 5 activations, 3 refusals */
    assert_ok(store_each_refusal(f->s, 0, count_refusals, &left, &f->ei), &f->ei);
    assert_int_equal(left, 17);
    assert_int_equal(expire(f, 6000, 100), 7);
    assert_int_equal(expire(f, 6000, 100), 0);
    assert_ok(store_totals(f->s, &t, &f->ei), &f->ei);
    assert_int_equal(t.refused, 20);
}

static void outside_a_transaction_it_is_refused(void **state)
{
    struct fixture *f = *state;
    uint64_t removed;

    open_ledger(f);
    assert_int_equal(store_expire_step(f->s, 1, 1, &removed, &f->ei), ERR_NOT_NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_oldest_leave_first_and_a_few_at_a_time),
        T(the_totals_stay),
        T(the_totals_per_product_stay),
        T(the_newest_stays_so_that_ids_go_on_rising),
        T(what_the_saved_count_does_not_cover_stays),
        T(refusals_leave_too_within_the_same_limit),
        T(outside_a_transaction_it_is_refused),
    };

    return cmocka_run_group_tests_name("store_retention", tests, NULL, NULL);
}
