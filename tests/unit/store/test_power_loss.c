/* Power is lost at every flush and after every commit: whatever was acknowledged must be in the
 * ledger that is found then. And without flushes it must not be: the test can fail. */
#include "samples.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crashvfs.h"
#include "store/checkpointer.h"
#include "store/count.h"
#include "store/db.h"
#include "store/retention.h"

#define COMMITS    48
#define EXPIRED    40 /* the first rows, by their time */
#define IMAGES_MAX 4096

struct world {
    struct fixture *f;
    struct rng_seeded seed;
    struct rng rng;
    atomic_uint acked; /* activations whose commit returned */
    unsigned tried;
    unsigned images;
    unsigned acked_at[IMAGES_MAX], tried_at[IMAGES_MAX];
    bool at_sync;
};

static void image_folder(const struct world *w, unsigned n, char out[400])
{
    snprintf(out, 400, "%s/%u", w->f->folder, n);
}

static void take_image(struct world *w, enum crashvfs_loss loss)
{
    unsigned n = w->images++;
    char folder[400];

    assert_true(n < IMAGES_MAX);
    w->acked_at[n] = atomic_load(&w->acked);
    w->tried_at[n] = w->tried;
    image_folder(w, n, folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    crashvfs_image(folder, loss, &w->rng);
}

static void on_sync(void *arg)
{
    struct world *w = arg;

    for (int loss = 0; loss < CRASH_LOSSES; loss++)
        take_image(w, (enum crashvfs_loss)loss);
}

/* ---- the work ---- */

/* minutes_left is the activation's number, from 1. */
static void add_batch(struct world *w, unsigned rows)
{
    for (unsigned i = 0; i < rows; i++) {
        struct store_activation a = activation(i % 100, 1000 + w->tried);

        a.minutes_left = ++w->tried;
        assert_ok(store_add_activation(w->f->s, &a, &w->f->ei), &w->f->ei);
    }
}

static void save_count(struct world *w)
{
    struct store_count_client client = {.seen = w->tried};
    struct store_count app = {.room = 50, .newest = w->tried, .clients = &client, .n = 1};

    assert_ok(store_save_count(w->f->s, &app, 1, &w->f->ei), &w->f->ei);
}

static void work(struct world *w, const char *pragma)
{
    struct fixture *f = w->f;
    uint64_t removed;

    open_ledger(f);
    assert_int_equal(sqlite3_exec(f->s->db, pragma, NULL, NULL, NULL), SQLITE_OK);
    for (unsigned c = 0; c < COMMITS; c++) {
        assert_ok(store_begin(f->s, &f->ei), &f->ei);
        add_batch(w, 1 + (unsigned)rng_below(&w->rng, 30));
        if (c % 5 == 4)
            save_count(w);
        if (c % 7 == 6)
            assert_ok(store_expire_step(f->s, 1000 + EXPIRED, 16, &removed, &f->ei), &f->ei);
        assert_ok(store_commit(f->s, &f->ei), &f->ei);
        atomic_store(&w->acked, w->tried);
        take_image(w, CRASH_DROP);
        if (c % 16 == 15 && w->at_sync) {
            assert_ok(store_reopen(f->s, &f->ei), &f->ei);
            assert_int_equal(sqlite3_exec(f->s->db, pragma, NULL, NULL, NULL), SQLITE_OK);
        }
    }
    close_ledger(f);
    take_image(w, CRASH_DROP);
}

/* ---- what is found ---- */

struct found {
    unsigned last;
    bool gap;
};

/* Those that may have left by their age need not be there. */
static enum err find_number(void *arg, const struct store_activation *a)
{
    struct found *f = arg;

    if (a->minutes_left != f->last + 1 && a->minutes_left > EXPIRED + 1)
        f->gap = true;
    f->last = a->minutes_left;
    return ERR_OK;
}

static enum err ignore(void *arg, const struct store_count *app)
{
    (void)arg;
    (void)app;
    return ERR_OK;
}

/* NULL: all that was acknowledged is there, in order, and everything agrees. */
static const char *judge(const struct world *w, unsigned n)
{
    char folder[400], path[420];
    struct store_totals totals;
    struct found found = {0};
    struct store *s;
    const char *wrong = NULL;
    int64_t covers = 0;
    enum err e;

    image_folder(w, n, folder);
    snprintf(path, sizeof(path), "%s/ledger.db", folder);
    if (store_open(path, &s, NULL) != ERR_OK)
        return "it cannot be opened";
    e = store_load_count(s, ignore, NULL, &covers, NULL);
    if (!is_whole(path))
        wrong = "integrity_check";
    else if (store_each_activation(s, INT64_MIN, find_number, &found, NULL) != ERR_OK ||
             store_totals(s, &totals, NULL) != ERR_OK)
        wrong = "it cannot be read";
    else if (found.gap || found.last < w->acked_at[n])
        wrong = "an acknowledged activation is missing";
    else if (found.last > w->tried_at[n] || totals.answered != found.last)
        wrong = "the totals do not fit";
    else if (e != ERR_OK && e != ERR_NOTFOUND)
        wrong = "the saved count is not good";
    store_close(s);
    return wrong;
}

static struct world *run(struct fixture *f, const char *pragma, bool at_sync)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->f = f;
    w->at_sync = at_sync;
    w->rng = test_rng(&w->seed);
    crashvfs_install();
    if (at_sync)
        crashvfs_on_sync(on_sync, w);
    work(w, pragma);
    crashvfs_remove();
    return w;
}

/* Without flushes of the real disk, which prove nothing here. */
static unsigned judge_all(const struct world *w, const char **first)
{
    unsigned wrong = 0;

    for (unsigned n = 0; n < w->images; n++) {
        const char *how;

        crashvfs_install();
        how = judge(w, n);
        crashvfs_remove();
        if (how != NULL && wrong++ == 0)
            *first = how;
        if (how != NULL && wrong <= 10 && w->at_sync)
            print_message("image %u, %u acknowledged of %u: %s\n", n, w->acked_at[n],
                          w->tried_at[n], how);
    }
    return wrong;
}

static void nothing_acknowledged_is_lost_with_the_power(void **state)
{
    const char *how = "";
    struct world *w = run(*state, "PRAGMA wal_autocheckpoint=25", true);
    unsigned wrong = judge_all(w, &how);

    print_message("%u power losses, %u activations\n", w->images, w->tried);
    assert_true(w->images > 3 * COMMITS);
    if (wrong > 0)
        fail_msg("%u of %u: %s", wrong, w->images, how);
    free(w);
}

/* Enough for the log to get room in advance. */
static void work_ahead(struct world *w)
{
    struct fixture *f = w->f;
    struct store_checkpointer *c = NULL;

    open_ledger(f);
    assert_ok(store_checkpointer_start(f->s, &c, &f->ei), &f->ei);
    for (unsigned i = 0; i < 14; i++) {
        assert_ok(store_begin(f->s, &f->ei), &f->ei);
        add_batch(w, 80);
        assert_ok(store_commit(f->s, &f->ei), &f->ei);
        atomic_store(&w->acked, w->tried);
        if (i == 7)
            crashvfs_on_sync(on_sync, w);
    }
    crashvfs_on_sync(NULL, NULL);
    store_checkpointer_stop(c);
    close_ledger(f);
}

static void room_in_advance_takes_nothing_with_it(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    const char *how = "";
    unsigned wrong;

    assert_non_null(w);
    w->f = *state;
    w->at_sync = true;
    w->rng = test_rng(&w->seed);
    crashvfs_install();
    work_ahead(w);
    crashvfs_remove();
    wrong = judge_all(w, &how);
    assert_true(w->images >= 18);
    if (wrong > 0)
        fail_msg("%u of %u: %s", wrong, w->images, how);
    free(w);
}

static void without_flushes_it_would_be(void **state)
{
    const char *how = "";
    struct world *w = run(*state, "PRAGMA wal_autocheckpoint=25; PRAGMA synchronous=OFF", false);
    unsigned wrong = judge_all(w, &how);

    print_message("%u of %u power losses lose something: %s\n", wrong, w->images, how);
    assert_true(wrong > COMMITS / 2);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_acknowledged_is_lost_with_the_power),
        T(room_in_advance_takes_nothing_with_it),
        T(without_flushes_it_would_be),
    };

    return cmocka_run_group_tests_name("store_power_loss", tests, NULL, NULL);
}
