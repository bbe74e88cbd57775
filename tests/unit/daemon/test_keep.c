/* What [store] keep says holds from the next step on, also in the middle of a round. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/retention.h"

#define STEP     256 /* rows that one step looks at */
#define ROWS     (2 * STEP + 100)
#define PATIENCE 15000 /* ms; a deadline, not a duration that is expected */

struct fixture {
    char folder[256];
    uv_loop_t loop;
    uv_prepare_t turn;
    uv_timer_t deadline;
    int64_t now;
    struct store *store;
    struct ledger *ledger;
    struct ledger_port *port;
    struct retention *retention;
    unsigned looks; /* of the retention at the clock: one in each step */
    bool changes;   /* keep, during the first step */
    int64_t next_keep;
    bool late;
    struct log_dest dest;
    char log[256];
};

/* ---- what the ledger and the retention call ---- */

static enum err count(void *arg, struct store_activation *row)
{
    (void)arg;
    (void)row;
    return ERR_OK;
}

static enum err leave(void *arg, struct store *s, struct errinfo *ei)
{
    (void)arg;
    (void)s;
    (void)ei;
    return ERR_OK;
}

static int64_t now(void *arg)
{
    struct fixture *f = arg;

    f->looks++;
    return f->now;
}

static void take_line(void *arg, enum log_level level, const char *prefix, const char *text)
{
    struct fixture *f = arg;

    (void)level;
    (void)prefix;
    snprintf(f->log, sizeof(f->log), "%s", text);
}

/* After the timers of a turn and before what the writer did: the first step is under way. */
static void on_turn(uv_prepare_t *p)
{
    struct fixture *f = p->data;

    if (f->looks == 1 && f->changes) {
        retention_set_keep(f->retention, f->next_keep);
        f->changes = false;
    }
}

static void on_deadline(uv_timer_t *t)
{
    struct fixture *f = t->data;

    f->late = true;
}

/* ---- a ledger on a loop ---- */

static void add_rows(struct fixture *f)
{
    struct store_refusal r = {.times = 1, .hresult = 0xc004f042, .reason = "foreign"};
    struct errinfo ei;

    assert_ok(store_begin(f->store, &ei), &ei);
    for (unsigned i = 0; i < ROWS; i++) {
        r.when = f->now - 2 * CLK_DAY;
        snprintf(r.source, sizeof(r.source), "192.0.%u.%u", i / 256, i % 256);
        assert_ok(store_add_refusal(f->store, &r, &ei), &ei);
    }
    assert_ok(store_commit(f->store, &ei), &ei);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct ledger_conf conf = {
        .room = 8, .save_every = 100, .count = count, .save = leave, .rebuild = leave, .arg = f};
    struct errinfo ei;
    char path[300];

    assert_non_null(f);
    f->now = 1700000000;
    test_folder(f->folder);
    snprintf(path, sizeof(path), "%s/ledger.db", f->folder);
    assert_ok(store_open(path, &f->store, &ei), &ei);
    add_rows(f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    conf.store = f->store;
    assert_ok(ledger_open(&conf, &f->ledger, &ei), &ei);
    assert_ok(ledger_port_open(f->ledger, &f->loop, NULL, NULL, &f->port, &ei), &ei);
    uv_prepare_init(&f->loop, &f->turn);
    uv_timer_init(&f->loop, &f->deadline);
    f->turn.data = f->deadline.data = f;
    uv_prepare_start(&f->turn, on_turn);
    uv_timer_start(&f->deadline, on_deadline, PATIENCE, 0);
    f->dest = (struct log_dest){.fn = take_line, .arg = f, .max = LOGL_INFO};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    retention_close(f->retention);
    uv_close((uv_handle_t *)&f->turn, NULL);
    uv_close((uv_handle_t *)&f->deadline, NULL);
    while (!retention_closed(f->retention))
        uv_run(&f->loop, UV_RUN_ONCE);
    retention_free(f->retention);
    ledger_port_close(f->port);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    ledger_port_free(f->port);
    ledger_close(f->ledger);
    store_close(f->store);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

/* Removes what is older than a day, until the round ends. */
static void run_round(struct fixture *f)
{
    struct retention_conf conf = {.loop = &f->loop,
                                  .port = f->port,
                                  .clk = {.now = now, .arg = f},
                                  .log = {.dest = &f->dest},
                                  .keep = CLK_DAY,
                                  .save = leave,
                                  .arg = f};

    f->retention = retention_new(&conf);
    assert_non_null(f->retention);
    while (f->log[0] == '\0' && !f->late)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static void changed_to(struct fixture *f, int64_t keep)
{
    f->changes = true;
    f->next_keep = keep;
    run_round(f);
}

static void all_that_is_too_old_goes(void **state)
{
    run_round(*state);
    assert_contains(((struct fixture *)*state)->log, "612 records from before ");
}

static void what_a_longer_time_keeps_stays(void **state)
{
    changed_to(*state, 3 * CLK_DAY);
    assert_contains(((struct fixture *)*state)->log, "256 records from before ");
}

static void kept_for_ever_the_rest_stays(void **state)
{
    changed_to(*state, 0);
    assert_contains(((struct fixture *)*state)->log, "256 records from before ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_that_is_too_old_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_longer_time_keeps_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(kept_for_ever_the_rest_stays, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
