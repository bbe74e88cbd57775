#include "store/selfreports.h"

#include <stdio.h>
#include <string.h>

#include "samples.h"
#include "store/check.h"

struct seen {
    unsigned n;
    struct store_self_report first, last;
};

static struct store_self_report report(uint32_t n, int64_t when)
{
    struct store_self_report r = {.when = when,
                                  .peer = "[2001:db8::7]:50000",
                                  .event_id = 12308,
                                  .key = "WXYZ2",
                                  .account = "PC01$",
                                  .domain = "lab.example",
                                  .sid = "S-1-5-21-1-2-3-1104",
                                  .object_name = "B\xc3\xbcro",
                                  .object_dn = "CN=ao,CN=Activation Objects",
                                  .activated_at = when - 5,
                                  .expires = when + 100,
                                  .client_when = when + 1};

    memcpy(r.client_id.b, &n, sizeof(n));
    r.application_id.b[0] = 1;
    r.activation_id.b[15] = 0x77;
    r.kms_id.b[3] = 3;
    r.object_sku_id.b[4] = 4;
    snprintf(r.workstation, sizeof(r.workstation), "ws-%u", n);
    return r;
}

static void put_row(struct fixture *f, const struct store_self_report *r)
{
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_self_report(f->s, r, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

static void put(struct fixture *f, uint32_t n, int64_t when)
{
    struct store_self_report r = report(n, when);

    put_row(f, &r);
}

static enum err see(void *arg, const struct store_self_report *r)
{
    struct seen *s = arg;

    if (s->n++ == 0)
        s->first = *r;
    s->last = *r;
    return ERR_OK;
}

static struct seen look(struct fixture *f, int64_t since, int64_t after)
{
    struct seen s = {0};

    assert_ok(store_each_self_report(f->s, since, after, see, &s, &f->ei), &f->ei);
    return s;
}

static void assert_same(const struct store_self_report *a, const struct store_self_report *b)
{
    assert_true(a->id == b->id && a->when == b->when && a->event_id == b->event_id);
    assert_true(a->activated_at == b->activated_at && a->expires == b->expires);
    assert_true(a->client_when == b->client_when);
    assert_true(guid_equal(&a->client_id, &b->client_id));
    assert_true(guid_equal(&a->application_id, &b->application_id));
    assert_true(guid_equal(&a->activation_id, &b->activation_id));
    assert_true(guid_equal(&a->kms_id, &b->kms_id));
    assert_true(guid_equal(&a->object_sku_id, &b->object_sku_id));
    assert_string_equal(a->peer, b->peer);
    assert_string_equal(a->key, b->key);
    assert_string_equal(a->workstation, b->workstation);
    assert_string_equal(a->account, b->account);
    assert_string_equal(a->domain, b->domain);
    assert_string_equal(a->sid, b->sid);
    assert_string_equal(a->object_name, b->object_name);
    assert_string_equal(a->object_dn, b->object_dn);
}

static void a_row_comes_back_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct store_self_report want = report(3, 1000);
    struct seen s;

    open_ledger(f);
    put(f, 3, 1000);
    reopen_ledger(f);
    s = look(f, 0, 0);
    want.id = 1;
    assert_int_equal(s.n, 1);
    assert_same(&s.first, &want);
}

static void they_are_read_on_from_either_end(void **state)
{
    struct fixture *f = *state;
    struct seen s, back = {0};

    open_ledger(f);
    for (uint32_t i = 0; i < 5; i++)
        put(f, i, 1000 + i);
    s = look(f, 1001, 3);
    assert_int_equal(s.n, 2);
    assert_true(s.first.id == 4 && s.last.id == 5);
    assert_ok(store_each_self_report_back(f->s, 1001, 3, see, &back, &f->ei), &f->ei);
    assert_int_equal(back.n, 3);
    assert_true(back.first.when == 1004 && back.last.when == 1002);
}

/* The answer to the first was lost, or somebody repeats what he saw. */
static void what_is_told_again_is_no_other_row(void **state)
{
    struct fixture *f = *state;
    struct store_self_report again = report(1, 1000);

    open_ledger(f);
    put(f, 1, 1000);
    again.when += 60;
    again.client_when += 60;
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_self_report(f->s, &again, &f->ei), &f->ei);
    again.activation_id.b[0] ^= 1;
    assert_ok(store_add_self_report(f->s, &again, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
    put(f, 2, 1000);
    put(f, 1, 1001);
    assert_int_equal(look(f, 0, 0).n, 4);
    assert_int_equal(look(f, 0, 0).first.when, 1000);
}

/* They are no activations of this host, and a ledger that has them is whole. */
static void they_are_in_no_total(void **state)
{
    struct fixture *f = *state;
    struct store_totals t;
    struct store_report checked;
    unsigned rows = 0;

    open_ledger(f);
    put(f, 1, 1000);
    assert_ok(store_totals(f->s, &t, &f->ei), &f->ei);
    assert_true(t.answered == 0 && t.refused == 0);
    assert_ok(store_each_from(f->s, 0, 0, count_rows, &rows, &f->ei), &f->ei);
    assert_int_equal(rows, 0);
    assert_ok(store_check(f->s, &checked, &f->ei), &f->ei);
    for (int i = 0; i < STORE_CHECKS; i++)
        assert_true(checked.items[i].good);
}

static void old_ones_leave_but_for_the_newest(void **state)
{
    struct fixture *f = *state;

    open_ledger(f);
    for (uint32_t i = 0; i < 5; i++)
        put(f, i, 1000 + i);
    assert_int_equal(expire(f, 2000, 3), 3);
    assert_int_equal(expire(f, 2000, 3), 1);
    assert_int_equal(look(f, 0, 0).first.id, 5);
}

static void writing_needs_a_transaction(void **state)
{
    struct fixture *f = *state;
    struct store_self_report r = report(1, 1000);

    open_ledger(f);
    assert_int_equal(store_add_self_report(f->s, &r, &f->ei), ERR_NOT_NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_row_comes_back_as_it_was),
        T(they_are_read_on_from_either_end),
        T(they_are_in_no_total),
        T(old_ones_leave_but_for_the_newest),
        T(what_is_told_again_is_no_other_row),
        T(writing_needs_a_transaction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
