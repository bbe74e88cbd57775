/* Refused requests with rows of their own, and how they stand among the events. */
#include "samples.h"

#include <stdio.h>
#include <string.h>

#include "store/count.h"
#include "store/events.h"
#include "store/refused.h"
#include "store/retention.h"

static struct store_refused refused(unsigned n, int64_t when)
{
    struct store_refused r = {
        .request = activation(n, when), .reason = "not-served", .hresult = 0xC004F042};

    snprintf(r.request.peer, sizeof(r.request.peer), "192.0.2.7");
    r.request.count = 0;
    r.request.client_when = when - 7;
    return r;
}

static void refuse(struct fixture *f, unsigned n, unsigned times, int64_t when)
{
    struct store_refused r = refused(n, when);

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    for (unsigned i = 0; i < times; i++)
        assert_ok(store_add_refused(f->s, &r, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

static void sum(struct fixture *f, const char *reason, uint64_t times, int64_t when)
{
    struct store_refusal r = {.when = when, .source = "192.0.2.7", .times = times};

    snprintf(r.reason, sizeof(r.reason), "%s", reason);
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_refusal(f->s, &r, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

static void happen(struct fixture *f, int64_t when)
{
    struct store_host_event h = {
        .when = when, .event_id = 12291, .hresult = 0x80072740, .text = "no room"};

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_host_event(f->s, &h, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

/* ---- what comes out ---- */

struct told {
    char text[400]; /* "a1000 r1060 …": kind and time of each */
    uint64_t single, summed, had_rows;
    struct store_refused last;
    unsigned stop_after, n;
};

static enum err tell(void *arg, const struct store_event *e)
{
    struct told *t = arg;
    size_t used = strlen(t->text);
    char kind = 'a';
    int64_t when = e->answered != NULL ? e->answered->when : 0;

    if (e->refused != NULL) {
        kind = 'r';
        when = e->refused->request.when;
        t->last = *e->refused;
        t->single++;
    } else if (e->refusals != NULL) {
        kind = 's';
        when = e->refusals->when;
        t->summed += e->refusals->times;
        t->had_rows += e->refusals->had_rows;
    } else if (e->host != NULL) {
        kind = 'h';
        when = e->host->when;
        assert_string_equal(e->host->text, "no room");
        assert_int_equal(e->host->hresult, 0x80072740);
    }
    snprintf(t->text + used, sizeof(t->text) - used, "%s%c%d", used > 0 ? " " : "", kind,
             (int)when);
    return ++t->n == t->stop_after ? ERR_LIMIT : ERR_OK;
}

static struct told look(struct fixture *f, struct store_event_query q, unsigned stop_after)
{
    struct told t = {.stop_after = stop_after};

    assert_int_equal(store_each_event(f->s, &q, tell, &t, &f->ei),
                     stop_after != 0 ? ERR_LIMIT : ERR_OK);
    return t;
}

static enum err add_times(void *arg, const struct store_refusal *r)
{
    *(uint64_t *)arg += r->times;
    return ERR_OK;
}

static uint64_t all_refusals(struct fixture *f)
{
    uint64_t n = 0;

    assert_ok(store_each_refusal(f->s, INT64_MIN, add_times, &n, &f->ei), &f->ei);
    return n;
}

static uint64_t total_refused(struct fixture *f)
{
    struct store_totals t;

    assert_ok(store_totals(f->s, &t, &f->ei), &f->ei);
    return t.refused;
}

/* ---- tests ---- */

static void a_refused_request_comes_back_whole(void **state)
{
    struct fixture *f = *state;
    struct store_refused given = refused(3, 1000);
    struct told t;

    open_ledger(f);
    refuse(f, 3, 1, 1000);
    reopen_ledger(f);
    t = look(f, (struct store_event_query){.oldest_first = true}, 0);
    assert_int_equal(t.single, 1);
    given.request.id = 1;
    assert_memory_equal(&t.last.request.client_id, &given.request.client_id, 16);
    assert_memory_equal(&t.last.request.previous_client_id, &given.request.previous_client_id, 16);
    assert_memory_equal(&t.last.request.kms_id, &given.request.kms_id, 16);
    assert_memory_equal(&t.last.request.activation_id, &given.request.activation_id, 16);
    assert_memory_equal(&t.last.request.application_id, &given.request.application_id, 16);
    assert_string_equal(t.last.request.workstation, "pc-3.lab.example");
    assert_string_equal(t.last.request.peer, "192.0.2.7");
    assert_string_equal(t.last.reason, "not-served");
    assert_true(t.last.hresult == 0xC004F042 && t.last.request.version == 6);
    assert_true(t.last.request.is_virtual && t.last.request.licence_status == 3);
    assert_true(t.last.request.minutes_left == 43200 && t.last.request.required_count == 25);
    assert_true(t.last.request.client_when == 993 && t.last.request.id == 1);
    assert_int_equal(total_refused(f), 1);
}

static void all_kinds_stand_in_the_order_of_their_times(void **state)
{
    struct fixture *f = *state;
    const struct store_event_query oldest = {.oldest_first = true}, newest = {0};
    struct store_event_query later = {.oldest_first = true,
                                      .refusals_since = 1000,
                                      .after_answered = 1,
                                      .after_refused = 1,
                                      .after_host = 1};

    open_ledger(f);
    add(f, 0, 600);
    refuse(f, 0, 1, 610);
    sum(f, "foreign", 5, 620); /* of minute 600 */
    happen(f, 630);
    add(f, 1, 1200);
    refuse(f, 1, 1, 1190);
    happen(f, 1200);
    assert_string_equal(look(f, oldest, 0).text, "a600 s600 r610 h630 r1190 h1200 a1200");
    assert_string_equal(look(f, newest, 0).text, "h1200 a1200 r1190 h630 r610 a600 s600");
    assert_string_equal(look(f, newest, 3).text, "h1200 a1200 r1190");
    assert_string_equal(look(f, later, 0).text, "r1190 h1200 a1200");
    later.since = 1195;
    assert_string_equal(look(f, later, 0).text, "h1200 a1200");
}

static void sums_of_minutes_take_in_those_with_rows(void **state)
{
    struct fixture *f = *state;

    open_ledger(f);
    refuse(f, 0, 3, 610);
    refuse(f, 1, 2, 659);
    sum(f, "not-served", 4, 630);
    sum(f, "foreign", 7, 630);
    assert_int_equal(all_refusals(f), 16);
    assert_int_equal(total_refused(f), 16);
}

/* Ids as they are after very many: the oldest rows become sums, and nothing is told twice. */
static void the_table_is_bounded_and_what_leaves_it_is_summed_up(void **state)
{
    struct fixture *f = *state;
    const struct store_event_query q = {.oldest_first = true};
    char text[120];
    struct told t;

    open_ledger(f);
    refuse(f, 0, 10, 610);
    snprintf(text, sizeof(text), "UPDATE refused_requests SET id = %d WHERE id = 10",
             STORE_REFUSED_MAX + 248);
    sql(f->path, text);
    refuse(f, 1, 400, 1210);
    t = look(f, q, 0);
    assert_int_equal(t.single, 401);
    assert_int_equal(t.summed, 9);
    assert_int_equal(t.had_rows, 9);
    assert_int_equal(all_refusals(f), 410);
    assert_int_equal(total_refused(f), 410);
}

static void the_events_of_the_host_are_bounded(void **state)
{
    struct fixture *f = *state;
    const struct store_event_query q = {0};
    char text[100];

    open_ledger(f);
    happen(f, 600);
    happen(f, 1200);
    snprintf(text, sizeof(text), "UPDATE host_events SET id = %d WHERE id = 2",
             STORE_HOST_EVENTS_MAX);
    sql(f->path, text);
    assert_string_equal(look(f, q, 0).text, "h1200 h600");
    happen(f, 1800);
    assert_string_equal(look(f, q, 0).text, "h1800 h1200");
}

static void retention_takes_all_kinds_and_leaves_the_newest(void **state)
{
    struct fixture *f = *state;
    const struct store_event_query q = {.oldest_first = true};

    open_ledger(f);
    refuse(f, 0, 5, 600);
    happen(f, 600);
    happen(f, 600);
    refuse(f, 1, 1, 6000);
    assert_int_equal(expire(f, 5000, 3), 3);
    assert_int_equal(look(f, q, 0).single, 3);
    assert_int_equal(expire(f, 5000, 100), 3);
    assert_string_equal(look(f, q, 0).text, "h600 r6000");
    assert_int_equal(expire(f, 9000, 100), 0);
    assert_int_equal(total_refused(f), 6);
}

static void writing_needs_a_transaction(void **state)
{
    struct fixture *f = *state;
    struct store_refused r = refused(1, 1000);
    struct store_host_event h = {.when = 1};

    open_ledger(f);
    assert_int_equal(store_add_refused(f->s, &r, &f->ei), ERR_NOT_NOW);
    assert_int_equal(store_add_host_event(f->s, &h, &f->ei), ERR_NOT_NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_refused_request_comes_back_whole),
        T(all_kinds_stand_in_the_order_of_their_times),
        T(sums_of_minutes_take_in_those_with_rows),
        T(the_table_is_bounded_and_what_leaves_it_is_summed_up),
        T(the_events_of_the_host_are_bounded),
        T(retention_takes_all_kinds_and_leaves_the_newest),
        T(writing_needs_a_transaction),
    };

    return cmocka_run_group_tests_name("store_refused", tests, NULL, NULL);
}
