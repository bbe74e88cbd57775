#include "store/stragglers.h"

#include <stdio.h>
#include <string.h>

#include "samples.h"

struct seen {
    unsigned n;
    struct store_straggler first, last;
};

static struct store_straggler machine(uint32_t n, int64_t when)
{
    struct store_straggler w = {.last = when, .source = "192.0.2.7"};

    memcpy(w.client_id.b, &n, sizeof(n));
    w.activation_id.b[0] = 0x11;
    snprintf(w.workstation, sizeof(w.workstation), "ws-%u", n);
    return w;
}

static void put(struct fixture *f, const struct store_straggler *w)
{
    assert_ok(store_put_straggler(f->s, w, &f->ei), &f->ei);
}

static void put_one(struct fixture *f, uint32_t n, int64_t when)
{
    struct store_straggler w = machine(n, when);

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    put(f, &w);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

static enum err see(void *arg, const struct store_straggler *w)
{
    struct seen *s = arg;

    if (s->n++ == 0)
        s->first = *w;
    s->last = *w;
    return ERR_OK;
}

static struct seen look(struct fixture *f, int64_t since, uint32_t limit)
{
    struct seen s = {0};

    assert_ok(store_each_straggler(f->s, since, limit, see, &s, &f->ei), &f->ei);
    return s;
}

static void a_machine_is_one_row_for_each_product(void **state)
{
    struct fixture *f = *state;
    struct store_straggler other = machine(1, 3000);
    struct seen s;

    open_ledger(f);
    put_one(f, 1, 1000);
    put_one(f, 1, 2000);
    other.activation_id.b[0] = 0x22;
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    put(f, &other);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
    s = look(f, 0, 0);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.first.activation_id.b[0], 0x22);
    assert_true(s.last.first == 1000 && s.last.last == 2000 && s.last.times == 2);
    assert_string_equal(s.last.workstation, "ws-1");
    assert_string_equal(s.last.source, "192.0.2.7");
}

static void the_last_to_ask_comes_first_within_the_limits(void **state)
{
    struct fixture *f = *state;

    open_ledger(f);
    for (uint32_t n = 0; n < 10; n++)
        put_one(f, n, 1000 + n);
    put_one(f, 3, 5000);
    assert_string_equal(look(f, 0, 0).first.workstation, "ws-3");
    assert_string_equal(look(f, 0, 0).last.workstation, "ws-0");
    assert_int_equal(look(f, 0, 4).n, 4);
    assert_int_equal(look(f, 1009, 0).n, 2);
}

/* A clock that goes back does not make anybody older. */
static void an_earlier_time_does_not_count(void **state)
{
    struct fixture *f = *state;

    open_ledger(f);
    put_one(f, 1, 2000);
    put_one(f, 1, 1000);
    assert_true(look(f, 0, 0).first.last == 2000);
}

/* Ids as they are after very many machines: the newest is STORE_STRAGGLERS_MAX. */
static void the_table_is_bounded_and_who_was_dropped_comes_back(void **state)
{
    struct fixture *f = *state;
    char text[100];

    open_ledger(f);
    for (uint32_t n = 0; n < 10; n++)
        put_one(f, n, 1000 + n);
    snprintf(text, sizeof(text), "UPDATE stragglers SET id = id + %d WHERE id > 3",
             STORE_STRAGGLERS_MAX - 10);
    sql(f->path, text);
    put_one(f, 3, 2000); /* known: nobody leaves for it */
    assert_int_equal(look(f, 0, 0).n, 10);
    put_one(f, 10, 2001);
    assert_int_equal(look(f, 0, 0).n, 10);
    assert_string_equal(look(f, 0, 0).last.workstation, "ws-1");
    put_one(f, 0, 2002);
    assert_int_equal(look(f, 0, 0).n, 10);
    assert_string_equal(look(f, 0, 0).first.workstation, "ws-0");
    assert_string_equal(look(f, 0, 0).last.workstation, "ws-2");
}

static void writing_needs_a_transaction(void **state)
{
    struct fixture *f = *state;
    struct store_straggler w = machine(1, 1000);

    open_ledger(f);
    assert_int_equal(store_put_straggler(f->s, &w, &f->ei), ERR_NOT_NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_machine_is_one_row_for_each_product),
        T(the_last_to_ask_comes_first_within_the_limits),
        T(an_earlier_time_does_not_count),
        T(the_table_is_bounded_and_who_was_dropped_comes_back),
        T(writing_needs_a_transaction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
