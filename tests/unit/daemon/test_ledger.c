#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/ledger.h"

struct fixture {
    char folder[256];
    uv_loop_t loop;
    struct store *store;
    struct ledger *ledger;
    unsigned done, failed; /* calls back */
    unsigned rebuilt;
};

static enum err rebuild(void *arg, struct errinfo *ei)
{
    struct fixture *f = arg;

    (void)ei;
    f->rebuilt++;
    return ERR_OK;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct errinfo ei;
    char path[300];
    struct ledger_conf conf = {.loop = &f->loop, .rebuild = rebuild, .arg = f};

    assert_non_null(f);
    test_folder(f->folder);
    snprintf(path, sizeof(path), "%s/ledger.db", f->folder);
    assert_ok(store_open(path, &f->store, &ei), &ei);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    conf.store = f->store;
    f->ledger = ledger_new(&conf);
    assert_non_null(f->ledger);
    *state = f;
    return 0;
}

static void limit_files(rlim_t bytes)
{
    struct rlimit r = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    limit_files(RLIM_INFINITY);
    ledger_close(f->ledger);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(ledger_closed(f->ledger));
    ledger_free(f->ledger);
    store_close(f->store);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static void on_done(void *arg, const struct store_activation *a, enum err e)
{
    struct fixture *f = arg;

    assert_string_equal(a->peer, "192.0.2.1:1");
    if (e == ERR_OK)
        f->done++;
    else
        f->failed++;
}

static void add(struct fixture *f)
{
    const struct store_activation a = {.when = 100, .peer = "192.0.2.1:1"};

    assert_int_equal(ledger_add(f->ledger, &a, on_done, f), ERR_OK);
}

static struct ledger_stats stats(const struct fixture *f)
{
    struct ledger_stats s;

    ledger_stats(f->ledger, &s);
    return s;
}

static struct store_totals totals(const struct fixture *f)
{
    struct store_totals t = {0};
    struct errinfo ei;

    assert_ok(store_totals(f->store, &t, &ei), &ei);
    return t;
}

static void what_is_added_in_one_turn_shares_one_commit(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 200; i++)
        add(f);
    assert_int_equal(f->done, 0); /* nobody is told before the commit */
    assert_int_equal(totals(f).answered, 0);
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->done, 200);
    assert_int_equal(totals(f).answered, 200);
    assert_int_equal(stats(f).commits, 1);
    add(f);
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(stats(f).commits, 2);
}

static void a_failed_commit_fails_all_of_it_and_takes_no_more(void **state)
{
    struct fixture *f = *state;

    limit_files(4096);
    for (int i = 0; i < 3; i++)
        add(f);
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->done, 0);
    assert_int_equal(f->failed, 3);
    assert_false(ledger_ready(f->ledger));
    assert_int_equal(stats(f).lost, 3);
    assert_true(stats(f).why[0] != '\0');
}

static void it_comes_back_by_itself_and_rebuilds_first(void **state)
{
    struct fixture *f = *state;
    uint64_t end = uv_hrtime() + UINT64_C(15000000000);

    limit_files(4096);
    add(f);
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_false(ledger_ready(f->ledger));
    assert_int_equal(f->rebuilt, 0);
    limit_files(RLIM_INFINITY);
    while (!ledger_ready(f->ledger) && uv_hrtime() < end)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(ledger_ready(f->ledger));
    assert_int_equal(f->rebuilt, 1);
    add(f);
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->done, 1);
    assert_int_equal(totals(f).answered, 1); /* the lost one is not there */
}

static struct store_refusal refusal(unsigned host, const char *reason)
{
    struct store_refusal r = {.when = 60, .hresult = 0xc004f042};

    snprintf(r.source, sizeof(r.source), "192.0.%u.%u", host / 256, host % 256);
    snprintf(r.reason, sizeof(r.reason), "%s", reason);
    return r;
}

static enum err sum(void *arg, const struct store_refusal *r)
{
    uint64_t *n = arg;

    n[0]++;
    n[1] += r->times;
    if (strcmp(r->source, "(others)") == 0)
        n[2] += r->times;
    return ERR_OK;
}

static void refusals_ride_along_with_the_next_commit(void **state)
{
    struct fixture *f = *state;
    struct store_refusal r = refusal(1, "foreign");

    for (int i = 0; i < 5; i++)
        ledger_refuse(f->ledger, &r);
    assert_int_equal(stats(f).waiting, 5);
    add(f);
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(totals(f).refused, 5);
    assert_int_equal(stats(f).waiting, 0);
    assert_int_equal(stats(f).commits, 1);
}

static void refusals_are_recorded_without_activations_too(void **state)
{
    struct fixture *f = *state;
    struct store_refusal r = refusal(1, "foreign");

    ledger_refuse(f->ledger, &r);
    uv_run(&f->loop, UV_RUN_DEFAULT); /* ends when its timer has fired and nothing waits */
    assert_int_equal(totals(f).refused, 1);
}

static void a_crowd_of_sources_is_summed_up(void **state)
{
    struct fixture *f = *state;
    uint64_t n[3] = {0};
    struct errinfo ei;

    for (unsigned host = 0; host < 10000; host++) {
        struct store_refusal r = refusal(host, host % 2 == 0 ? "foreign" : "clock-skew");

        ledger_refuse(f->ledger, &r);
    }
    add(f);
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_ok(store_each_refusal(f->store, 0, sum, n, &ei), &ei);
    assert_true(n[0] <= 256);
    assert_int_equal(n[1], 10000); /* none is lost */
    assert_true(n[2] > 9000);
}

static void closing_records_what_waits(void **state)
{
    struct fixture *f = *state;
    struct store_refusal r = refusal(1, "foreign");

    add(f);
    ledger_refuse(f->ledger, &r);
    ledger_close(f->ledger);
    assert_int_equal(f->done, 1);
    assert_int_equal(totals(f).answered, 1);
    assert_int_equal(totals(f).refused, 1);
    assert_false(ledger_ready(f->ledger));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_added_in_one_turn_shares_one_commit),
        T(a_failed_commit_fails_all_of_it_and_takes_no_more),
        T(it_comes_back_by_itself_and_rebuilds_first),
        T(refusals_ride_along_with_the_next_commit),
        T(refusals_are_recorded_without_activations_too),
        T(a_crowd_of_sources_is_summed_up),
        T(closing_records_what_waits),
    };

    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
