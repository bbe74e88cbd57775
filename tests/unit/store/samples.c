#include "samples.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/retention.h"

int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    test_folder(f->folder);
    snprintf(f->path, sizeof(f->path), "%s/ledger.db", f->folder);
    *state = f;
    return 0;
}

int teardown(void **state)
{
    struct fixture *f = *state;

    store_close(f->s);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

void open_ledger(struct fixture *f)
{
    assert_ok(store_open(f->path, &f->s, &f->ei), &f->ei);
}

void close_ledger(struct fixture *f)
{
    store_close(f->s);
    f->s = NULL;
}

void reopen_ledger(struct fixture *f)
{
    close_ledger(f);
    open_ledger(f);
}

struct store_activation activation(unsigned n, int64_t when)
{
    struct store_activation a = {
        .when = when,
        .version = 6,
        .required_count = 25,
        .licence_status = n % 7,
        .minutes_left = 43200,
        .is_virtual = n % 2 != 0,
        .count = n + 1,
    };

    snprintf(a.peer, sizeof(a.peer), "192.0.2.7:%u", 40000 + n);
    snprintf(a.workstation, sizeof(a.workstation), "pc-%u.lab.example", n);
    memset(a.application_id.b, 1, 16);
    memset(a.activation_id.b, 2, 16);
    memset(a.kms_id.b, 3, 16);
    memset(a.client_id.b, 0x40 + (int)n, 16);
    memset(a.previous_client_id.b, 5, 16);
    return a;
}

void add(struct fixture *f, unsigned n, int64_t when)
{
    struct store_activation a = activation(n, when);

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_add_activation(f->s, &a, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

void add_many(struct fixture *f, unsigned count, int64_t when)
{
    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    for (unsigned i = 0; i < count; i++) {
        struct store_activation a = activation(i % 100, when);

        assert_ok(store_add_activation(f->s, &a, &f->ei), &f->ei);
    }
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
}

enum err count_rows(void *arg, const struct store_activation *a)
{
    (void)a;
    ++*(unsigned *)arg;
    return ERR_OK;
}

uint64_t expire(struct fixture *f, int64_t before, uint32_t limit)
{
    uint64_t removed = UINT64_MAX;

    assert_ok(store_begin(f->s, &f->ei), &f->ei);
    assert_ok(store_expire_step(f->s, before, limit, &removed, &f->ei), &f->ei);
    assert_ok(store_commit(f->s, &f->ei), &f->ei);
    return removed;
}

void sql(const char *path, const char *text)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

bool is_whole(const char *path)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    bool whole;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    whole = sqlite3_step(st) == SQLITE_ROW &&
            strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
    sqlite3_finalize(st);
    sqlite3_close(db);
    return whole;
}
