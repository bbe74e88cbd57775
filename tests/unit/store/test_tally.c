/* The tallies against this test's own bookkeeping. */
#include "support.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/count.h"
#include "store/migrations.h"
#include "store/retention.h"
#include "store/tally.h"

#define PRODUCTS 120
#define STATES   7
#define INVENTED (TALLY_ROWS + 900)

struct fixture {
    char folder[256];
    char path[320];
    struct store *s;
    struct errinfo ei;
    struct rng_seeded seeded;
    struct rng rng;
    /* what must be told, by the product's first byte */
    uint64_t answered[PRODUCTS][STATES];
    int64_t last[PRODUCTS][STATES];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    test_folder(f->folder);
    snprintf(f->path, sizeof(f->path), "%s/ledger.db", f->folder);
    f->rng = test_rng(&f->seeded);
    assert_ok(store_open(f->path, &f->s, &f->ei), &f->ei);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    store_close(f->s);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static unsigned below(struct fixture *f, unsigned n)
{
    uint32_t r;

    rng_fill(&f->rng, &r, sizeof(r));
    return r % n;
}

static struct store_activation of_product(unsigned product, unsigned status, int64_t when)
{
    struct store_activation a = {.when = when, .version = 6, .licence_status = status};

    /* Products that differ late in their id, and by their application alone. */
    a.activation_id.b[product % 2 == 0 ? 0 : 15] = (uint8_t)(1 + product / 2);
    a.application_id.b[3] = (uint8_t)product;
    return a;
}

/* One transaction of n random activations; kept or not. */
static void transaction(struct fixture *f, unsigned n, unsigned products, bool kept, int64_t when)
{
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    for (unsigned i = 0; i < n; i++) {
        unsigned product = below(f, products), status = below(f, STATES);
        struct store_activation a = of_product(product, status, when + i);

        assert_ok(store_add_activation(f->s, &a, &f->ei), &f->ei);
        if (kept) {
            f->answered[product][status]++;
            if (f->last[product][status] < when + i) /* transactions overlap in time */
                f->last[product][status] = when + i;
        }
    }
    if (kept)
        assert_ok(store_commit(f->s, &f->ei), &f->ei);
    else
        store_rollback(f->s);
}

static enum err check_one(void *arg, const struct store_tally *t)
{
    struct fixture *f = arg;
    unsigned product = t->application_id.b[3];
    struct store_activation same = of_product(product, t->licence_status, 0);

    assert_true(product < PRODUCTS && t->licence_status < STATES);
    assert_true(guid_equal(&t->activation_id, &same.activation_id));
    assert_int_equal(t->answered, f->answered[product][t->licence_status]);
    assert_int_equal(t->last, f->last[product][t->licence_status]);
    f->answered[product][t->licence_status] = 0; /* told */
    return ERR_OK;
}

static void check_totals(struct fixture *f, struct store *reader)
{
    struct store_totals want = {0}, t;

    for (unsigned product = 0; product < PRODUCTS; product++) {
        for (unsigned status = 0; status < STATES; status++) {
            want.answered += f->answered[product][status];
            want.by_status[status] += f->answered[product][status];
        }
    }
    assert_ok(store_totals(reader, &t, &f->ei), &f->ei);
    assert_memory_equal(&t, &want, sizeof(want));
}

/* Every total is told once and right, by a second connection beside the writer. */
static void check(struct fixture *f)
{
    struct fixture left = *f;
    static const uint64_t none[PRODUCTS][STATES];
    struct store *reader = NULL;

    assert_ok(store_open_readonly(f->path, &reader, &f->ei), &f->ei);
    check_totals(f, reader);
    assert_ok(store_each_tally(reader, check_one, &left, &f->ei), &f->ei);
    assert_memory_equal(left.answered, none, sizeof(none));
    store_close(reader);
}

static int64_t query(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int64_t value;

    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return value;
}

static void tallies_are_exact_whatever_happens(void **state)
{
    struct fixture *f = *state;

    for (unsigned round = 0; round < 600; round++) {
        switch (below(f, 30)) {
        case 0:
        case 3:
        case 4:
            transaction(f, below(f, 50), 3, false, 1000 + round);
            break;
        case 1:
            store_close(f->s);
            assert_ok(store_open(f->path, &f->s, &f->ei), &f->ei);
            break;
        case 2:
            assert_ok(store_reopen(f->s, &f->ei), &f->ei);
            break;
        default:
            /* Few products fit into memory, many do not. */
            if (round % 50 == 0)
                transaction(f, below(f, 2000), PRODUCTS, true, 1000 * round);
            else
                transaction(f, below(f, 100), 3, true, 1000 * round);
        }
        if (round % 10 == 0)
            check(f);
    }
    check(f);
}

static void the_mark_moves_so_that_readers_read_little(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 100; i++) {
        transaction(f, 100, 3, true, 1000 * i);
        assert_true(query(f, "SELECT count(*) FROM activations WHERE id > "
                             "(SELECT upto FROM tally_mark)") < TALLY_ROWS);
    }
    check(f);
}

static void a_commit_writes_neither_tallies_nor_totals(void **state)
{
    struct fixture *f = *state;
    int64_t before, answered;

    transaction(f, 1, 3, true, 5);
    before = query(f, "SELECT upto FROM tally_mark");
    answered = query(f, "SELECT answered FROM totals");
    transaction(f, 500, 3, true, 10);
    assert_int_equal(query(f, "SELECT upto FROM tally_mark"), before);
    assert_int_equal(query(f, "SELECT answered FROM totals"), answered);
    check(f);
}

/* Version 9, whose commits wrote the totals: of five activations, three are in the tallies. */
static void totals_of_an_older_ledger_stay(void **state)
{
    struct fixture *f = *state;
    struct store_totals t;
    sqlite3 *db;

    store_close(f->s);
    f->s = NULL;
    snprintf(f->path, sizeof(f->path), "%s/old.db", f->folder);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    for (int i = 0; i < 9; i++)
        assert_int_equal(sqlite3_exec(db, store_migrations[i], NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(
            db,
            "PRAGMA user_version=9; PRAGMA application_id=0x41444241;"
            "WITH n(i, status) AS (VALUES (1, 2), (2, 2), (3, 6), (4, 2), (5, 0))"
            " INSERT INTO activations SELECT i, 5, 0, 'p', 6, zeroblob(16), zeroblob(16),"
            " zeroblob(16), zeroblob(16), zeroblob(16), 25, status, 0, 0, 1, 'PC', 5 FROM n;"
            "INSERT INTO tallies SELECT application_id, activation_id, licence_status,"
            " count(*), 5 FROM activations WHERE id <= 3 GROUP BY 3;"
            "UPDATE tally_mark SET upto = 3;"
            "UPDATE totals SET answered = 5, refused = 4, status_0 = 1, status_2 = 3,"
            " status_6 = 1;",
            NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_ok(store_open(f->path, &f->s, &f->ei), &f->ei);
    assert_ok(store_totals(f->s, &t, &f->ei), &f->ei);
    assert_int_equal(t.answered, 5);
    assert_int_equal(t.refused, 4);
    assert_int_equal(t.by_status[0], 1);
    assert_int_equal(t.by_status[2], 3);
    assert_int_equal(t.by_status[6], 1);
    assert_int_equal(query(f, "SELECT answered FROM totals"), 3);
}

struct sums {
    uint64_t answered, others;
    size_t rows;
};

static enum err sum(void *arg, const struct store_tally *t)
{
    struct sums *sums = arg;

    sums->rows++;
    sums->answered += t->answered;
    if (guid_is_zero(&t->activation_id))
        sums->others += t->answered;
    return ERR_OK;
}

static void invented_products_do_not_fill_the_ledger(void **state)
{
    struct fixture *f = *state;
    struct sums sums = {0};

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    for (unsigned i = 0; i < INVENTED; i++) {
        struct store_activation a = {.when = 7};

        rng_fill(&f->rng, &a.activation_id, sizeof(a.activation_id));
        assert_ok(store_add_activation(f->s, &a, &f->ei), &f->ei);
    }
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
    assert_ok(store_each_tally(f->s, sum, &sums, &f->ei), &f->ei);
    assert_int_equal(sums.answered, INVENTED);
    assert_int_equal(sums.others, INVENTED - TALLY_MAX);
    assert_int_equal(query(f, "SELECT count(*) FROM tallies"), TALLY_MAX + 1);
}

static void tallies_outlive_the_rows(void **state)
{
    struct fixture *f = *state;
    uint64_t removed;

    transaction(f, 100, 3, true, 1000);
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_save_count(f->s, NULL, 0, &f->ei), &f->ei); /* nothing is removed without */
    assert_ok(store_expire_step(f->s, INT64_MAX, 1000, &removed, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
    assert_int_equal(removed, 99);
    check(f);
    transaction(f, 100, 3, true, 2000);
    check(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(tallies_are_exact_whatever_happens), T(the_mark_moves_so_that_readers_read_little),
        T(tallies_outlive_the_rows),           T(a_commit_writes_neither_tallies_nor_totals),
        T(totals_of_an_older_ledger_stay),     T(invented_products_do_not_fill_the_ledger),
    };

    return cmocka_run_group_tests_name("store_tally", tests, NULL, NULL);
}
