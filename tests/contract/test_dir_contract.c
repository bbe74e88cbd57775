/* What every directory behind the port does alike. Without DIR_CONTRACT_URI the directory is
 * fakedir; else it is the server named there (DIR_CONTRACT_USER and DIR_CONTRACT_PASSWORD for
 * SCRAM-SHA-256, DIR_CONTRACT_KEYTAB for Kerberos, without them EXTERNAL; DIR_CONTRACT_FOREST). */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "contract.h"

static void add_container(struct ground *g, const char *name)
{
    char dn[512];
    struct errinfo ei;

    contract_child(g, name, dn);
    assert_ok(contract_add(g->d, contract_entry(dn, "container"), &ei), &ei);
}

static int set_up(void **state)
{
    *state = contract_ground();
    return 0;
}

static int tear_down(void **state)
{
    contract_ground_free(*state);
    return 0;
}

/* Two identifiers whose bytes mean something in filters and in C strings. */
static const uint8_t odd_id[16] = {0,   '*', '(', ')', '\\', 0xff, 0x80, 0,
                                   ',', '+', '"', '=', '#',  10,   13,   0};
static const uint8_t plain_id[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static struct dir_entry *activation_object(const struct ground *g, const char *name)
{
    char dn[512];
    struct dir_entry *e;

    contract_child(g, name, dn);
    e = contract_entry(dn, "msSPP-ActivationObject");
    assert_int_equal(dir_entry_add(e, "msSPP-KMSIds", odd_id, 16), ERR_OK);
    assert_int_equal(dir_entry_add(e, "msSPP-KMSIds", plain_id, 16), ERR_OK);
    assert_int_equal(dir_entry_add(e, "msSPP-CSVLKSkuId", plain_id, 16), ERR_OK);
    assert_int_equal(dir_entry_add_str(e, "msSPP-CSVLKPartialProductKey", "ABCDE"), ERR_OK);
    assert_int_equal(dir_entry_add_str(e, "msSPP-CSVLKPid", "00000-00000"), ERR_OK);
    return e;
}

/* Activation objects go into a container of their class. */
static void add_object_container(struct ground *g)
{
    struct errinfo ei;
    char dn[512];

    contract_child(g, "objects", dn);
    assert_ok(contract_add(g->d, contract_entry(dn, "msSPP-ActivationObjectsContainer"), &ei), &ei);
    snprintf(g->top, sizeof(g->top), "%s", dn);
}

static struct dir_entry *get(struct ground *g, const char *name)
{
    struct dir_entry *e = NULL;
    struct errinfo ei;
    char dn[512];

    contract_child(g, name, dn);
    assert_ok(dir_get(g->d, dn, NULL, &e, &ei), &ei);
    return e;
}

/* ---- facts ---- */

static void the_facts_name_forest_contexts_and_schema(void **state)
{
    const struct ground *g = *state;
    const struct dir_facts *f = dir_facts(g->d);
    struct errinfo ei;

    assert_string_equal(f->forest, contract_env("DIR_CONTRACT_FOREST", "lab.example"));
    assert_non_null(f->default_nc);
    assert_non_null(f->root_domain_nc);
    assert_non_null(f->dns_host_name);
    assert_int_equal(strncasecmp(f->config_nc, "CN=Configuration,", 17), 0);
    assert_true(f->has_ao_class);
    assert_true(f->schema_version >= 48);
    assert_non_null(f->domain_sid);
    assert_int_equal(strncmp(f->domain_sid, "S-1-5-21-", 9), 0);
    assert_true(f->ad_ds != f->lab_marked);
    assert_ok(dir_guard(g->d, &ei), &ei);
}

/* ---- add and get ---- */

static void what_was_added_is_read_back_byte_by_byte(void **state)
{
    struct ground *g = *state;
    struct dir_entry *e;
    struct errinfo ei;
    const struct dir_attr *ids;

    add_object_container(g);
    assert_ok(contract_add(g->d, activation_object(g, "one"), &ei), &ei);
    e = get(g, "one");
    ids = dir_entry_attr(e, "msspp-kmsids");
    assert_int_equal(ids->n, 2);
    assert_int_equal(ids->vals[0].len, 16);
    assert_int_equal(ids->vals[1].len, 16);
    /* in no promised order */
    assert_memory_equal(ids->vals[ids->vals[0].data[0] == 0 ? 0 : 1].data, odd_id, 16);
    assert_memory_equal(ids->vals[ids->vals[0].data[0] == 0 ? 1 : 0].data, plain_id, 16);
    assert_string_equal(dir_entry_str(e, "msSPP-CSVLKPartialProductKey"), "ABCDE");
    dir_entry_free(e);
}

static void an_added_entry_has_its_naming_attribute(void **state)
{
    struct ground *g = *state;
    struct dir_entry *e;

    add_container(g, "child");
    e = get(g, "child");
    assert_string_equal(dir_entry_str(e, "cn"), "child");
    dir_entry_free(e);
}

static void a_large_value_survives(void **state)
{
    struct ground *g = *state;
    const size_t len = 1 << 20;
    uint8_t *large = malloc(len);
    struct dir_entry *e;
    struct errinfo ei;

    assert_non_null(large);
    for (size_t i = 0; i < len; i++)
        large[i] = (uint8_t)(i * 2654435761u >> 13);
    add_object_container(g);
    e = activation_object(g, "large");
    assert_int_equal(dir_entry_add(e, "msSPP-IssuanceLicense", large, len), ERR_OK);
    assert_ok(contract_add(g->d, e, &ei), &ei);
    e = get(g, "large");
    assert_int_equal(dir_entry_val(e, "msSPP-IssuanceLicense")->len, len);
    assert_memory_equal(dir_entry_val(e, "msSPP-IssuanceLicense")->data, large, len);
    dir_entry_free(e);
    free(large);
}

static void adding_a_taken_name_is_refused_and_changes_nothing(void **state)
{
    struct ground *g = *state;
    struct dir_entry *e;
    struct errinfo ei;
    char dn[512];

    add_container(g, "taken");
    contract_child(g, "TAKEN", dn);
    e = contract_entry(dn, "container");
    assert_int_equal(dir_entry_add_str(e, "description", "second"), ERR_OK);
    assert_int_equal(contract_add(g->d, e, &ei), ERR_EXISTS);
    e = get(g, "taken");
    assert_null(dir_entry_attr(e, "description"));
    dir_entry_free(e);
}

static void adding_below_a_missing_parent_is_not_found(void **state)
{
    struct ground *g = *state;
    struct errinfo ei;
    char dn[600];

    snprintf(dn, sizeof(dn), "CN=x,CN=missing,%s", g->top);
    assert_int_equal(contract_add(g->d, contract_entry(dn, "container"), &ei), ERR_NOTFOUND);
}

static void an_object_without_a_required_attribute_breaks_the_schema(void **state)
{
    struct ground *g = *state;
    struct errinfo ei;
    char dn[512];

    add_object_container(g);
    contract_child(g, "incomplete", dn);
    assert_int_equal(contract_add(g->d, contract_entry(dn, "msSPP-ActivationObject"), &ei),
                     ERR_SCHEMA);
}

static void a_missing_entry_is_not_found_and_out_stays(void **state)
{
    struct ground *g = *state;
    struct dir_entry *out = (struct dir_entry *)(void *)g;
    struct errinfo ei;
    char dn[512];

    contract_child(g, "missing", dn);
    assert_int_equal(dir_get(g->d, dn, NULL, &out, &ei), ERR_NOTFOUND);
    assert_ptr_equal(out, g);
    assert_contains(ei.text, "missing");
}

static void names_with_special_characters_find_their_entry(void **state)
{
    static const char *const names[] = {
        "Doe, John",   "a+b=c",   "\"quoted\"",  "#1",
        "back\\slash", "a;b<c>d", "two  blanks", "Windows 11 Enterprise/N"};
    struct ground *g = *state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct dir_entry *e;

        add_container(g, names[i]);
        e = get(g, names[i]);
        assert_string_equal(dir_entry_str(e, "cn"), names[i]);
        dir_entry_free(e);
    }
}

static void the_name_that_a_search_returns_can_be_used_again(void **state)
{
    struct ground *g = *state;
    const struct dir_query q = {.base = g->top, .scope = DIR_ONE};
    struct names found = {0};
    struct dir_entry *e = NULL;
    struct errinfo ei;

    add_container(g, "Doe, \"John\" + #1");
    assert_ok(dir_search(g->d, &q, contract_collect, &found, &ei), &ei);
    assert_int_equal(found.n, 1);
    assert_ok(dir_get(g->d, found.dn[0], NULL, &e, &ei), &ei);
    assert_string_equal(dir_entry_str(e, "cn"), "Doe, \"John\" + #1");
    dir_entry_free(e);
    names_fini(&found);
}

/* ---- search ---- */

static size_t count(struct ground *g, const char *base, enum dir_scope scope,
                    const struct dir_filter *f)
{
    const struct dir_query q = {.base = base, .scope = scope, .filter = f};
    struct names found = {0};
    struct errinfo ei;
    size_t n;

    assert_ok(dir_search(g->d, &q, contract_collect, &found, &ei), &ei);
    n = found.n;
    names_fini(&found);
    return n;
}

static void scopes_reach_the_entry_its_children_and_all_below(void **state)
{
    struct ground *g = *state;
    struct errinfo ei;
    char dn[600];

    add_container(g, "a");
    add_container(g, "b");
    snprintf(dn, sizeof(dn), "CN=deep,CN=a,%s", g->top);
    assert_ok(contract_add(g->d, contract_entry(dn, "container"), &ei), &ei);
    assert_int_equal(count(g, g->top, DIR_BASE, NULL), 1);
    assert_int_equal(count(g, g->top, DIR_ONE, NULL), 2);
    assert_int_equal(count(g, g->top, DIR_SUB, NULL), 4);
}

static void a_missing_base_is_not_found(void **state)
{
    struct ground *g = *state;
    char dn[512];
    const struct dir_query q = {.base = dn, .scope = DIR_SUB};
    struct names found = {0};
    struct errinfo ei;

    contract_child(g, "missing", dn);
    assert_int_equal(dir_search(g->d, &q, contract_collect, &found, &ei), ERR_NOTFOUND);
}

static void equality_finds_the_very_bytes(void **state)
{
    static const uint8_t other[16] = {0, '*'};
    struct ground *g = *state;
    struct dir_filter f = {.op = DIR_EQ, .attr = "msSPP-KMSIds", .value = odd_id, .len = 16};
    struct errinfo ei;

    add_object_container(g);
    assert_ok(contract_add(g->d, activation_object(g, "one"), &ei), &ei);
    assert_int_equal(count(g, g->top, DIR_ONE, &f), 1);
    f.value = other;
    assert_int_equal(count(g, g->top, DIR_ONE, &f), 0);
    f.value = "*";
    f.len = 1;
    assert_int_equal(count(g, g->top, DIR_ONE, &f), 0);
}

static void filters_combine(void **state)
{
    struct ground *g = *state;
    const struct dir_filter a = {.op = DIR_EQ, .attr = "cn", .value = "a", .len = 1};
    const struct dir_filter b = {.op = DIR_EQ, .attr = "cn", .value = "B", .len = 1};
    const struct dir_filter described = {.op = DIR_PRESENT, .attr = "description"};
    const struct dir_filter *const ab[] = {&a, &b, NULL}, *const only[] = {&described, NULL};
    const struct dir_filter either = {.op = DIR_OR, .sub = ab}, both = {.op = DIR_AND, .sub = ab};
    const struct dir_filter undescribed = {.op = DIR_NOT, .sub = only};

    add_container(g, "a");
    add_container(g, "b");
    assert_int_equal(count(g, g->top, DIR_ONE, &either), 2);
    assert_int_equal(count(g, g->top, DIR_ONE, &both), 0);
    assert_int_equal(count(g, g->top, DIR_ONE, &described), 0);
    assert_int_equal(count(g, g->top, DIR_ONE, &undescribed), 2);
}

static void numbers_compare_as_numbers(void **state)
{
    struct ground *g = *state;
    struct dir_filter f = {.op = DIR_GE, .attr = "objectVersion", .value = "9", .len = 1};

    assert_int_equal(count(g, dir_facts(g->d)->schema_nc, DIR_BASE, &f), 1);
    f.value = "100000";
    f.len = 6;
    assert_int_equal(count(g, dir_facts(g->d)->schema_nc, DIR_BASE, &f), 0);
}

static void only_the_attributes_asked_for_come_back(void **state)
{
    static const char *const attrs[] = {"MSSPP-CSVLKPID", NULL};
    struct ground *g = *state;
    struct dir_entry *e = NULL;
    struct errinfo ei;
    char dn[512];

    add_object_container(g);
    assert_ok(contract_add(g->d, activation_object(g, "one"), &ei), &ei);
    contract_child(g, "one", dn);
    assert_ok(dir_get(g->d, dn, attrs, &e, &ei), &ei);
    assert_int_equal(e->n, 1);
    assert_string_equal(dir_entry_str(e, "msSPP-CSVLKPid"), "00000-00000");
    dir_entry_free(e);
}

static void pages_together_give_each_entry_once(void **state)
{
    struct ground *g = *state;
    const struct dir_query q = {.base = g->top, .scope = DIR_ONE, .page_size = 7};
    struct names found = {0};
    struct errinfo ei;

    for (int i = 0; i < 25; i++) {
        char name[16];

        snprintf(name, sizeof(name), "n%02d", i);
        add_container(g, name);
    }
    assert_ok(dir_search(g->d, &q, contract_collect, &found, &ei), &ei);
    assert_int_equal(found.n, 25);
    for (size_t i = 0; i < found.n; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(found.dn[i], found.dn[k]);
    names_fini(&found);
}

static enum err stop_at_second(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    (void)e;
    return ++*(int *)arg == 2 ? err_fail(ei, ERR_LIMIT, "enough") : ERR_OK;
}

static void a_search_stops_when_told_and_the_session_goes_on(void **state)
{
    struct ground *g = *state;
    const struct dir_query q = {.base = g->top, .scope = DIR_SUB, .page_size = 2};
    struct errinfo ei;
    int calls = 0;

    for (int i = 0; i < 6; i++)
        add_container(g, (const char[]){(char)('a' + i), '\0'});
    assert_int_equal(dir_search(g->d, &q, stop_at_second, &calls, &ei), ERR_LIMIT);
    assert_string_equal(ei.text, "enough");
    assert_int_equal(calls, 2);
    assert_int_equal(count(g, g->top, DIR_ONE, NULL), 6);
}

struct nested {
    struct dir *d;
    int changed;
};

static enum err describe(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    struct nested *n = arg;
    const struct dir_val v = {.len = 4, .data = (uint8_t *)(uintptr_t) "seen"};
    const struct dir_mod mod = {DIR_MOD_REPLACE, "description", 1, &v};
    struct dir_entry *again = NULL;
    enum err r = dir_modify(n->d, e->dn, &mod, 1, ei);

    if (r == ERR_OK)
        r = dir_get(n->d, e->dn, NULL, &again, ei);
    if (r == ERR_OK && strcmp(dir_entry_str(again, "description"), "seen") == 0)
        n->changed++;
    dir_entry_free(again);
    return r;
}

static void entries_can_be_changed_while_they_are_searched(void **state)
{
    struct ground *g = *state;
    const struct dir_query q = {.base = g->top, .scope = DIR_ONE, .page_size = 2};
    struct nested n = {.d = g->d};
    struct errinfo ei;

    for (int i = 0; i < 5; i++)
        add_container(g, (const char[]){(char)('a' + i), '\0'});
    assert_ok(dir_search(g->d, &q, describe, &n, &ei), &ei);
    assert_int_equal(n.changed, 5);
}

/* ---- modify and delete ---- */

static enum err swap(struct ground *g, const char *name, const char *old, const char *new,
                     struct errinfo *ei)
{
    const struct dir_val was = {strlen(old), (uint8_t *)(uintptr_t)old};
    const struct dir_val becomes = {strlen(new), (uint8_t *)(uintptr_t) new};
    const struct dir_mod mods[] = {{DIR_MOD_DELETE, "displayName", 1, &was},
                                   {DIR_MOD_ADD, "displayName", 1, &becomes}};
    char dn[512];

    contract_child(g, name, dn);
    return dir_modify(g->d, dn, mods, 2, ei);
}

static void assert_display_name(struct ground *g, const char *name, const char *expected)
{
    struct dir_entry *e = get(g, name);

    assert_non_null(dir_entry_attr(e, "displayName"));
    assert_int_equal(dir_entry_attr(e, "displayName")->n, 1);
    assert_string_equal(dir_entry_str(e, "displayName"), expected);
    dir_entry_free(e);
}

static void add_named(struct ground *g, const char *name, const char *display)
{
    struct dir_entry *e;
    struct errinfo ei;
    char dn[512];

    contract_child(g, name, dn);
    e = contract_entry(dn, "container");
    assert_int_equal(dir_entry_add_str(e, "displayName", display), ERR_OK);
    assert_ok(contract_add(g->d, e, &ei), &ei);
}

static void compare_and_modify_takes_place_on_the_old_value_only(void **state)
{
    struct ground *g = *state;
    struct errinfo ei;

    add_named(g, "x", "one");
    assert_ok(swap(g, "x", "one", "two", &ei), &ei);
    assert_display_name(g, "x", "two");
    assert_int_equal(swap(g, "x", "one", "three", &ei), ERR_CONFLICT);
    assert_display_name(g, "x", "two");
}

static void a_modification_happens_whole_or_not_at_all(void **state)
{
    static const struct dir_val text = {5, (uint8_t *)(uintptr_t) "first"};
    static const struct dir_val absent = {6, (uint8_t *)(uintptr_t) "absent"};
    const struct dir_mod mods[] = {{DIR_MOD_REPLACE, "description", 1, &text},
                                   {DIR_MOD_DELETE, "displayName", 1, &absent}};
    struct ground *g = *state;
    struct dir_entry *e;
    struct errinfo ei;
    char dn[512];

    add_named(g, "x", "one");
    contract_child(g, "x", dn);
    assert_int_equal(dir_modify(g->d, dn, mods, 2, &ei), ERR_CONFLICT);
    e = get(g, "x");
    assert_null(dir_entry_attr(e, "description"));
    dir_entry_free(e);
    assert_display_name(g, "x", "one");
}

static void adding_a_value_that_is_there_is_a_conflict(void **state)
{
    struct ground *g = *state;
    const struct dir_val v = {16, (uint8_t *)(uintptr_t)odd_id};
    const struct dir_mod mod = {DIR_MOD_ADD, "msSPP-KMSIds", 1, &v};
    struct errinfo ei;
    char dn[512];

    add_object_container(g);
    assert_ok(contract_add(g->d, activation_object(g, "one"), &ei), &ei);
    contract_child(g, "one", dn);
    assert_int_equal(dir_modify(g->d, dn, &mod, 1, &ei), ERR_CONFLICT);
}

static void replacing_by_nothing_removes_even_what_is_absent(void **state)
{
    const struct dir_mod mod = {DIR_MOD_REPLACE, "displayName", 0, NULL};
    struct ground *g = *state;
    struct dir_entry *e;
    struct errinfo ei;
    char dn[512];

    add_named(g, "x", "one");
    contract_child(g, "x", dn);
    assert_ok(dir_modify(g->d, dn, &mod, 1, &ei), &ei);
    assert_ok(dir_modify(g->d, dn, &mod, 1, &ei), &ei);
    e = get(g, "x");
    assert_null(dir_entry_attr(e, "displayName"));
    dir_entry_free(e);
}

static void deleting_a_whole_attribute_needs_it_to_be_there(void **state)
{
    const struct dir_mod mod = {DIR_MOD_DELETE, "displayName", 0, NULL};
    struct ground *g = *state;
    struct errinfo ei;
    char dn[512];

    add_named(g, "x", "one");
    contract_child(g, "x", dn);
    assert_ok(dir_modify(g->d, dn, &mod, 1, &ei), &ei);
    assert_int_equal(dir_modify(g->d, dn, &mod, 1, &ei), ERR_CONFLICT);
}

static void changing_a_missing_entry_is_not_found(void **state)
{
    struct ground *g = *state;
    struct errinfo ei;

    assert_int_equal(swap(g, "missing", "a", "b", &ei), ERR_NOTFOUND);
}

static void deleting_removes_leaves_only(void **state)
{
    struct ground *g = *state;
    struct errinfo ei;
    char dn[512];

    add_container(g, "leaf");
    assert_int_equal(dir_delete(g->d, g->top, &ei), ERR_NOT_NOW);
    contract_child(g, "leaf", dn);
    assert_ok(dir_delete(g->d, dn, &ei), &ei);
    assert_int_equal(dir_delete(g->d, dn, &ei), ERR_NOTFOUND);
}

int main(void)
{
#define t(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        t(the_facts_name_forest_contexts_and_schema),
        t(what_was_added_is_read_back_byte_by_byte),
        t(an_added_entry_has_its_naming_attribute),
        t(a_large_value_survives),
        t(adding_a_taken_name_is_refused_and_changes_nothing),
        t(adding_below_a_missing_parent_is_not_found),
        t(an_object_without_a_required_attribute_breaks_the_schema),
        t(a_missing_entry_is_not_found_and_out_stays),
        t(names_with_special_characters_find_their_entry),
        t(the_name_that_a_search_returns_can_be_used_again),
        t(scopes_reach_the_entry_its_children_and_all_below),
        t(a_missing_base_is_not_found),
        t(equality_finds_the_very_bytes),
        t(filters_combine),
        t(numbers_compare_as_numbers),
        t(only_the_attributes_asked_for_come_back),
        t(pages_together_give_each_entry_once),
        t(a_search_stops_when_told_and_the_session_goes_on),
        t(entries_can_be_changed_while_they_are_searched),
        t(compare_and_modify_takes_place_on_the_old_value_only),
        t(a_modification_happens_whole_or_not_at_all),
        t(adding_a_value_that_is_there_is_a_conflict),
        t(replacing_by_nothing_removes_even_what_is_absent),
        t(deleting_a_whole_attribute_needs_it_to_be_there),
        t(changing_a_missing_entry_is_not_found),
        t(deleting_removes_leaves_only),
    };

    return cmocka_run_group_tests_name("dir_contract", tests, NULL, NULL);
}
