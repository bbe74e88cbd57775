#include "samples.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crashvfs.h"
#include "store/checkpointer.h"

static struct store_checkpointer_stats stats(const struct store_checkpointer *c)
{
    struct store_checkpointer_stats s;

    store_checkpointer_stats(c, &s);
    return s;
}

/* Commits until the log began again so often; how many commits it took is bounded, not timed. */
static unsigned add_until_finished(struct fixture *f, const struct store_checkpointer *c,
                                   uint64_t times)
{
    unsigned commits = 0;

    while (stats(c).finished < times) {
        assert_true(commits < 20000);
        add_many(f, 256, 100);
        commits++;
    }
    return commits;
}

static void the_log_is_moved_and_used_again(void **state)
{
    struct fixture *f = *state;
    struct store_checkpointer *c = NULL;
    struct stat log;
    char name[400];
    unsigned commits, rows = 0;

    snprintf(name, sizeof(name), "%s-wal", f->path);
    open_ledger(f);
    assert_ok(store_checkpointer_start(f->s, &c, &f->ei), &f->ei);
    commits = add_until_finished(f, c, 3);
    assert_true(stats(c).moves >= 3);
    assert_int_equal(stats(c).failures, 0);
    add(f, 1, 100);
    assert_true(stats(c).pages < STORE_LOG_STEP);
    /* One more commit may begin just below the bound. */
    assert_true(stats(c).longest < STORE_LOG_MAX + 64);
    assert_int_equal(stat(name, &log), 0);
    assert_true(log.st_size <= (off_t)(STORE_LOG_MAX + 64) * (4096 + 24) + 32);
    store_checkpointer_stop(c);
    assert_ok(store_each_activation(f->s, 0, count_rows, &rows, &f->ei), &f->ei);
    assert_int_equal(rows, commits * 256 + 1);
    reopen_ledger(f);
    rows = 0;
    assert_ok(store_each_activation(f->s, 0, count_rows, &rows, &f->ei), &f->ei);
    assert_int_equal(rows, commits * 256 + 1);
}

static void a_reader_in_between_delays_it_and_is_not_disturbed(void **state)
{
    struct fixture *f = *state;
    struct store_checkpointer *c = NULL;
    sqlite3 *reader;
    sqlite3_stmt *st;

    open_ledger(f);
    add_many(f, 10, 100);
    assert_ok(store_checkpointer_start(f->s, &c, &f->ei), &f->ei);
    assert_int_equal(sqlite3_open(f->path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(reader, "SELECT count(*) FROM activations", -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    add_until_finished(f, c, 2);
    assert_true(stats(c).pages >= STORE_LOG_FULL + STORE_LOG_STEP); /* it goes on */
    sqlite3_reset(st);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), 10); /* what it began with */
    sqlite3_finalize(st);
    sqlite3_close(reader);
    add_until_finished(f, c, stats(c).finished + 1);
    add(f, 1, 100);
    assert_true(stats(c).pages < STORE_LOG_STEP);
    store_checkpointer_stop(c);
}

static int setup_crash(void **state)
{
    crashvfs_install();
    return setup(state);
}

static int teardown_crash(void **state)
{
    int rc = teardown(state);

    crashvfs_remove();
    return rc;
}

/* SQLite says so where somebody else was at the log at that moment. */
static void a_busy_checkpoint_is_tried_again(void **state)
{
    struct fixture *f = *state;
    struct store_checkpointer *c = NULL;

    open_ledger(f);
    assert_ok(store_checkpointer_start(f->s, &c, &f->ei), &f->ei);
    for (uint64_t i = 1; i <= 4; i++) {
        crashvfs_fail(CRASH_CHECKPOINT, 1, SQLITE_BUSY, false);
        add_until_finished(f, c, i);
        assert_true(crashvfs_failed());
    }
    assert_int_equal(stats(c).failures, 0);
    store_checkpointer_stop(c);
}

static void a_checkpoint_that_stays_busy_is_given_up_and_commits_go_on(void **state)
{
    struct fixture *f = *state;
    struct store_checkpointer *c = NULL;
    unsigned commits = 0, rows = 0;

    open_ledger(f);
    assert_ok(store_checkpointer_start(f->s, &c, &f->ei), &f->ei);
    crashvfs_fail(CRASH_CHECKPOINT, 1, SQLITE_BUSY, true);
    for (; stats(c).failures < 2; commits++) {
        assert_true(commits < 20000);
        add_many(f, 256, 100);
    }
    assert_int_equal(stats(c).finished, 0);
    crashvfs_fail(CRASH_CHECKPOINT, 0, 0, false);
    commits += add_until_finished(f, c, 1);
    store_checkpointer_stop(c);
    assert_ok(store_each_activation(f->s, 0, count_rows, &rows, &f->ei), &f->ei);
    assert_int_equal(rows, commits * 256);
}

static off_t log_size(const struct fixture *f)
{
    struct stat log;
    char name[400];

    snprintf(name, sizeof(name), "%s-wal", f->path);
    assert_int_equal(stat(name, &log), 0);
    return log.st_size;
}

static off_t used(const struct store_checkpointer *c)
{
    return 32 + (off_t)stats(c).pages * (4096 + 24);
}

static void a_log_in_use_has_room_in_advance(void **state)
{
    struct fixture *f = *state;
    struct store_checkpointer *c = NULL;
    unsigned rows = 0, lengthened = 0;
    off_t before;

    open_ledger(f);
    assert_ok(store_checkpointer_start(f->s, &c, &f->ei), &f->ei);
    add(f, 0, 100);
    assert_int_equal(log_size(f), used(c)); /* a few activations do not need it */
    while (stats(c).pages < 40)
        add(f, 1, 100);
    before = log_size(f);
    for (int i = 0; i < 200; i++) {
        add_many(f, 64, 100);
        assert_true(log_size(f) > used(c));
        lengthened += log_size(f) != before;
        before = log_size(f);
    }
    assert_in_range(lengthened, 1, 10);
    sql(f->path, "PRAGMA quick_check"); /* others read it as it is */
    store_checkpointer_stop(c);
    assert_ok(store_reopen(f->s, &f->ei), &f->ei);
    assert_ok(store_each_activation(f->s, 0, count_rows, &rows, &f->ei), &f->ei);
    assert_in_range(rows, 200 * 64 + 1, 200 * 64 + 41);
}

static void without_room_in_advance_commits_go_on(void **state)
{
    struct rlimit r = {.rlim_cur = 512 * 1024, .rlim_max = RLIM_INFINITY};
    struct fixture *f = *state;
    struct store_checkpointer *c = NULL;

    open_ledger(f);
    assert_ok(store_checkpointer_start(f->s, &c, &f->ei), &f->ei);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
    while (stats(c).pages < 100)
        add(f, 1, 100);
    assert_int_equal(log_size(f), used(c));
    r.rlim_cur = RLIM_INFINITY;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
    store_checkpointer_stop(c);
}

static void the_store_can_be_reopened_under_it(void **state)
{
    struct fixture *f = *state;
    struct store_checkpointer *c = NULL;
    unsigned commits = 0, rows = 0;

    open_ledger(f);
    assert_ok(store_checkpointer_start(f->s, &c, &f->ei), &f->ei);
    for (int i = 0; i < 4; i++) {
        /* Just after it was asked to move. */
        while (stats(c).pages < STORE_LOG_STEP) {
            add_many(f, 256, 100);
            commits++;
        }
        add_many(f, 256, 100);
        commits++;
        assert_ok(store_reopen(f->s, &f->ei), &f->ei);
        add_many(f, 256, 100);
        commits++;
    }
    store_checkpointer_stop(c);
    assert_ok(store_each_activation(f->s, 0, count_rows, &rows, &f->ei), &f->ei);
    assert_int_equal(rows, commits * 256);
}

#define CRASH_T(name) cmocka_unit_test_setup_teardown(name, setup_crash, teardown_crash)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_log_is_moved_and_used_again),
        T(a_reader_in_between_delays_it_and_is_not_disturbed),
        CRASH_T(a_busy_checkpoint_is_tried_again),
        CRASH_T(a_checkpoint_that_stays_busy_is_given_up_and_commits_go_on),
        T(a_log_in_use_has_room_in_advance),
        T(without_room_in_advance_commits_go_on),
        T(the_store_can_be_reopened_under_it),
    };

    return cmocka_run_group_tests_name("store_checkpointer", tests, NULL, NULL);
}
