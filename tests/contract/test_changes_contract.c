/* What dir_changes does alike whatever is behind the port. Without DIR_CONTRACT_URI the directory
 * is fakedir, with DIR_CONTRACT_AD=1 in the shape of AD DS; else it is the server named there, as
 * in test_dir_contract.c. Names are those of containers, so that every directory takes them. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "ldap/changes.h"

#define SEEN_MAX 256

/* The picture that a caller keeps, made from what dir_changes told alone. */
struct picture {
    struct ground *g;
    struct {
        struct guid id;
        char name[64], text[64];
        bool seen;
    } row[SEEN_MAX];
    size_t n;
    struct buf cookie;
    struct dir_changes last;
};

static size_t find(const struct picture *p, const struct guid *id)
{
    size_t i = 0;

    while (i < p->n && !guid_equal(&p->row[i].id, id))
        i++;
    return i;
}

static void drop(struct picture *p, size_t at)
{
    if (at < p->n)
        p->row[at] = p->row[--p->n];
}

static enum err on_change(void *arg, enum dir_change what, const struct guid *id,
                          const struct dir_entry *e, struct errinfo *ei)
{
    struct picture *p = arg;
    size_t at = find(p, id);
    const char *text;

    (void)ei;
    if (what == DIR_GONE)
        drop(p, at);
    if (what == DIR_SAME && at < p->n)
        p->row[at].seen = true;
    if (what != DIR_PUT)
        return ERR_OK;
    if (at == p->n)
        p->n++;
    assert_true(p->n <= SEEN_MAX);
    p->row[at].id = *id;
    p->row[at].seen = true;
    snprintf(p->row[at].name, sizeof(p->row[at].name), "%s", dir_entry_str(e, "cn"));
    text = dir_entry_str(e, "displayName");
    snprintf(p->row[at].text, sizeof(p->row[at].text), "%s", text == NULL ? "" : text);
    return ERR_OK;
}

static void catch_up(struct picture *p, bool list)
{
    static const char *const attrs[] = {"cn", "displayName", NULL};
    const struct dir_filter f = {
        .op = DIR_EQ, .attr = "objectClass", .value = "container", .len = 9};
    const struct dir_changes_query q = {.base = p->g->top,
                                        .filter = &f,
                                        .attrs = attrs,
                                        .cookie = p->cookie.data,
                                        .cookie_len = p->cookie.len,
                                        .list = list};
    struct errinfo ei = {0};

    for (size_t i = 0; i < p->n; i++)
        p->row[i].seen = false;
    assert_ok(dir_changes(p->g->d, &q, on_change, p, &p->last, &ei), &ei);
    buf_fini(&p->cookie);
    p->cookie = p->last.cookie;
    for (size_t i = p->n; p->last.complete && i-- > 0;)
        if (!p->row[i].seen)
            drop(p, i);
}

static const char *text_of(const struct picture *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->row[i].name, name) == 0)
            return p->row[i].text;
    return NULL;
}

static int set_up_picture(void **state)
{
    struct picture *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    p->g = contract_ground();
    *state = p;
    return 0;
}

static int tear_down_picture(void **state)
{
    struct picture *p = *state;

    buf_fini(&p->cookie);
    contract_ground_free(p->g);
    free(p);
    return 0;
}

static void add(struct picture *p, const char *name)
{
    char dn[512];
    struct errinfo ei;

    contract_child(p->g, name, dn);
    assert_ok(contract_add(p->g->d, contract_entry(dn, "container"), &ei), &ei);
}

static void set(struct picture *p, const char *name, const char *text)
{
    struct dir_val v = {.len = strlen(text), .data = (uint8_t *)(uintptr_t)text};
    const struct dir_mod mod = {DIR_MOD_REPLACE, "displayName", 1, &v};
    char dn[512];
    struct errinfo ei;

    contract_child(p->g, name, dn);
    assert_ok(dir_modify(p->g->d, dn, &mod, 1, &ei), &ei);
}

static void del(struct picture *p, const char *name)
{
    char dn[512];
    struct errinfo ei;

    contract_child(p->g, name, dn);
    assert_ok(dir_delete(p->g->d, dn, &ei), &ei);
}

static void the_first_reading_tells_everything(void **state)
{
    struct picture *p = *state;

    add(p, "one");
    add(p, "two");
    set(p, "two", "second");
    catch_up(p, false);
    assert_true(p->last.full);
    assert_true(p->last.complete);
    assert_non_null(p->last.why_full);
    assert_int_equal(p->last.entries, 3); /* the container itself too */
    assert_string_equal(text_of(p, "one"), "");
    assert_string_equal(text_of(p, "two"), "second");
}

static void later_readings_tell_what_changed(void **state)
{
    struct picture *p = *state;

    add(p, "one");
    add(p, "two");
    catch_up(p, false);
    catch_up(p, false);
    assert_false(p->last.full);
    assert_int_equal(p->last.entries, 0);
    set(p, "one", "changed");
    add(p, "three");
    catch_up(p, false);
    assert_false(p->last.full);
    assert_int_equal(p->last.entries, 2);
    assert_string_equal(text_of(p, "one"), "changed");
    assert_non_null(text_of(p, "three"));
    assert_int_equal(p->n, 4);
}

static void deletions_are_told(void **state)
{
    struct picture *p = *state;

    add(p, "one");
    add(p, "two");
    catch_up(p, false);
    del(p, "one");
    catch_up(p, false);
    assert_false(p->last.full);
    assert_int_equal(p->last.entries, 0);
    assert_null(text_of(p, "one"));
    assert_non_null(text_of(p, "two"));
}

static void a_list_names_everything_that_is_there(void **state)
{
    struct picture *p = *state;

    add(p, "one");
    add(p, "two");
    catch_up(p, false);
    del(p, "two");
    catch_up(p, true);
    assert_true(p->last.complete);
    assert_false(p->last.full);
    assert_int_equal(p->last.entries, 0);
    assert_int_equal(p->n, 2);
}

static void what_is_made_again_is_another(void **state)
{
    struct picture *p = *state;
    struct guid before;

    add(p, "one");
    catch_up(p, false);
    before = p->row[0].id;
    if (strcmp(p->row[0].name, "one") != 0)
        before = p->row[1].id;
    del(p, "one");
    add(p, "one");
    catch_up(p, false);
    assert_int_equal(p->n, 2);
    assert_non_null(text_of(p, "one"));
    assert_int_equal(find(p, &before), p->n);
}

static void many_entries_come_page_by_page(void **state)
{
    struct picture *p = *state;
    char name[32];

    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "n%03d", i);
        add(p, name);
    }
    catch_up(p, false);
    assert_int_equal(p->n, 201);
    for (int i = 0; i < 200; i += 2) {
        snprintf(name, sizeof(name), "n%03d", i);
        del(p, name);
    }
    catch_up(p, false);
    assert_int_equal(p->n, 101);
    assert_int_equal(p->last.entries, 0);
}

static enum err give_up(void *arg, enum dir_change what, const struct guid *id,
                        const struct dir_entry *e, struct errinfo *ei)
{
    (void)arg;
    (void)what;
    (void)id;
    (void)e;
    return err_fail(ei, ERR_LIMIT, "enough");
}

static void a_reading_stops_when_told_and_the_session_goes_on(void **state)
{
    static const char *const attrs[] = {"cn", NULL};
    struct picture *p = *state;
    const struct dir_changes_query q = {.base = p->g->top, .attrs = attrs};
    struct dir_changes out;
    struct errinfo ei;

    add(p, "one");
    assert_int_equal(dir_changes(p->g->d, &q, give_up, NULL, &out, &ei), ERR_LIMIT);
    catch_up(p, false);
    assert_int_equal(p->n, 2);
}

static void a_missing_base_is_not_found(void **state)
{
    static const char *const attrs[] = {"cn", NULL};
    struct picture *p = *state;
    struct dir_changes_query q = {.attrs = attrs};
    struct dir_changes out;
    char dn[512];
    struct errinfo ei;

    contract_child(p->g, "nowhere", dn);
    q.base = dn;
    assert_int_equal(dir_changes(p->g->d, &q, give_up, NULL, &out, &ei), ERR_NOTFOUND);
}

int main(void)
{
#define t(f) cmocka_unit_test_setup_teardown(f, set_up_picture, tear_down_picture)
    const struct CMUnitTest tests[] = {
        t(the_first_reading_tells_everything),
        t(later_readings_tell_what_changed),
        t(deletions_are_told),
        t(a_list_names_everything_that_is_there),
        t(what_is_made_again_is_another),
        t(many_entries_come_page_by_page),
        t(a_reading_stops_when_told_and_the_session_goes_on),
        t(a_missing_base_is_not_found),
    };

    return cmocka_run_group_tests_name("changes_contract", tests, NULL, NULL);
}
