#include "support.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/ledger.h"
#include "store/events.h"

#define ROOM       8
#define SAVE_EVERY 100
#define PATIENCE   UINT64_C(15000000000) /* ns; a deadline, not a duration that is expected */
#define NOT_NAMED  7000                  /* required_count of a row that count refuses */

struct fixture {
    char folder[256], path[300], away[300];
    uv_loop_t loop;
    struct store *store;
    struct ledger *ledger;
    struct ledger_port *port;
    /* The loop's. */
    unsigned done, failed; /* calls back */
    unsigned holds, releases;
    uint32_t counts[8]; /* told to the first ones */
    bool out_of_order;
    /* The writer's; the loop may look. */
    atomic_uint counted, rebuilt, saved;
    atomic_uint counted_when_saved;
    /* The writer waits in count while gate is set, or when stop_at rows (0: any) were counted. */
    atomic_bool gate;
    atomic_uint stop_at;
    atomic_bool waits;
};

/* What the caller of the ledger keeps for one activation. */
struct asked {
    struct ledger_entry entry;
    struct fixture *f;
    uint32_t number;
};

/* ---- what the ledger calls ---- */

static enum err count(void *arg, struct store_activation *row)
{
    struct fixture *f = arg;

    while (atomic_load(&f->gate) || (atomic_load(&f->stop_at) != 0 &&
                                     atomic_load(&f->counted) >= atomic_load(&f->stop_at))) {
        atomic_store(&f->waits, true);
        uv_sleep(1);
    }
    atomic_store(&f->waits, false);
    if (row->required_count == NOT_NAMED)
        return ERR_LIMIT;
    row->count = atomic_fetch_add(&f->counted, 1) + 1;
    return ERR_OK;
}

static enum err rebuild(void *arg, struct store *s, struct errinfo *ei)
{
    struct fixture *f = arg;
    struct store_totals t = {0};
    enum err e = store_totals(s, &t, ei);

    atomic_store(&f->counted, (unsigned)t.answered);
    atomic_fetch_add(&f->rebuilt, 1);
    return e;
}

static enum err save(void *arg, struct store *s, struct errinfo *ei)
{
    struct fixture *f = arg;

    (void)s;
    (void)ei;
    atomic_store(&f->counted_when_saved, atomic_load(&f->counted));
    atomic_fetch_add(&f->saved, 1);
    return ERR_OK;
}

static void on_hold(void *arg, bool on)
{
    struct fixture *f = arg;

    if (on)
        f->holds++;
    else
        f->releases++;
}

static void on_done(struct ledger_entry *entry, enum err e)
{
    struct asked *a = (struct asked *)entry;
    struct fixture *f = a->f;

    if (a->number != f->done + f->failed)
        f->out_of_order = true;
    if (a->number < 8)
        f->counts[a->number] = entry->row.count;
    if (e == ERR_OK)
        f->done++;
    else
        f->failed++;
    free(a);
}

/* ---- a ledger on a loop ---- */

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct errinfo ei;
    struct ledger_conf conf = {.room = ROOM,
                               .save_every = SAVE_EVERY,
                               .count = count,
                               .save = save,
                               .rebuild = rebuild,
                               .arg = f};

    assert_non_null(f);
    test_folder(f->folder);
    snprintf(f->path, sizeof(f->path), "%s/ledger.db", f->folder);
    snprintf(f->away, sizeof(f->away), "%s/away", f->folder);
    assert_ok(store_open(f->path, &f->store, &ei), &ei);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    conf.store = f->store;
    assert_ok(ledger_open(&conf, &f->ledger, &ei), &ei);
    assert_ok(ledger_port_open(f->ledger, &f->loop, on_hold, f, &f->port, &ei), &ei);
    *state = f;
    return 0;
}

static void limit_files(rlim_t bytes)
{
    struct rlimit r = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* Nothing can be written, and the file can't be opened again either: however long the test takes,
 * the ledger stays as it is. */
static void break_disk(const struct fixture *f)
{
    limit_files(4096);
    assert_int_equal(rename(f->path, f->away), 0);
}

static void mend_disk(const struct fixture *f)
{
    limit_files(RLIM_INFINITY);
    assert_int_equal(rename(f->away, f->path), 0);
}

static void close_port(struct fixture *f)
{
    ledger_port_close(f->port);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(ledger_port_closed(f->port));
    ledger_port_free(f->port);
    f->port = NULL;
}

static void close_ledger(struct fixture *f)
{
    if (f->port != NULL)
        close_port(f);
    ledger_close(f->ledger);
    f->ledger = NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    limit_files(RLIM_INFINITY);
    atomic_store(&f->gate, false);
    atomic_store(&f->stop_at, 0);
    close_ledger(f);
    store_close(f->store);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    test_folder_remove(f->folder);
    assert_false(f->out_of_order);
    free(f);
    return 0;
}

static void add_row(struct fixture *f, uint32_t number, uint32_t required_count)
{
    struct asked *a = calloc(1, sizeof(*a));

    assert_non_null(a);
    a->f = f;
    a->number = number;
    a->entry.done = on_done;
    a->entry.row = (struct store_activation){
        .when = 100, .peer = "192.0.2.1:1", .required_count = required_count};
    ledger_add(f->port, &a->entry);
}

static void add(struct fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        add_row(f, f->done + f->failed + i, 25);
}

/* Turns the loop until cond; a handle of the test's own keeps it turning. */
static void on_tick(uv_timer_t *t)
{
    (void)t;
}

#define turn_until(f, cond)                                                                        \
    do {                                                                                           \
        uint64_t end_ = uv_hrtime() + PATIENCE;                                                    \
        uv_timer_t tick_;                                                                          \
                                                                                                   \
        uv_timer_init(&(f)->loop, &tick_);                                                         \
        uv_timer_start(&tick_, on_tick, 5, 5);                                                     \
        while (!(cond) && uv_hrtime() < end_)                                                      \
            uv_run(&(f)->loop, UV_RUN_ONCE);                                                       \
        uv_close((uv_handle_t *)&tick_, NULL);                                                     \
        uv_run(&(f)->loop, UV_RUN_NOWAIT);                                                         \
        assert_true(cond);                                                                         \
    } while (0)

static struct ledger_stats stats(const struct fixture *f)
{
    struct ledger_stats s;

    ledger_stats(f->ledger, &s);
    return s;
}

static enum err read_totals(void *arg, struct store *s, struct errinfo *ei)
{
    return store_totals(s, arg, ei);
}

static struct store_totals totals(const struct fixture *f)
{
    struct store_totals t = {0};
    struct errinfo ei;

    assert_ok(ledger_read(f->ledger, read_totals, &t, &ei), &ei);
    return t;
}

/* ---- recording ---- */

static void what_is_added_in_one_turn_shares_one_commit(void **state)
{
    struct fixture *f = *state;

    add(f, 200);
    assert_int_equal(f->done, 0); /* nobody is told before the commit */
    assert_int_equal(totals(f).answered, 0);
    turn_until(f, f->done == 200);
    assert_int_equal(totals(f).answered, 200);
    assert_int_equal(stats(f).commits, 1);
    assert_int_equal(stats(f).recorded, 200);
    add(f, 1);
    turn_until(f, f->done == 201);
    assert_int_equal(stats(f).commits, 2);
}

/* Turns of the loop while the writer is busy become one commit. */
static void what_arrives_during_a_commit_shares_the_next(void **state)
{
    struct fixture *f = *state;

    atomic_store(&f->gate, true);
    add_row(f, 0, 25);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    for (uint32_t i = 1; i <= 50; i++) {
        add_row(f, i, 25);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(f->done, 0);
    atomic_store(&f->gate, false);
    turn_until(f, f->done == 51);
    assert_true(stats(f).commits <= 3);
    assert_int_equal(totals(f).answered, 51);
}

static void a_row_gets_its_count_in_the_order_of_adding(void **state)
{
    struct fixture *f = *state;

    add(f, 5);
    turn_until(f, f->done == 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(f->counts[i], i + 1);
}

static void a_row_that_cannot_be_counted_fails_alone(void **state)
{
    struct fixture *f = *state;

    add_row(f, 0, 25);
    add_row(f, 1, NOT_NAMED);
    add_row(f, 2, 25);
    turn_until(f, f->done + f->failed == 3);
    assert_int_equal(f->done, 2);
    assert_int_equal(f->failed, 1);
    assert_true(ledger_ready(f->ledger));
    assert_int_equal(totals(f).answered, 2);
    assert_int_equal(stats(f).recorded, 2);
    assert_int_equal(stats(f).lost, 0);
}

static void what_was_counted_is_saved_now_and_then_and_at_the_end(void **state)
{
    struct fixture *f = *state;

    add(f, SAVE_EVERY - 1);
    turn_until(f, f->done == SAVE_EVERY - 1);
    add(f, 1);
    turn_until(f, f->done == SAVE_EVERY);
    assert_int_equal(atomic_load(&f->saved), 0);
    add(f, 2); /* the commit after that many holds it, with its own rows in it */
    turn_until(f, f->done == SAVE_EVERY + 2);
    assert_int_equal(atomic_load(&f->saved), 1);
    assert_int_equal(atomic_load(&f->counted_when_saved), SAVE_EVERY + 2);
    add(f, 1);
    turn_until(f, f->done == SAVE_EVERY + 3);
    assert_int_equal(atomic_load(&f->saved), 1);
    close_ledger(f);
    assert_int_equal(atomic_load(&f->saved), 2);
    assert_int_equal(atomic_load(&f->counted_when_saved), SAVE_EVERY + 3);
}

/* ---- failure ---- */

static void a_failed_commit_fails_all_of_it_and_takes_no_more(void **state)
{
    struct fixture *f = *state;

    break_disk(f);
    add(f, 3);
    turn_until(f, f->failed == 3);
    assert_int_equal(f->done, 0);
    assert_false(ledger_ready(f->ledger));
    assert_int_equal(stats(f).lost, 3);
    assert_int_equal(stats(f).failures, 1);
    assert_true(stats(f).why[0] != '\0');
    add(f, 1); /* on its way when it happened */
    turn_until(f, f->failed == 4);
    assert_int_equal(ledger_read(f->ledger, read_totals, &(struct store_totals){0}, NULL),
                     ERR_NOT_NOW);
}

static void it_comes_back_by_itself_and_rebuilds_first(void **state)
{
    struct fixture *f = *state;

    add(f, 2);
    turn_until(f, f->done == 2);
    break_disk(f);
    add(f, 3);
    turn_until(f, f->failed == 3);
    assert_int_equal(atomic_load(&f->rebuilt), 0);
    mend_disk(f);
    turn_until(f, ledger_ready(f->ledger));
    assert_int_equal(atomic_load(&f->rebuilt), 1);
    assert_int_equal(atomic_load(&f->counted), 2); /* the lost ones count no more */
    add(f, 1);
    turn_until(f, f->done == 3);
    assert_int_equal(totals(f).answered, 3);
    assert_int_equal(atomic_load(&f->counted), 3);
}

/* ---- back-pressure ---- */

static void a_full_queue_holds_its_ports_and_releases_them(void **state)
{
    struct fixture *f = *state;

    atomic_store(&f->gate, true);
    add(f, ROOM - 1);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->holds, 0);
    add_row(f, ROOM - 1, 25);
    add_row(f, ROOM, 25); /* what comes all the same is taken */
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->holds, 1);
    add_row(f, ROOM + 1, 25);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->holds, 1); /* it knows */
    assert_int_equal(f->releases, 0);
    atomic_store(&f->gate, false);
    turn_until(f, f->done == ROOM + 2 && f->releases == 1);
    add(f, ROOM);
    turn_until(f, f->done == 2 * ROOM + 2 && f->releases == 2);
    assert_int_equal(f->holds, 2);
}

/* A port may be held while all that is under way is others': when that is done it is released,
 * though nothing of its own comes back then. */
static void a_held_port_with_nothing_under_way_is_released_too(void **state)
{
    struct fixture *f = *state;
    struct fixture other = {.ledger = f->ledger};
    struct errinfo ei;

    assert_int_equal(uv_loop_init(&other.loop), 0);
    assert_ok(ledger_port_open(f->ledger, &other.loop, on_hold, &other, &other.port, &ei), &ei);
    atomic_store(&f->stop_at, 1);
    add(f, ROOM - 1);
    turn_until(f, f->waits); /* the writer has them */
    add(&other, 1);
    uv_run(&other.loop, UV_RUN_NOWAIT); /* takes the last of the room, in the second commit */
    assert_int_equal(other.holds, 1);
    atomic_store(&f->stop_at, ROOM - 1);
    turn_until(f, f->done == ROOM - 1 && f->waits); /* the writer is in the other's */
    add(f, ROOM);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    atomic_store(&f->stop_at, ROOM);
    turn_until(&other, other.done == 1 && f->waits);
    assert_int_equal(other.releases, 0);
    atomic_store(&f->stop_at, 0);
    turn_until(&other, other.releases == 1);
    turn_until(f, f->done == 2 * ROOM - 1);
    close_port(&other);
    uv_loop_close(&other.loop);
}

/* ---- refusals ---- */

static struct store_refusal refusal(unsigned host, const char *reason)
{
    struct store_refusal r = {.when = 60, .hresult = 0xc004f042};

    snprintf(r.source, sizeof(r.source), "192.0.%u.%u", host / 256, host % 256);
    snprintf(r.reason, sizeof(r.reason), "%s", reason);
    return r;
}

static void refusals_are_recorded_within_moments(void **state)
{
    struct fixture *f = *state;
    struct store_refusal r = refusal(1, "foreign");

    for (int i = 0; i < 5; i++)
        ledger_refuse(f->port, &r);
    assert_int_equal(stats(f).waiting, 5);
    assert_int_equal(stats(f).refusals, 5);
    uv_run(&f->loop, UV_RUN_DEFAULT); /* ends when its timer has fired and nothing waits */
    assert_int_equal(totals(f).refused, 5);
    assert_int_equal(stats(f).waiting, 0);
    assert_int_equal(stats(f).commits, 1);
}

static void refusals_outlast_a_failure(void **state)
{
    struct fixture *f = *state;
    struct store_refusal r = refusal(1, "foreign");

    break_disk(f);
    add(f, 1);
    turn_until(f, f->failed == 1);
    ledger_refuse(f->port, &r);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(stats(f).waiting, 1);
    mend_disk(f);
    turn_until(f, ledger_ready(f->ledger));
    turn_until(f, stats(f).waiting == 0);
    assert_int_equal(totals(f).refused, 1);
}

static struct store_refused refused_request(int64_t when)
{
    struct store_refused r = {.request = {.when = when, .peer = "192.0.2.9"},
                              .reason = "not-served",
                              .hresult = 0xc004f042};

    return r;
}

struct events {
    uint64_t single, summed;
};

static enum err count_event(void *arg, const struct store_event *e)
{
    struct events *n = arg;

    n->single += e->refused != NULL;
    n->summed += e->refusals != NULL ? e->refusals->times : 0;
    return ERR_OK;
}

static enum err read_events(void *arg, struct store *s, struct errinfo *ei)
{
    const struct store_event_query q = {.oldest_first = true};

    return store_each_event(s, &q, count_event, arg, ei);
}

static struct events events(struct fixture *f)
{
    struct events n = {0};
    struct errinfo ei = {0};

    assert_ok(ledger_read(f->ledger, read_events, &n, &ei), &ei);
    return n;
}

static void refused_requests_have_rows_and_cost_no_commit_each(void **state)
{
    struct fixture *f = *state;
    struct store_refused r = refused_request(60);

    for (int i = 0; i < 5; i++)
        ledger_refuse_request(f->port, &r);
    assert_int_equal(stats(f).waiting, 5);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(events(f).single, 5);
    assert_int_equal(totals(f).refused, 5);
    assert_int_equal(stats(f).waiting, 0);
    assert_int_equal(stats(f).commits, 1);
}

/* A flood while the writer is busy: memory is bounded, and each one is in the ledger all the same.
 */
static void refused_requests_beyond_the_room_are_summed_up(void **state)
{
    struct fixture *f = *state;
    struct store_refused r = refused_request(60);
    struct events n;

    atomic_store(&f->gate, true);
    add(f, 1);
    turn_until(f, f->waits); /* the writer is in it */
    for (int i = 0; i < 10000; i++)
        ledger_refuse_request(f->port, &r);
    atomic_store(&f->gate, false);
    turn_until(f, f->done == 1 && stats(f).waiting == 0);
    n = events(f);
    assert_int_equal(n.single, 2048);
    assert_int_equal(n.summed, 10000 - 2048);
    assert_int_equal(totals(f).refused, 10000);
    assert_true(stats(f).commits >= 2048 / 256);
    ledger_refuse_request(f->port, &r); /* there is room again */
    turn_until(f, stats(f).waiting == 0);
    assert_int_equal(events(f).single, 2049);
}

static enum err note_that_it_ran(void *arg, struct store *s, struct errinfo *ei)
{
    (void)s;
    (void)ei;
    *(bool *)arg = true;
    return ERR_OK;
}

/* As when a disk stalls. Whoever comes after the first one does not even wait. */
static void nobody_waits_long_for_a_writer_that_is_held_up(void **state)
{
    struct fixture *f = *state;
    struct errinfo ei = {0};
    bool ran = false;

    atomic_store(&f->gate, true);
    add(f, 1);
    turn_until(f, f->waits);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ledger_read(f->ledger, note_that_it_ran, &ran, &ei), ERR_TIMEOUT);
        assert_int_equal(ledger_write(f->ledger, note_that_it_ran, &ran, &ei), ERR_TIMEOUT);
    }
    assert_contains(ei.text, "the ledger's disk takes longer");
    atomic_store(&f->gate, false);
    turn_until(f, f->done == 1);
    assert_false(ran);
    assert_int_equal(totals(f).answered, 1);
    assert_ok(ledger_write(f->ledger, note_that_it_ran, &ran, &ei), &ei);
    assert_true(ran);
}

static void refused_requests_outlast_a_failure(void **state)
{
    struct fixture *f = *state;
    struct store_refused r = refused_request(60);

    break_disk(f);
    add(f, 1);
    turn_until(f, f->failed == 1);
    ledger_refuse_request(f->port, &r);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(stats(f).waiting, 1);
    mend_disk(f);
    turn_until(f, ledger_ready(f->ledger));
    turn_until(f, stats(f).waiting == 0);
    assert_int_equal(events(f).single, 1);
}

/* ---- writing other things ---- */

static enum err write_refusal(void *arg, struct store *s, struct errinfo *ei)
{
    return store_add_refusal(s, arg, ei);
}

static void a_write_is_durable_when_it_returns(void **state)
{
    struct fixture *f = *state;
    struct store_refusal r = refusal(1, "foreign");
    struct errinfo ei;

    assert_ok(ledger_write(f->ledger, write_refusal, &r, &ei), &ei);
    assert_int_equal(totals(f).refused, 1);
    break_disk(f);
    assert_int_not_equal(ledger_write(f->ledger, write_refusal, &r, &ei), ERR_OK);
    assert_false(ledger_ready(f->ledger));
    assert_int_equal(ledger_write(f->ledger, write_refusal, &r, &ei), ERR_NOT_NOW);
}

struct posted {
    struct ledger_job job;
    struct store_refusal r;
    unsigned told;
    enum err e;
};

static enum err write_posted(void *arg, struct store *s, struct errinfo *ei)
{
    const struct posted *p = arg;

    return store_add_refusal(s, &p->r, ei);
}

static void on_posted(void *arg, enum err e)
{
    struct posted *p = arg;

    p->told++;
    p->e = e;
}

static void a_job_rides_with_the_activations(void **state)
{
    struct fixture *f = *state;
    struct posted p = {.r = refusal(1, "foreign")};

    p.job = (struct ledger_job){.write = write_posted, .done = on_posted, .arg = &p};
    add(f, 2);
    ledger_post(f->port, &p.job);
    turn_until(f, f->done == 2 && p.told == 1);
    assert_int_equal(p.e, ERR_OK);
    assert_int_equal(stats(f).commits, 1);
    assert_int_equal(totals(f).refused, 1);
    break_disk(f);
    ledger_post(f->port, &p.job);
    turn_until(f, p.told == 2);
    assert_int_not_equal(p.e, ERR_OK);
}

/* ---- the end ---- */

static void closing_records_and_tells_what_waits(void **state)
{
    struct fixture *f = *state;
    struct store_refusal r = refusal(1, "foreign");
    struct store_refused request = refused_request(60);
    struct store_totals t = {0};
    struct errinfo ei;

    atomic_store(&f->gate, true);
    add(f, 3);
    uv_run(&f->loop, UV_RUN_NOWAIT); /* the writer has them */
    add_row(f, 3, 25);
    ledger_refuse(f->port, &r);
    for (int i = 0; i < 700; i++)
        ledger_refuse_request(f->port, &request);
    ledger_port_close(f->port);
    assert_false(ledger_port_closed(f->port));
    atomic_store(&f->gate, false);
    close_ledger(f);
    assert_int_equal(f->done, 4);
    assert_ok(store_totals(f->store, &t, &ei), &ei);
    assert_int_equal(t.answered, 4);
    assert_int_equal(t.refused, 701);
}

static void a_ledger_that_is_down_closes_too(void **state)
{
    struct fixture *f = *state;
    struct store_refusal r = refusal(1, "foreign");
    struct store_refused request = refused_request(60);

    break_disk(f);
    add(f, 1);
    ledger_refuse(f->port, &r);
    ledger_refuse_request(f->port, &request);
    turn_until(f, f->failed == 1);
    add(f, 1);
    close_ledger(f);
    assert_int_equal(f->failed, 2);
}

/* ---- several loops ---- */

#define LOOPS 3
#define EACH  2000

struct other_loop {
    struct ledger *ledger;
    struct fixture f; /* loop, port and counters of this one */
    uv_thread_t thread;
    uint32_t added;
};

static void add_next(struct other_loop *o);

static void on_next_done(struct ledger_entry *entry, enum err e)
{
    struct asked *a = (struct asked *)entry;
    struct other_loop *o = (struct other_loop *)((char *)a->f - offsetof(struct other_loop, f));

    on_done(entry, e);
    if (o->added < EACH)
        add_next(o);
}

static void add_next(struct other_loop *o)
{
    struct asked *a = calloc(1, sizeof(*a));

    assert_non_null(a);
    a->f = &o->f;
    a->number = o->added++;
    a->entry.done = on_next_done;
    a->entry.row = (struct store_activation){.when = 100, .peer = "192.0.2.1:1"};
    ledger_add(o->f.port, &a->entry);
}

/* A window of 16 under way, as many clients would have it. */
static void run_loop(void *arg)
{
    struct other_loop *o = arg;

    for (int i = 0; i < 16; i++)
        add_next(o);
    uv_run(&o->f.loop, UV_RUN_DEFAULT); /* ends when nobody is owed an answer */
    ledger_port_close(o->f.port);
    uv_run(&o->f.loop, UV_RUN_DEFAULT);
}

static void loops_on_several_threads_share_commits(void **state)
{
    struct fixture *f = *state;
    static struct other_loop loops[LOOPS];
    struct errinfo ei;

    for (int i = 0; i < LOOPS; i++) {
        loops[i] = (struct other_loop){.ledger = f->ledger};
        assert_int_equal(uv_loop_init(&loops[i].f.loop), 0);
        assert_ok(ledger_port_open(f->ledger, &loops[i].f.loop, on_hold, &loops[i].f,
                                   &loops[i].f.port, &ei),
                  &ei);
        assert_int_equal(uv_thread_create(&loops[i].thread, run_loop, &loops[i]), 0);
    }
    for (int i = 0; i < LOOPS; i++) {
        uv_thread_join(&loops[i].thread);
        assert_true(ledger_port_closed(loops[i].f.port));
        ledger_port_free(loops[i].f.port);
        assert_int_equal(uv_loop_close(&loops[i].f.loop), 0);
        assert_int_equal(loops[i].f.done, EACH);
        assert_false(loops[i].f.out_of_order);
        /* A port that closes need not be released. */
        assert_in_range(loops[i].f.holds - loops[i].f.releases, 0, 1);
    }
    assert_int_equal(totals(f).answered, LOOPS * EACH);
    assert_int_equal(atomic_load(&f->counted), LOOPS * EACH);
    assert_true(stats(f).commits < LOOPS * EACH);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_added_in_one_turn_shares_one_commit),
        T(what_arrives_during_a_commit_shares_the_next),
        T(a_row_gets_its_count_in_the_order_of_adding),
        T(a_row_that_cannot_be_counted_fails_alone),
        T(what_was_counted_is_saved_now_and_then_and_at_the_end),
        T(a_failed_commit_fails_all_of_it_and_takes_no_more),
        T(it_comes_back_by_itself_and_rebuilds_first),
        T(a_full_queue_holds_its_ports_and_releases_them),
        T(a_held_port_with_nothing_under_way_is_released_too),
        T(refusals_are_recorded_within_moments),
        T(refusals_outlast_a_failure),
        T(refused_requests_have_rows_and_cost_no_commit_each),
        T(refused_requests_beyond_the_room_are_summed_up),
        T(nobody_waits_long_for_a_writer_that_is_held_up),
        T(refused_requests_outlast_a_failure),
        T(a_write_is_durable_when_it_returns),
        T(a_job_rides_with_the_activations),
        T(closing_records_and_tells_what_waits),
        T(a_ledger_that_is_down_closes_too),
        T(loops_on_several_threads_share_commits),
    };

    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
