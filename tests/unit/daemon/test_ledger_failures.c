/* The ledger with its writer's thread on a disk that fails, and that loses power. Whoever was told
 * that a row is recorded finds it, whoever was told that it is not does not, and the counts that
 * were told run on without a gap or a double, also across failures. Refusals, of which nobody is
 * told, are there once each. */
#include "support.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crashvfs.h"
#include "daemon/ledger.h"
#include "store/count.h"

#define ROUNDS     6
#define ROWS_MAX   64
#define SAVE_EVERY 5
#define IMAGES_MAX 512
#define AT_ONCE    64                    /* refused requests that are handed over without delay */
#define PATIENCE   UINT64_C(15000000000) /* ns; a deadline, not a duration that is expected */

struct kind {
    enum crashvfs_op op;
    int code;
    bool lasting;
    const char *name;
};

/* A disk that stays full is left to test_ledger.c. */
static const struct kind kinds[] = {
    {CRASH_WRITE, SQLITE_FULL, false, "a write"},
    {CRASH_SYNC, SQLITE_IOERR_FSYNC, false, "a flush"},
    {CRASH_SYNC, SQLITE_IOERR_FSYNC, true, "every flush until it is noticed"},
};

struct fixture {
    char folder[256], path[300];
    uv_loop_t loop;
    struct store *store;
    struct ledger *ledger;
    struct ledger_port *port;
    struct rng_seeded seed;
    struct rng rng;
    int64_t counted; /* the writer's */
    /* The loop's; a row has its number in minutes_left. */
    unsigned tried, owed, refused;
    bool acked[ROWS_MAX];
    /* How many of the first rows were told to be recorded. */
    atomic_uint told;
    unsigned images, told_at[IMAGES_MAX]; /* the writer's until it ends */
};

struct asked {
    struct ledger_entry entry;
    struct fixture *f;
};

/* ---- what the ledger calls ---- */

static enum err count(void *arg, struct store_activation *row)
{
    struct fixture *f = arg;

    row->count = (uint32_t)++f->counted;
    return ERR_OK;
}

static enum err save(void *arg, struct store *s, struct errinfo *ei)
{
    const struct fixture *f = arg;
    const struct store_count app = {.room = 50, .newest = f->counted};

    return store_save_count(s, &app, 1, ei);
}

static enum err take_saved(void *arg, const struct store_count *app)
{
    struct fixture *f = arg;

    f->counted = app->newest;
    return ERR_OK;
}

static enum err count_again(void *arg, const struct store_activation *a)
{
    struct fixture *f = arg;

    (void)a;
    f->counted++;
    return ERR_OK;
}

static enum err rebuild(void *arg, struct store *s, struct errinfo *ei)
{
    struct fixture *f = arg;
    int64_t covers = 0;
    enum err e;

    f->counted = 0;
    e = store_load_count(s, take_saved, f, &covers, ei);
    if (e != ERR_OK && e != ERR_NOTFOUND)
        return e;
    return store_each_activation_after(s, covers, count_again, f, ei);
}

static void on_done(struct ledger_entry *entry, enum err e)
{
    struct asked *a = (struct asked *)entry;
    struct fixture *f = a->f;

    f->owed--;
    if (e == ERR_OK) {
        f->acked[entry->row.minutes_left] = true;
        if (entry->row.minutes_left == atomic_load(&f->told) + 1)
            atomic_store(&f->told, entry->row.minutes_left);
    }
    free(a);
}

/* ---- life and work ---- */

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    test_folder(f->folder);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->rng = test_rng(&f->seed);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(uv_loop_close(&f->loop), 0);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static void open_ledger(struct fixture *f, unsigned number)
{
    struct ledger_conf conf = {.room = ROWS_MAX,
                               .save_every = SAVE_EVERY,
                               .count = count,
                               .save = save,
                               .rebuild = rebuild,
                               .arg = f};
    struct errinfo ei;

    snprintf(f->path, sizeof(f->path), "%s/%u.db", f->folder, number);
    f->tried = f->owed = f->refused = 0;
    f->counted = 0;
    atomic_store(&f->told, 0);
    memset(f->acked, 0, sizeof(f->acked));
    crashvfs_install();
    assert_ok(store_open(f->path, &f->store, &ei), &ei);
    conf.store = f->store;
    assert_ok(ledger_open(&conf, &f->ledger, &ei), &ei);
    assert_ok(ledger_port_open(f->ledger, &f->loop, NULL, NULL, &f->port, &ei), &ei);
}

static void close_ledger(struct fixture *f)
{
    ledger_port_close(f->port);
    while (!ledger_port_closed(f->port))
        uv_run(&f->loop, UV_RUN_ONCE);
    ledger_port_free(f->port);
    ledger_close(f->ledger);
    store_close(f->store);
}

/* So many with rows of their own that none waits for more, and two that are summed up. */
static void refuse_some(struct fixture *f)
{
    const struct store_refused one = {.request = {.when = 1000, .peer = "192.0.2.1"},
                                      .reason = "clock_skew",
                                      .hresult = 0xC004F06C};
    const struct store_refusal two = {
        .when = 1000, .source = "192.0.2.2", .reason = "clock_skew", .times = 2};

    for (unsigned i = 0; i < AT_ONCE; i++)
        ledger_refuse_request(f->port, &one);
    ledger_refuse(f->port, &two);
    f->refused += AT_ONCE + 2;
}

static void add_some(struct fixture *f)
{
    unsigned rows = 1 + (unsigned)rng_below(&f->rng, 6);

    for (unsigned i = 0; i < rows; i++) {
        struct asked *a = calloc(1, sizeof(*a));

        assert_non_null(a);
        a->f = f;
        a->entry.done = on_done;
        a->entry.row = (struct store_activation){.when = 1000, .minutes_left = ++f->tried};
        f->owed++;
        ledger_add(f->port, &a->entry);
    }
    while (f->owed > 0)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static void wait_until_ready(struct fixture *f)
{
    uint64_t end = uv_hrtime() + PATIENCE;

    crashvfs_fail(CRASH_WRITE, 0, 0, false); /* the disk is well again */
    while (!ledger_ready(f->ledger)) {
        assert_true(uv_hrtime() < end);
        uv_sleep(1);
    }
}

static void work(struct fixture *f)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 3 == 1)
            refuse_some(f);
        add_some(f);
        if (!ledger_ready(f->ledger))
            wait_until_ready(f);
    }
}

/* ---- what is found ---- */

struct found {
    bool there[ROWS_MAX];
    uint32_t rows;
    uint64_t refused;
};

/* A row's count is its place: nobody was counted who is not there, and all before it were. */
static enum err note(void *arg, const struct store_activation *a)
{
    struct found *found = arg;

    assert_in_range(a->minutes_left, 1, ROWS_MAX - 1);
    found->there[a->minutes_left] = true;
    assert_int_equal(a->count, ++found->rows);
    return ERR_OK;
}

static struct found find(const char *path)
{
    struct found found = {0};
    struct store_totals t;
    struct store *s;
    struct errinfo ei;

    assert_ok(store_open(path, &s, &ei), &ei);
    assert_ok(store_each_activation(s, INT64_MIN, note, &found, &ei), &ei);
    assert_ok(store_totals(s, &t, &ei), &ei);
    assert_int_equal(t.answered, found.rows);
    found.refused = t.refused;
    store_close(s);
    return found;
}

static struct found assert_acked_there(const struct fixture *f, const char *path)
{
    struct found found = find(path);

    for (unsigned n = 1; n <= f->tried; n++) {
        if (f->acked[n] && !found.there[n])
            fail_msg("row %u was told to be recorded and is not there", n);
        if (found.there[n] && !f->acked[n])
            fail_msg("row %u was told not to be recorded and is there", n);
    }
    return found;
}

static void image_path(const struct fixture *f, unsigned n, char folder[300], char path[400])
{
    snprintf(folder, 300, "%s/image-%u", f->folder, n);
    snprintf(path, 400, "%s/%s", folder, strrchr(f->path, '/') + 1);
}

/* ---- the tests ---- */

/* False: the failure was not met any more. */
static bool fail_once(struct fixture *f, const struct kind *k, unsigned n)
{
    static unsigned runs;
    char folder[300], path[400];
    struct found found;
    bool met;

    open_ledger(f, ++runs);
    crashvfs_fail(k->op, n, k->code, k->lasting);
    work(f);
    met = crashvfs_failed();
    crashvfs_fail(k->op, 0, 0, false);
    image_path(f, runs, folder, path);
    assert_int_equal(mkdir(folder, 0700), 0);
    crashvfs_image(folder, CRASH_DROP, NULL);
    close_ledger(f);
    found = assert_acked_there(f, path);
    assert_in_range(found.refused, 0, f->refused);
    found = assert_acked_there(f, f->path);
    assert_int_equal(found.refused, f->refused);
    crashvfs_remove();
    return met;
}

static void a_disk_that_fails_costs_no_row_and_no_count(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        unsigned n = 1;

        while (fail_once(f, &kinds[i], n))
            assert_true(++n < 500);
        print_message("%s failed at each of %u places\n", kinds[i].name, n - 1);
        assert_true(n > ROUNDS);
    }
}

/* On the writer's thread. */
static void on_sync(void *arg)
{
    struct fixture *f = arg;
    char folder[300], path[400];

    for (int loss = 0; loss < CRASH_LOSSES; loss++) {
        unsigned n = f->images++;

        if (n >= IMAGES_MAX)
            abort();
        f->told_at[n] = atomic_load(&f->told);
        image_path(f, n, folder, path);
        if (mkdir(folder, 0700) != 0)
            abort();
        crashvfs_image(folder, (enum crashvfs_loss)loss, &f->rng);
    }
}

static void nobody_was_told_what_a_power_loss_can_take(void **state)
{
    struct fixture *f = *state;

    open_ledger(f, 0);
    crashvfs_on_sync(on_sync, f);
    for (int i = 0; i < ROUNDS; i++)
        add_some(f);
    close_ledger(f);
    crashvfs_remove();
    assert_int_equal(atomic_load(&f->told), f->tried);
    assert_true(f->images >= 3 * ROUNDS);
    for (unsigned n = 0; n < f->images; n++) {
        char folder[300], path[400];

        image_path(f, n, folder, path);
        crashvfs_install(); /* flushes of the real disk prove nothing here */
        assert_in_range(find(path).rows, f->told_at[n], f->tried);
        crashvfs_remove();
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_disk_that_fails_costs_no_row_and_no_count),
        T(nobody_was_told_what_a_power_loss_can_take),
    };

    return cmocka_run_group_tests_name("ledger_failures", tests, NULL, NULL);
}
