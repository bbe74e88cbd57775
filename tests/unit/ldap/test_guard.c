#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "fakedir.h"

struct kind {
    bool ad_ds, lab_marked, read_only;
    const char *forest;     /* NULL: the directory does not say */
    const char *lab_forest; /* as configured; NULL: not */
    enum err expected;
    const char *says;
};

static const struct kind kinds[] = {
    {true, false, false, "lab.example", "lab.example", ERR_OK, ""},
    {true, false, false, "lab.example", "LAB.Example", ERR_OK, ""},
    {true, false, false, "corp.example", "lab.example", ERR_REFUSED, "its forest is corp.example"},
    {true, false, false, "sub.lab.example", "lab.example", ERR_REFUSED, "sub.lab.example"},
    {true, false, false, "lab.example", NULL, ERR_REFUSED, "set lab_forest"},
    {true, false, false, "lab.example", "", ERR_REFUSED, "set lab_forest"},
    {true, false, false, NULL, "lab.example", ERR_REFUSED, "forest is unknown"},
    {true, false, true, "lab.example", "lab.example", ERR_READONLY, "name a writable one"},
    {true, false, true, "corp.example", "lab.example", ERR_REFUSED, "corp.example"},
    {false, true, false, "lab.example", "lab.example", ERR_OK, ""},
    {false, true, false, "lab.example", NULL, ERR_REFUSED, "set lab_forest"},
    {false, true, false, "other.example", "lab.example", ERR_REFUSED, "other.example"},
    {false, false, false, "lab.example", "lab.example", ERR_REFUSED, "adbactl lab up"},
    {false, false, false, NULL, NULL, ERR_REFUSED, "set lab_forest"},
};

static struct dir *directory_of(const struct kind *k)
{
    struct dir *d = fakedir_new("lab.example", k->lab_forest);
    struct dir_facts *f = fakedir_facts(d);

    f->ad_ds = k->ad_ds;
    f->lab_marked = k->lab_marked;
    f->read_only = k->read_only;
    free(f->forest);
    f->forest = k->forest == NULL ? NULL : strdup(k->forest);
    return d;
}

static void the_guard_allows_the_lab_forest_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct dir *d = directory_of(&kinds[i]);
        struct errinfo ei = {0};

        if (dir_guard(d, &ei) != kinds[i].expected)
            fail_msg("row %zu: %s (%s)", i, err_name(ei.code), ei.text);
        assert_contains(ei.text, kinds[i].says);
        dir_close(d);
    }
}

static void a_refused_directory_stays_as_it_was(void **state)
{
    static const char base[] = "CN=Computers,DC=lab,DC=example";
    struct dir_val v = {.len = 1, .data = (uint8_t *)(uintptr_t) "x"};
    const struct dir_mod mod = {.op = DIR_MOD_ADD, .attr = "description", .n = 1, .vals = &v};
    struct dir *d = fakedir_new("corp.example", "lab.example");
    struct dir_entry *e = dir_entry_new("CN=PC01,CN=Computers,DC=corp,DC=example");
    size_t before = fakedir_count(d);
    struct errinfo ei;

    (void)state;
    assert_int_equal(dir_entry_add_str(e, "objectClass", "computer"), ERR_OK);
    assert_int_equal(dir_add(d, e, &ei), ERR_REFUSED);
    assert_int_equal(dir_modify(d, base, &mod, 1, &ei), ERR_REFUSED);
    assert_int_equal(dir_delete(d, base, &ei), ERR_REFUSED);
    assert_int_equal(fakedir_count(d), before);
    dir_entry_free(e);
    dir_close(d);
}

static void a_refused_directory_can_be_read(void **state)
{
    struct dir *d = fakedir_new("corp.example", NULL);
    struct dir_entry *e = NULL;
    struct errinfo ei;

    (void)state;
    assert_ok(dir_get(d, "CN=Computers,DC=corp,DC=example", NULL, &e, &ei), &ei);
    assert_string_equal(dir_entry_str(e, "cn"), "Computers");
    dir_entry_free(e);
    dir_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guard_allows_the_lab_forest_and_nothing_else),
        cmocka_unit_test(a_refused_directory_stays_as_it_was),
        cmocka_unit_test(a_refused_directory_can_be_read),
    };

    return cmocka_run_group_tests_name("dir_guard", tests, NULL, NULL);
}
