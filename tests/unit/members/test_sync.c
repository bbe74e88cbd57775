/* One suite, run on a directory that tells its changes by content synchronization and on one that
 * is asked by uSNChanged; what only one of them does has tests of its own. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakedir.h"
#include "members/sync.h"
#include "steward/accounts.h"

#define SUFFIX    "DC=lab,DC=example"
#define COMPUTERS "CN=Computers," SUFFIX

struct world {
    struct dir *dir;
    const struct roster *roster;
    struct buf cookie;
    struct members_sync last;
};

static int set_up_sync(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    w->dir = fakedir_new("lab.example", "lab.example");
    w->roster = roster_new();
    *state = w;
    return 0;
}

static int set_up_usn(void **state)
{
    set_up_sync(state);
    fakedir_become_ad(((struct world *)*state)->dir, "first-database-x");
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    members_sync_fini(&w->last);
    roster_unref(w->roster);
    buf_fini(&w->cookie);
    dir_close(w->dir);
    free(w);
    return 0;
}

static void add_at(struct world *w, const char *name, const char *parent)
{
    static const uint8_t sid[28] = {1, 5, 0, 0, 0, 0, 0, 5, 21};
    struct errinfo ei = {0};
    char dn[256], text[128];
    struct dir_entry *e;

    snprintf(dn, sizeof(dn), "CN=%s,%s", name, parent);
    e = dir_entry_new(dn);
    assert_int_equal(dir_entry_add_str(e, "objectClass", "computer"), ERR_OK);
    assert_int_equal(dir_entry_add_str(e, "objectCategory", "computer"), ERR_OK);
    snprintf(text, sizeof(text), "%s$", name);
    assert_int_equal(dir_entry_add_str(e, "sAMAccountName", text), ERR_OK);
    snprintf(text, sizeof(text), "%s.lab.example", name);
    assert_int_equal(dir_entry_add_str(e, "dNSHostName", text), ERR_OK);
    assert_int_equal(dir_entry_add_str(e, "userAccountControl", "4096"), ERR_OK);
    assert_int_equal(dir_entry_add(e, "objectSid", sid, sizeof(sid)), ERR_OK);
    assert_ok(dir_add(w->dir, e, &ei), &ei);
    dir_entry_free(e);
}

static void add(struct world *w, const char *name)
{
    add_at(w, name, COMPUTERS);
}

static const char *dn_of(const char *name)
{
    static char dn[256];

    snprintf(dn, sizeof(dn), "CN=%s," COMPUTERS, name);
    return dn;
}

static void set(struct world *w, const char *name, const char *attr, const char *value)
{
    fakedir_set(w->dir, dn_of(name), attr, value, strlen(value));
}

static void remove_entry(struct world *w, const char *name)
{
    struct errinfo ei = {0};

    assert_ok(dir_delete(w->dir, dn_of(name), &ei), &ei);
}

static enum err try_sync(struct world *w, const char *base, bool list, struct errinfo *ei)
{
    const struct accounts_query q = {
        .base = base, .cookie = w->cookie.data, .cookie_len = w->cookie.len, .list = list};
    struct members_work *work = members_work_new(w->roster);
    struct members_reading reading;
    struct members_sync got;
    enum err e = accounts_read(w->dir, &q, members_take, work, &reading, ei);

    if (e != ERR_OK) {
        members_work_free(work);
        return e;
    }
    e = members_work_end(work, &reading, &got, ei);
    if (e != ERR_OK)
        return e;
    members_sync_fini(&w->last);
    w->last = got;
    roster_unref(w->roster);
    w->roster = roster_ref(got.roster);
    buf_clear(&w->cookie);
    buf_add(&w->cookie, got.reading.cookie.data, got.reading.cookie.len);
    return ERR_OK;
}

static void sync(struct world *w)
{
    struct errinfo ei = {0};

    assert_ok(try_sync(w, NULL, false, &ei), &ei);
}

static void sync_list(struct world *w)
{
    struct errinfo ei = {0};

    assert_ok(try_sync(w, NULL, true, &ei), &ei);
}

static unsigned known(struct world *w, const char *name)
{
    struct member m;

    return roster_by_name(w->roster, name, &m);
}

static struct member account(struct world *w, const char *name)
{
    struct member m;

    assert_int_equal(roster_by_name(w->roster, name, &m), 1);
    return m;
}

static bool same_id(struct member m, struct guid id)
{
    return guid_equal(&m.id, &id);
}

/* ---- both ways ---- */

static void first_reading_is_full_and_takes_every_computer(void **state)
{
    struct world *w = *state;
    struct member m;

    add(w, "PC01");
    add(w, "PC02");
    set(w, "PC02", "userAccountControl", "4098");
    sync(w);
    assert_true(w->last.reading.full);
    assert_contains(w->last.reading.why_full, "first");
    assert_int_equal(w->last.reading.entries, 2);
    assert_int_equal(w->last.set_n, 2);
    assert_int_equal(roster_count(w->roster), 2);
    m = account(w, "PC01");
    assert_true(m.enabled);
    assert_string_equal(m.name, "PC01");
    assert_string_equal(m.dns_name, "PC01.lab.example");
    assert_string_equal(m.dn, "CN=PC01," COMPUTERS);
    assert_int_equal(m.sid_len, 28);
    assert_false(account(w, "PC02").enabled);
}

static void next_reading_takes_only_what_changed(void **state)
{
    struct world *w = *state;
    const struct roster *before;

    add(w, "PC01");
    add(w, "PC02");
    sync(w);
    before = w->roster;
    sync(w);
    assert_false(w->last.reading.full);
    assert_string_equal(w->last.reading.why_full, "");
    assert_int_equal(w->last.reading.entries, 0);
    assert_ptr_equal(w->roster, before); /* nothing changed: nothing copied */
    add(w, "PC03");
    set(w, "PC01", "userAccountControl", "4098");
    sync(w);
    assert_int_equal(w->last.reading.entries, 2);
    assert_int_equal(roster_count(w->roster), 3);
    assert_false(account(w, "PC01").enabled);
}

static void account_that_is_enabled_again_is(void **state)
{
    struct world *w = *state;

    add(w, "PC01");
    set(w, "PC01", "userAccountControl", "4098");
    sync(w);
    set(w, "PC01", "userAccountControl", "4096");
    sync(w);
    assert_true(account(w, "PC01").enabled);
}

static void deleted_account_is_gone(void **state)
{
    struct world *w = *state;

    add(w, "PC01");
    add(w, "PC02");
    sync(w);
    remove_entry(w, "PC01");
    sync(w);
    assert_int_equal(w->last.reading.entries, 0);
    assert_int_equal(w->last.removed_n, 1);
    assert_int_equal(known(w, "PC01"), 0);
    assert_int_equal(known(w, "PC02"), 1);
    assert_true(w->last.reading.tells_deletions);
}

static void renamed_account_keeps_its_id_and_loses_its_old_name(void **state)
{
    struct world *w = *state;
    struct guid id;

    add(w, "PC01");
    sync(w);
    id = account(w, "PC01").id;
    fakedir_rename(w->dir, dn_of("PC01"), "CN=DESK1," COMPUTERS);
    set(w, "DESK1", "sAMAccountName", "DESK1$");
    set(w, "DESK1", "dNSHostName", "desk1.lab.example");
    sync(w);
    assert_int_equal(known(w, "PC01"), 0);
    assert_int_equal(roster_count(w->roster), 1);
    assert_true(same_id(account(w, "DESK1"), id));
    assert_int_equal(w->last.removed_n, 0);
}

static void account_moved_to_another_place_shows_its_new_name(void **state)
{
    struct world *w = *state;

    add(w, "PC01");
    sync(w);
    fakedir_rename(w->dir, dn_of("PC01"), "CN=PC01,CN=Users," SUFFIX);
    sync(w);
    assert_int_equal(w->last.reading.entries, 1);
    assert_string_equal(account(w, "PC01").dn, "CN=PC01,CN=Users," SUFFIX);
}

static void account_made_again_under_the_same_name_is_another(void **state)
{
    struct world *w = *state;
    struct guid id;

    add(w, "PC01");
    sync(w);
    id = account(w, "PC01").id;
    remove_entry(w, "PC01");
    add(w, "PC01");
    sync(w);
    assert_int_equal(roster_count(w->roster), 1);
    assert_false(same_id(account(w, "PC01"), id));
}

static void account_that_left_the_search_base_is_found_missing_by_a_list(void **state)
{
    struct world *w = *state;
    struct errinfo ei = {0};

    add(w, "PC01");
    add(w, "PC02");
    assert_ok(try_sync(w, COMPUTERS, false, &ei), &ei);
    fakedir_rename(w->dir, dn_of("PC01"), "CN=PC01,CN=Users," SUFFIX);
    assert_ok(try_sync(w, COMPUTERS, true, &ei), &ei);
    assert_false(w->last.reading.full);
    assert_int_equal(known(w, "PC01"), 0);
    assert_int_equal(known(w, "PC02"), 1);
}

static void another_search_base_is_another_question(void **state)
{
    struct world *w = *state;
    struct errinfo ei = {0};

    add(w, "PC01");
    add_at(w, "PC02", "CN=Users," SUFFIX);
    sync(w);
    assert_int_equal(roster_count(w->roster), 2);
    assert_ok(try_sync(w, COMPUTERS, false, &ei), &ei);
    assert_true(w->last.reading.full);
    assert_contains(w->last.reading.why_full, "another question");
    assert_int_equal(known(w, "PC02"), 0);
}

static void failed_reading_changes_nothing_and_is_made_up_for(void **state)
{
    struct world *w = *state;
    const struct roster *before;
    struct errinfo ei = {0};

    add(w, "PC01");
    sync(w);
    before = w->roster;
    add(w, "PC02");
    fakedir_fail_next(w->dir, NULL, ERR_UNREACHABLE);
    assert_int_equal(try_sync(w, NULL, false, &ei), ERR_UNREACHABLE);
    assert_ptr_equal(w->roster, before);
    sync(w);
    assert_int_equal(w->last.reading.entries, 1);
    assert_int_equal(known(w, "PC02"), 1);
}

static void cookie_that_is_not_ours_means_a_full_reading(void **state)
{
    struct world *w = *state;

    add(w, "PC01");
    sync(w);
    for (size_t len = 0; len < w->cookie.len; len++) {
        struct buf whole = w->cookie;

        w->cookie = (struct buf)BUF_INIT;
        buf_add(&w->cookie, whole.data, len);
        sync(w);
        assert_true(w->last.reading.full);
        assert_int_equal(known(w, "PC01"), 1);
        buf_fini(&whole);
    }
    w->cookie.data[4] ^= 1;
    sync(w);
    assert_true(w->last.reading.full);
}

static void account_without_a_name_is_counted_and_left_out(void **state)
{
    struct world *w = *state;

    add(w, "PC01");
    sync(w);
    set(w, "PC01", "sAMAccountName", "$");
    sync(w);
    assert_int_equal(w->last.reading.unusable, 1);
    assert_int_equal(roster_count(w->roster), 0);
}

static void account_that_hides_whether_it_is_enabled_is_not(void **state)
{
    struct world *w = *state;
    const struct dir_mod hide = {DIR_MOD_DELETE, "userAccountControl", 0, NULL};
    struct errinfo ei = {0};

    add(w, "PC01");
    fakedir_facts(w->dir)->lab_marked = true;
    assert_ok(dir_modify(w->dir, dn_of("PC01"), &hide, 1, &ei), &ei);
    sync(w);
    assert_false(account(w, "PC01").enabled);
}

/* ---- content synchronization ---- */

static void refused_cookie_means_a_full_reading_that_drops_the_deleted(void **state)
{
    struct world *w = *state;

    add(w, "PC01");
    add(w, "PC02");
    sync(w);
    remove_entry(w, "PC01");
    fakedir_forget_changes(w->dir);
    sync(w);
    assert_true(w->last.reading.full);
    assert_contains(w->last.reading.why_full, "can't go on");
    assert_int_equal(known(w, "PC01"), 0);
    assert_int_equal(known(w, "PC02"), 1);
    assert_int_equal(w->last.removed_n, 1);
}

/* ---- uSNChanged ---- */

static void another_domain_controller_is_read_in_full(void **state)
{
    struct world *w = *state;

    add(w, "PC01");
    add(w, "PC02");
    sync(w);
    remove_entry(w, "PC01");
    fakedir_become_ad(w->dir, "second-database-");
    sync(w);
    assert_true(w->last.reading.full);
    assert_contains(w->last.reading.why_full, "another domain controller");
    assert_int_equal(w->last.reading.entries, 1);
    assert_int_equal(known(w, "PC01"), 0);
    sync(w);
    assert_false(w->last.reading.full);
}

static void domain_controller_that_went_back_is_read_in_full(void **state)
{
    struct world *w = *state;

    add(w, "PC01");
    sync(w);
    fakedir_set(w->dir, "", "highestCommittedUSN", "1", 1);
    sync(w);
    assert_true(w->last.reading.full);
    assert_contains(w->last.reading.why_full, "back in time");
}

static enum err add_while_searching(void *arg, const char *op, const char *dn, struct errinfo *ei)
{
    struct world *w = arg;

    (void)ei;
    if (strcmp(op, "search") == 0 && strcmp(dn, SUFFIX) == 0) {
        fakedir_on(w->dir, NULL, NULL);
        add(w, "LATE");
    }
    return ERR_OK;
}

static void change_after_the_number_was_read_is_not_missed(void **state)
{
    struct world *w = *state;

    add(w, "PC01");
    fakedir_on(w->dir, add_while_searching, w);
    sync(w);
    sync(w);
    assert_int_equal(w->last.reading.entries, 1); /* told again rather than missed */
    assert_int_equal(known(w, "LATE"), 1);
}

static void list_finds_the_deleted(struct world *w, enum fakedir_deleted shown)
{
    fakedir_show_deleted(w->dir, shown);
    add(w, "PC01");
    add(w, "PC02");
    sync(w);
    assert_false(w->last.reading.tells_deletions);
    remove_entry(w, "PC01");
    sync(w);
    assert_false(w->last.reading.tells_deletions);
    assert_int_equal(known(w, "PC01"), 1);
    sync_list(w);
    assert_true(w->last.reading.complete);
    assert_int_equal(w->last.reading.entries, 0);
    assert_int_equal(known(w, "PC01"), 0);
    assert_int_equal(known(w, "PC02"), 1);
}

static void without_the_right_to_see_tombstones_a_list_finds_the_deleted(void **state)
{
    list_finds_the_deleted(*state, FAKEDIR_DELETED_HIDDEN);
}

static void container_of_tombstones_that_looks_empty_is_not_trusted(void **state)
{
    list_finds_the_deleted(*state, FAKEDIR_DELETED_EMPTY);
}

static enum err move_untold(void *arg, const char *op, const char *dn, struct errinfo *ei)
{
    struct dir_entry *e = fakedir_entry(arg, dn_of("PC01"));

    (void)op;
    (void)dn;
    (void)ei;
    if (e != NULL) {
        free(e->dn);
        e->dn = strdup("CN=PC01,CN=Users," SUFFIX);
    }
    return ERR_OK;
}

static void list_corrects_names_that_a_moved_parent_changed(void **state)
{
    struct world *w = *state;

    add(w, "PC01");
    sync(w);
    fakedir_on(w->dir, move_untold, w->dir);
    sync_list(w);
    assert_int_equal(w->last.reading.entries, 0);
    assert_string_equal(account(w, "PC01").dn, "CN=PC01,CN=Users," SUFFIX);
    assert_int_equal(w->last.set_n, 1);
}

#define ON(how, test)                                                                              \
    {                                                                                              \
#test " (" #how ")", test, set_up_##how, tear_down, NULL                                   \
    }
#define ON_BOTH(test) ON(sync, test), ON(usn, test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(first_reading_is_full_and_takes_every_computer),
        ON_BOTH(next_reading_takes_only_what_changed),
        ON_BOTH(account_that_is_enabled_again_is),
        ON_BOTH(deleted_account_is_gone),
        ON_BOTH(renamed_account_keeps_its_id_and_loses_its_old_name),
        ON_BOTH(account_moved_to_another_place_shows_its_new_name),
        ON_BOTH(account_made_again_under_the_same_name_is_another),
        ON_BOTH(account_that_left_the_search_base_is_found_missing_by_a_list),
        ON_BOTH(another_search_base_is_another_question),
        ON_BOTH(failed_reading_changes_nothing_and_is_made_up_for),
        ON_BOTH(cookie_that_is_not_ours_means_a_full_reading),
        ON_BOTH(account_without_a_name_is_counted_and_left_out),
        ON_BOTH(account_that_hides_whether_it_is_enabled_is_not),
        ON(sync, refused_cookie_means_a_full_reading_that_drops_the_deleted),
        ON(usn, another_domain_controller_is_read_in_full),
        ON(usn, domain_controller_that_went_back_is_read_in_full),
        ON(usn, change_after_the_number_was_read_is_not_missed),
        ON(usn, without_the_right_to_see_tombstones_a_list_finds_the_deleted),
        ON(usn, container_of_tombstones_that_looks_empty_is_not_trusted),
        ON(usn, list_corrects_names_that_a_moved_parent_changed),
    };

    return cmocka_run_group_tests_name("members sync", tests, NULL, NULL);
}
