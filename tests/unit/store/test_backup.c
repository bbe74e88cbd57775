/* A copy of the ledger while it is in use. */
#include "samples.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/backup.h"

#define T0 INT64_C(1700000000)

static unsigned rows(struct fixture *f, const char *path)
{
    struct store *s;
    unsigned n = 0;

    assert_ok(store_open_readonly(path, &s, &f->ei), &f->ei);
    assert_ok(store_each_activation(s, 0, count_rows, &n, &f->ei), &f->ei);
    store_close(s);
    return n;
}

/* By a reader, beside the writer, whose newest rows are in its log only. */
static struct store *reader(struct fixture *f)
{
    struct store *s;

    assert_ok(store_open_readonly(f->path, &s, &f->ei), &f->ei);
    return s;
}

static void a_backup_is_the_ledger_of_its_moment(void **state)
{
    struct fixture *f = *state;
    char copy[300], log[310];
    struct store *r;
    struct stat st;

    snprintf(copy, sizeof(copy), "%s/copy.db", f->folder);
    snprintf(log, sizeof(log), "%s-wal", copy);
    open_ledger(f);
    add_many(f, 1000, T0);
    r = reader(f);
    assert_ok(store_backup(r, copy, &f->ei), &f->ei);
    add(f, 7, T0 + 1); /* the writer goes on */
    store_close(r);
    assert_int_equal(rows(f, copy), 1000);
    assert_int_equal(rows(f, f->path), 1001);
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(access(log, F_OK), -1);
    assert_true(is_whole(copy));
}

static void a_backup_can_be_written_on(void **state)
{
    struct fixture *f = *state;
    char copy[300];
    struct store *r;

    snprintf(copy, sizeof(copy), "%s/copy.db", f->folder);
    open_ledger(f);
    add(f, 1, T0);
    r = reader(f);
    assert_ok(store_backup(r, copy, &f->ei), &f->ei);
    store_close(r);
    close_ledger(f);
    snprintf(f->path, sizeof(f->path), "%s", copy);
    open_ledger(f);
    add(f, 2, T0 + 1);
    close_ledger(f);
    assert_int_equal(rows(f, copy), 2);
}

static void what_is_there_stays(void **state)
{
    struct fixture *f = *state;
    char copy[300];
    struct store *r;
    FILE *other;

    snprintf(copy, sizeof(copy), "%s/copy.db", f->folder);
    open_ledger(f);
    other = fopen(copy, "w");
    assert_non_null(other);
    fclose(other);
    r = reader(f);
    assert_int_equal(store_backup(r, copy, &f->ei), ERR_EXISTS);
    assert_int_equal(store_backup(r, "/nonexistent/copy.db", &f->ei), ERR_NOTFOUND);
    store_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_backup_is_the_ledger_of_its_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(a_backup_can_be_written_on, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_there_stays, setup, teardown),
    };

    return cmocka_run_group_tests_name("store_backup", tests, NULL, NULL);
}
