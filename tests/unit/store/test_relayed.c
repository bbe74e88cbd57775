#include "store/relayed.h"

#include <stdio.h>
#include <string.h>

#include "samples.h"

struct seen {
    unsigned n;
    struct store_relayed newest, oldest;
};

static struct store_relayed relayed(uint32_t n, int64_t when)
{
    struct store_relayed r = {.when = when,
                              .peer = "[2001:db8::7]:50000",
                              .version = 6,
                              .size = 280 + n,
                              .upstream = "kms1.example:1688",
                              .status = 0xc004f042,
                              .answer_size = UINT32_MAX,
                              .elapsed_us = 1500};

    memcpy(r.client_id.b, &n, sizeof(n));
    r.activation_id.b[15] = 0x77;
    snprintf(r.workstation, sizeof(r.workstation), "ws-%u", n);
    return r;
}

static void put_row(struct fixture *f, const struct store_relayed *r)
{
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_relayed(f->s, r, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

static void put(struct fixture *f, uint32_t n, int64_t when)
{
    struct store_relayed r = relayed(n, when);

    put_row(f, &r);
}

static enum err see(void *arg, const struct store_relayed *r)
{
    struct seen *s = arg;

    if (s->n++ == 0)
        s->newest = *r;
    s->oldest = *r;
    return ERR_OK;
}

static struct seen look(struct fixture *f, int64_t since, uint32_t limit)
{
    struct seen s = {0};

    assert_ok(store_each_relayed(f->s, since, limit, see, &s, &f->ei), &f->ei);
    return s;
}

static void a_row_comes_back_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct store_relayed want = relayed(3, 1000);
    struct seen s;

    open_ledger(f);
    want.id = 1;
    want.fault = true;
    put_row(f, &want);
    reopen_ledger(f);
    s = look(f, 0, 0);
    assert_int_equal(s.n, 1);
    assert_true(s.newest.id == want.id && s.newest.when == want.when);
    assert_string_equal(s.newest.peer, want.peer);
    assert_string_equal(s.newest.workstation, want.workstation);
    assert_string_equal(s.newest.upstream, want.upstream);
    assert_memory_equal(&s.newest.activation_id, &want.activation_id, 16);
    assert_memory_equal(&s.newest.client_id, &want.client_id, 16);
    assert_true(s.newest.fault);
    assert_true(s.newest.version == 6 && s.newest.size == 283 && s.newest.status == 0xc004f042 &&
                s.newest.answer_size == UINT32_MAX && s.newest.elapsed_us == 1500);
}

static void the_newest_come_first_within_the_limits(void **state)
{
    struct fixture *f = *state;
    struct seen s;

    open_ledger(f);
    for (uint32_t i = 0; i < 5; i++)
        put(f, i, 1000 + i);
    s = look(f, 1001, 3);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.newest.when, 1004);
    assert_int_equal(s.oldest.when, 1002);
    assert_int_equal(look(f, 1003, 0).n, 2);
}

static void relayed_requests_are_in_no_total(void **state)
{
    struct fixture *f = *state;
    struct store_totals t;

    open_ledger(f);
    put(f, 1, 1000);
    assert_ok(store_totals(f->s, &t, &f->ei), &f->ei);
    assert_true(t.answered == 0 && t.refused == 0);
}

static void they_leave_with_the_rest_that_is_too_old(void **state)
{
    struct fixture *f = *state;

    open_ledger(f);
    for (uint32_t i = 0; i < 5; i++)
        put(f, i, 1000 + i);
    assert_int_equal(expire(f, 1004, 3), 3);
    assert_int_equal(look(f, 0, 0).oldest.when, 1003);
    assert_int_equal(expire(f, 1004, 3), 1);
    assert_int_equal(look(f, 0, 0).n, 1);
}

static void writing_needs_a_transaction(void **state)
{
    struct fixture *f = *state;
    struct store_relayed r = relayed(1, 1000);

    open_ledger(f);
    assert_int_equal(store_add_relayed(f->s, &r, &f->ei), ERR_NOT_NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_row_comes_back_as_it_was),       T(the_newest_come_first_within_the_limits),
        T(relayed_requests_are_in_no_total), T(they_leave_with_the_rest_that_is_too_old),
        T(writing_needs_a_transaction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
