/* Every write, flush and cut of the ledger's files fails once, the first, the second and so on
 * until the work completes without meeting the failure. Whatever happens: no acknowledged
 * activation is lost, not even when power is lost after it, none is there whose commit failed, and
 * the totals and the saved count agree with the rows. */
#include "samples.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crashvfs.h"
#include "store/count.h"
#include "store/db.h"

#define COMMITS   6
#define NUMBERS   256
#define TRIES_MAX 4 /* to open or reopen, of which the first may fail */

struct kind {
    enum crashvfs_op op;
    int code;
    bool lasting;
    const char *name;
};

static const struct kind kinds[] = {
    {CRASH_WRITE, SQLITE_IOERR_WRITE, false, "a write"},
    {CRASH_WRITE, SQLITE_IOERR_WRITE, true, "every write"},
    {CRASH_WRITE, SQLITE_FULL, true, "every write, full"},
    {CRASH_SYNC, SQLITE_IOERR_FSYNC, false, "a flush"},
    {CRASH_SYNC, SQLITE_IOERR_FSYNC, true, "every flush"},
    {CRASH_TRUNCATE, SQLITE_IOERR_TRUNCATE, true, "every cut"},
};

/* Activations have numbers (minutes_left), from 1. */
struct world {
    struct fixture *f;
    char path[320];
    unsigned tried;
    bool acked[NUMBERS], found[NUMBERS];
    unsigned rows;
};

/* ---- the work ---- */

static void open_or_try_again(struct world *w)
{
    enum err e = store_open(w->path, &w->f->s, &w->f->ei);

    for (int i = 1; e != ERR_OK && i < TRIES_MAX; i++) {
        assert_null(w->f->s);
        crashvfs_fail(CRASH_WRITE, 0, 0, false); /* the disk is well again */
        e = store_open(w->path, &w->f->s, &w->f->ei);
    }
    assert_ok(e, &w->f->ei);
    assert_int_equal(sqlite3_exec(w->f->s->db, "PRAGMA wal_autocheckpoint=6", NULL, NULL, NULL),
                     SQLITE_OK);
}

/* The saved count says how many rows it covers. */
static enum err save_count(struct world *w)
{
    struct store_totals t;
    struct store_count app = {.room = 50};
    enum err e = store_totals(w->f->s, &t, &w->f->ei);

    app.newest = (int64_t)(t.answered + w->f->s->pending.answered);
    return e == ERR_OK ? store_save_count(w->f->s, &app, 1, &w->f->ei) : e;
}

static enum err commit_some(struct world *w, unsigned rows)
{
    enum err e = store_begin(w->f->s, &w->f->ei);

    for (unsigned i = 0; e == ERR_OK && i < rows; i++) {
        struct store_activation a = activation(i, 1000);

        assert_true(w->tried + 1 < NUMBERS);
        a.minutes_left = ++w->tried;
        e = store_add_activation(w->f->s, &a, &w->f->ei);
    }
    if (e == ERR_OK && rows % 2 == 0)
        e = save_count(w);
    return e == ERR_OK ? store_commit(w->f->s, &w->f->ei) : e;
}

static void recover(struct world *w)
{
    enum err e;
    struct store_activation a = activation(0, 1000);

    assert_int_equal(store_begin(w->f->s, &w->f->ei), ERR_NOT_NOW);
    assert_int_equal(store_add_activation(w->f->s, &a, &w->f->ei), ERR_NOT_NOW);
    e = store_reopen(w->f->s, &w->f->ei); /* may meet the failure too */
    for (int i = 1; e != ERR_OK && i < TRIES_MAX; i++) {
        crashvfs_fail(CRASH_WRITE, 0, 0, false);
        e = store_reopen(w->f->s, &w->f->ei);
    }
    assert_ok(e, &w->f->ei);
    assert_int_equal(sqlite3_exec(w->f->s->db, "PRAGMA wal_autocheckpoint=6", NULL, NULL, NULL),
                     SQLITE_OK);
}

static void work(struct world *w)
{
    for (unsigned c = 0; c < COMMITS; c++) {
        unsigned first = w->tried + 1;

        if (commit_some(w, 2 + c % 3) != ERR_OK) {
            recover(w);
            continue;
        }
        for (unsigned n = first; n <= w->tried; n++)
            w->acked[n] = true;
    }
}

/* ---- what is found ---- */

static enum err note_number(void *arg, const struct store_activation *a)
{
    struct world *w = arg;

    assert_in_range(a->minutes_left, 1, w->tried);
    assert_false(w->found[a->minutes_left]); /* never twice */
    w->found[a->minutes_left] = true;
    w->rows++;
    return ERR_OK;
}

static enum err note_count(void *arg, const struct store_count *app)
{
    *(int64_t *)arg = app->newest;
    return ERR_OK;
}

static void assert_all_there(struct world *w, struct store *s)
{
    struct errinfo ei;
    struct store_totals t;
    int64_t counted = 0, covers = 0;
    unsigned after = 0;
    enum err e;

    w->rows = 0;
    memset(w->found, 0, sizeof(w->found));
    assert_ok(store_each_activation(s, INT64_MIN, note_number, w, &ei), &ei);
    for (unsigned n = 1; n <= w->tried; n++) {
        if (w->acked[n] && !w->found[n])
            fail_msg("activation %u was acknowledged and is not there", n);
        if (w->found[n] && !w->acked[n])
            fail_msg("the commit of activation %u failed and it is there", n);
    }
    assert_ok(store_totals(s, &t, &ei), &ei);
    assert_int_equal(t.answered, w->rows);
    e = store_load_count(s, note_count, &counted, &covers, &ei);
    if (e != ERR_OK && e != ERR_NOTFOUND)
        fail_msg("%s", ei.text);
    assert_ok(store_each_activation_after(s, covers, count_rows, &after, &ei), &ei);
    assert_int_equal(counted + after, w->rows);
}

/* What a power loss right now would leave. */
static void assert_all_there_after_power_loss(struct world *w, unsigned n)
{
    struct errinfo ei;
    struct store *s;
    char folder[300], path[400];

    snprintf(folder, sizeof(folder), "%s/image-%u", w->f->folder, n);
    snprintf(path, sizeof(path), "%s/%s", folder, strrchr(w->path, '/') + 1);
    assert_int_equal(mkdir(folder, 0700), 0);
    crashvfs_image(folder, CRASH_DROP, NULL);
    assert_ok(store_open(path, &s, &ei), &ei);
    assert_all_there(w, s);
    store_close(s);
}

/* False: the failure was not met any more. */
static bool run(struct fixture *f, const struct kind *k, unsigned n, bool opening)
{
    static unsigned runs;
    struct world w = {.f = f};
    bool met;

    snprintf(w.path, sizeof(w.path), "%s/%u.db", f->folder, ++runs);
    crashvfs_install();
    if (!opening)
        open_or_try_again(&w);
    crashvfs_fail(k->op, n, k->code, k->lasting);
    if (opening)
        open_or_try_again(&w);
    work(&w);
    met = crashvfs_failed();
    crashvfs_fail(k->op, 0, 0, false);
    assert_all_there(&w, f->s);
    assert_all_there_after_power_loss(&w, runs);
    close_ledger(f);
    assert_ok(store_open(w.path, &f->s, &f->ei), &f->ei);
    assert_all_there(&w, f->s);
    close_ledger(f);
    assert_true(is_whole(w.path));
    crashvfs_remove();
    return met;
}

static void run_all(struct fixture *f, bool opening)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        unsigned n = 1;

        while (run(f, &kinds[i], n, opening))
            assert_true(++n < 1000);
        print_message("%s failed at each of %u places\n", kinds[i].name, n - 1);
    }
}

static void a_failure_while_activations_are_recorded_loses_none(void **state)
{
    run_all(*state, false);
}

/* Whoever restarts adbad because its ledger is down. The flush that fails is the frames' own: no
 * checkpoint has the log begin anew, and the first commit has flushed its header. */
static void a_restart_does_not_bring_back_a_failed_commit(void **state)
{
    struct fixture *f = *state;
    struct world w = {.f = f};

    snprintf(w.path, sizeof(w.path), "%s/ledger.db", f->folder);
    crashvfs_install();
    for (int lasting = 0; lasting < 2; lasting++) {
        unsigned first = w.tried + 1;

        open_or_try_again(&w);
        assert_int_equal(sqlite3_exec(f->s->db, "PRAGMA wal_autocheckpoint=0", NULL, NULL, NULL),
                         SQLITE_OK);
        assert_ok(commit_some(&w, 2), &f->ei);
        for (unsigned n = first; n <= w.tried; n++)
            w.acked[n] = true;
        crashvfs_fail(CRASH_SYNC, 1, SQLITE_IOERR_FSYNC, lasting == 1);
        assert_int_equal(commit_some(&w, 3), ERR_IO);
        close_ledger(f);
        crashvfs_fail(CRASH_SYNC, 0, 0, false);
    }
    open_or_try_again(&w);
    assert_all_there(&w, f->s);
    close_ledger(f);
    crashvfs_remove();
}

static void a_failure_from_the_beginning_loses_none(void **state)
{
    run_all(*state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_failure_while_activations_are_recorded_loses_none),
        T(a_restart_does_not_bring_back_a_failed_commit),
        T(a_failure_from_the_beginning_loses_none),
    };

    return cmocka_run_group_tests_name("store_failures", tests, NULL, NULL);
}
