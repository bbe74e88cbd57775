#include "support.h"

#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "store/members.h"
#include "store/migrations.h"

struct world {
    char folder[256], path[300];
    struct store *store;
};

static void open_store(struct world *w)
{
    struct errinfo ei = {0};

    assert_ok(store_open(w->path, &w->store, &ei), &ei);
}

static int set_up(void **state)
{
    static struct world w;

    test_folder(w.folder);
    snprintf(w.path, sizeof(w.path), "%s/ledger.db", w.folder);
    open_store(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    store_close(w->store);
    test_folder_remove(w->folder);
    return 0;
}

static void put(struct world *w, uint8_t id, const char *name, bool enabled)
{
    struct errinfo ei = {0};
    const struct store_member m = {.id = {{id}},
                                   .guid = {{id, 1}},
                                   .name = name,
                                   .dns_name = "pc.lab.example",
                                   .dn = "CN=PC,DC=lab",
                                   .sid = "\1\0\3",
                                   .sid_len = 3,
                                   .enabled = enabled};

    assert_ok(store_begin(w->store, &ei), &ei);
    assert_ok(store_put_member(w->store, &m, &ei), &ei);
    assert_ok(store_commit(w->store, &ei), &ei);
}

static void reopen(struct world *w)
{
    store_close(w->store);
    open_store(w);
}

static enum err see(void *arg, const struct store_member *m)
{
    char *text = arg;
    size_t len = strlen(text);

    snprintf(text + len, 256 - len, "%u/%u %s %s %s sid%zu %d;", m->id.b[0], m->guid.b[1], m->name,
             m->dns_name, m->dn, m->sid_len, m->enabled);
    return ERR_OK;
}

static const char *all(struct world *w, char text[256])
{
    struct errinfo ei = {0};

    text[0] = '\0';
    assert_ok(store_each_member(w->store, see, text, &ei), &ei);
    return text;
}

static void members_outlive_a_restart(void **state)
{
    struct world *w = *state;
    char text[256];

    put(w, 1, "PC01", true);
    put(w, 2, "PC02", false);
    reopen(w);
    assert_string_equal(all(w, text), "1/1 PC01 pc.lab.example CN=PC,DC=lab sid3 1;"
                                      "2/1 PC02 pc.lab.example CN=PC,DC=lab sid3 0;");
}

static void putting_an_id_again_replaces_it_and_dropping_removes_it(void **state)
{
    struct world *w = *state;
    struct errinfo ei = {0};
    char text[256];

    put(w, 1, "PC01", true);
    put(w, 1, "RENAMED", true);
    assert_string_equal(all(w, text), "1/1 RENAMED pc.lab.example CN=PC,DC=lab sid3 1;");
    assert_ok(store_begin(w->store, &ei), &ei);
    assert_ok(store_drop_member(w->store, &(struct guid){{1}}, &ei), &ei);
    assert_ok(store_drop_member(w->store, &(struct guid){{9}}, &ei), &ei);
    assert_ok(store_commit(w->store, &ei), &ei);
    assert_string_equal(all(w, text), "");
}

static enum err see_sync(void *arg, const struct store_member_sync *m)
{
    snprintf(arg, 256, "%.*s %lld %lld %d %llu %02x-%02x", (int)m->cookie_len,
             (const char *)m->cookie, (long long)m->synced_at, (long long)m->listed_at, m->full,
             (unsigned long long)m->entries, m->origin[0], m->origin[STORE_ORIGIN_LEN - 1]);
    return ERR_OK;
}

static void state_of_the_last_synchronization_is_one_row(void **state)
{
    struct world *w = *state;
    struct errinfo ei = {0};
    struct store_member_sync m = {.cookie = "first",
                                  .cookie_len = 5,
                                  .synced_at = 1000,
                                  .listed_at = 900,
                                  .full = true,
                                  .entries = 7};
    char text[256] = "none";

    assert_ok(store_member_sync(w->store, see_sync, text, &ei), &ei);
    assert_string_equal(text, "none");
    for (int i = 0; i < 2; i++) {
        assert_ok(store_begin(w->store, &ei), &ei);
        assert_ok(store_set_member_sync(w->store, &m, &ei), &ei);
        assert_ok(store_commit(w->store, &ei), &ei);
        m = (struct store_member_sync){
            .cookie = "second", .cookie_len = 6, .synced_at = 2000, .listed_at = 900, .entries = 1};
        m.origin[0] = 0x12;
        m.origin[STORE_ORIGIN_LEN - 1] = 0x34;
    }
    reopen(w);
    assert_ok(store_member_sync(w->store, see_sync, text, &ei), &ei);
    assert_string_equal(text, "second 2000 900 0 1 12-34");
}

static void a_state_of_another_origin_is_dropped(void **state)
{
    struct world *w = *state;
    struct errinfo ei = {0};
    struct store_member_sync m = {.cookie = "c", .cookie_len = 1, .synced_at = 1000};
    uint8_t other[STORE_ORIGIN_LEN] = {0};
    char text[256] = "none";

    memset(m.origin, 7, sizeof(m.origin));
    assert_ok(store_begin(w->store, &ei), &ei);
    assert_ok(store_set_member_sync(w->store, &m, &ei), &ei);
    assert_ok(store_drop_other_member_sync(w->store, m.origin, &ei), &ei);
    assert_ok(store_commit(w->store, &ei), &ei);
    assert_ok(store_member_sync(w->store, see_sync, text, &ei), &ei);
    assert_string_equal(text, "c 1000 0 0 0 07-07");
    snprintf(text, sizeof(text), "none");
    assert_ok(store_begin(w->store, &ei), &ei);
    assert_ok(store_drop_other_member_sync(w->store, other, &ei), &ei);
    assert_ok(store_commit(w->store, &ei), &ei);
    assert_ok(store_member_sync(w->store, see_sync, text, &ei), &ei);
    assert_string_equal(text, "none");
}

static void writing_outside_a_transaction_is_refused(void **state)
{
    struct world *w = *state;
    struct errinfo ei = {0};
    const struct store_member m = {.name = "A", .dns_name = "", .dn = ""};

    assert_int_equal(store_put_member(w->store, &m, &ei), ERR_NOT_NOW);
    assert_int_equal(store_drop_member(w->store, &m.id, &ei), ERR_NOT_NOW);
}

static enum err count_one(void *arg, const struct store_activation *a)
{
    (void)a;
    ++*(int *)arg;
    return ERR_OK;
}

static void ledger_from_before_there_were_members_is_brought_up_to_date(void **state)
{
    struct world *w = *state;
    struct errinfo ei = {0};
    sqlite3 *db;
    char text[256];
    int n = 0;

    store_close(w->store);
    snprintf(w->path, sizeof(w->path), "%s/old.db", w->folder);
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, store_migrations[0], NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "PRAGMA user_version=1; PRAGMA application_id=0x41444241;"
                     "INSERT INTO activations VALUES (1, 5, 0, 'p', 6, x'', x'', x'', x'', x'', "
                     "25, 2, 0, 0, 1, 'PC01');",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    open_store(w);
    assert_ok(store_each_activation(w->store, 0, count_one, &n, &ei), &ei);
    assert_int_equal(n, 1);
    put(w, 1, "PC01", true);
    assert_contains(all(w, text), "PC01");
}

int main(void)
{
#define t(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        t(members_outlive_a_restart),
        t(putting_an_id_again_replaces_it_and_dropping_removes_it),
        t(state_of_the_last_synchronization_is_one_row),
        t(a_state_of_another_origin_is_dropped),
        t(writing_outside_a_transaction_is_refused),
        t(ledger_from_before_there_were_members_is_brought_up_to_date),
    };

    return cmocka_run_group_tests_name("store members", tests, NULL, NULL);
}
