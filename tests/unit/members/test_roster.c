#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "members/roster.h"

static const uint8_t some_sid[28] = {1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 2, 3, 4};

static struct guid id_of(uint32_t n)
{
    struct guid id = {{0xab}};

    memcpy(id.b + 8, &n, sizeof(n));
    return id;
}

static void set(struct roster *r, uint32_t id, const char *name, const char *dns, bool enabled)
{
    uint8_t sid[28];
    struct member m = {.id = id_of(id),
                       .guid = id_of(id + 1000000),
                       .name = name,
                       .dns_name = dns,
                       .dn = "CN=x,DC=lab,DC=example",
                       .sid = sid,
                       .sid_len = sizeof(sid),
                       .enabled = enabled};

    memcpy(sid, some_sid, sizeof(sid));
    memcpy(sid + 24, &id, sizeof(id));
    assert_int_equal(roster_set(r, &m, NULL), ERR_OK);
}

static void account_is_found_by_every_key(void **state)
{
    struct roster *r = roster_new();
    struct member m;
    uint8_t sid[28];
    uint32_t rid = 7;
    struct guid id = id_of(7);

    (void)state;
    memcpy(sid, some_sid, sizeof(sid));
    memcpy(sid + 24, &rid, sizeof(rid));
    set(r, 7, "PC07", "pc07.lab.example", true);
    set(r, 8, "PC08", "pc08.lab.example", false);
    assert_int_equal(roster_by_name(r, "PC07", &m), 1);
    assert_string_equal(m.dns_name, "pc07.lab.example");
    assert_string_equal(m.dn, "CN=x,DC=lab,DC=example");
    assert_true(m.enabled);
    assert_int_equal(roster_by_dns(r, "pc08.lab.example", &m), 1);
    assert_string_equal(m.name, "PC08");
    assert_false(m.enabled);
    assert_int_equal(roster_by_sid(r, sid, sizeof(sid), &m), 1);
    assert_string_equal(m.name, "PC07");
    assert_true(roster_by_id(r, &id, &m));
    assert_string_equal(m.name, "PC07");
    id = id_of(1000008);
    assert_int_equal(roster_by_guid(r, &id, &m), 1);
    assert_string_equal(m.name, "PC08");
    assert_int_equal(roster_count(r), 2);
    assert_int_equal(roster_disabled(r), 1);
    roster_unref(r);
}

static void names_compare_without_case_dollar_or_last_dot(void **state)
{
    struct roster *r = roster_new();
    struct member m;

    (void)state;
    set(r, 1, "Desk-04", "Desk-04.Lab.Example", true);
    assert_int_equal(roster_by_name(r, "DESK-04$", &m), 1);
    assert_int_equal(roster_by_name(r, "desk-04", &m), 1);
    assert_int_equal(roster_by_dns(r, "desk-04.LAB.example.", &m), 1);
    assert_int_equal(roster_by_name(r, "desk-0", &m), 0);
    assert_int_equal(roster_by_name(r, "desk-044", &m), 0);
    assert_int_equal(roster_by_name(r, "", &m), 0);
    assert_int_equal(roster_by_name(r, "$", &m), 0);
    /* '@' and '`', '[' and '{' differ by the bit that tells letters' case. */
    set(r, 2, "A[1]", "", true);
    assert_int_equal(roster_by_name(r, "a{1}", &m), 0);
    assert_int_equal(roster_by_name(r, "a[1]", &m), 1);
    roster_unref(r);
}

static void accounts_that_share_a_name_are_counted(void **state)
{
    struct roster *r = roster_new();
    struct member m;

    (void)state;
    set(r, 1, "PC01", "same.lab.example", true);
    set(r, 2, "PC02", "SAME.lab.example", true);
    assert_int_equal(roster_by_dns(r, "same.lab.example", &m), 2);
    assert_int_equal(roster_by_dns(r, "", &m), 0);
    roster_unref(r);
}

static void setting_the_same_id_replaces_all_keys(void **state)
{
    struct roster *r = roster_new();
    struct member m;

    (void)state;
    set(r, 1, "OLD", "old.lab.example", true);
    set(r, 1, "NEW", "", false);
    assert_int_equal(roster_count(r), 1);
    assert_int_equal(roster_disabled(r), 1);
    assert_int_equal(roster_by_name(r, "OLD", &m), 0);
    assert_int_equal(roster_by_dns(r, "old.lab.example", &m), 0);
    assert_int_equal(roster_by_name(r, "NEW", &m), 1);
    assert_false(m.enabled);
    roster_unref(r);
}

static void copy_is_independent(void **state)
{
    struct roster *r = roster_new();
    struct roster *copy;
    struct guid one = id_of(1);
    struct member m;

    (void)state;
    set(r, 1, "PC01", "", true);
    set(r, 2, "PC02", "", true);
    set(r, 2, "PC02B", "", true);
    copy = roster_copy(r);
    assert_int_equal(roster_remove(copy, &one), ERR_OK);
    assert_int_equal(roster_remove(copy, &one), ERR_NOTFOUND);
    set(copy, 3, "PC03", "", true);
    assert_int_equal(roster_by_name(r, "PC01", &m), 1);
    assert_int_equal(roster_by_name(r, "PC03", &m), 0);
    assert_int_equal(roster_by_name(copy, "PC01", &m), 0);
    assert_int_equal(roster_by_name(copy, "PC02B", &m), 1);
    assert_int_equal(roster_by_name(copy, "PC03", &m), 1);
    roster_unref(r);
    assert_int_equal(roster_by_name(copy, "PC02B", &m), 1);
    roster_unref(copy);
}

static void texts_that_are_too_long_are_refused(void **state)
{
    struct roster *r = roster_new();
    char text[ROSTER_DN_MAX + 2];
    struct member m = {.name = "A", .dns_name = "", .dn = text};

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(roster_set(r, &m, NULL), ERR_LIMIT);
    text[ROSTER_DN_MAX] = '\0';
    assert_int_equal(roster_set(r, &m, NULL), ERR_OK);
    m.name = "";
    assert_int_equal(roster_set(r, &m, NULL), ERR_LIMIT);
    assert_int_equal(roster_count(r), 1);
    roster_unref(r);
}

/* Against the simplest model there is: an array. */
#define MODEL 700 /* some blocks */

static void check_against(const struct roster *r, const uint32_t *model)
{
    size_t count = 0;

    for (uint32_t i = 0; i < MODEL; i++) {
        struct guid id = id_of(i);
        char name[32];
        struct member m;

        snprintf(name, sizeof(name), "PC%u", model[i] == 0 ? i : model[i]);
        count += model[i] != 0;
        assert_int_equal(roster_by_id(r, &id, &m), model[i] != 0);
        if (model[i] != 0) {
            assert_string_equal(m.name, name);
            assert_int_equal(roster_by_name(r, name, &m), 1);
            assert_true(guid_equal(&m.id, &id));
        }
    }
    assert_int_equal(roster_count(r), count);
}

static void random_changes_agree_with_a_plain_array(void **state)
{
    struct rng_seeded seed;
    struct rng rng = test_rng(&seed);
    uint32_t model[MODEL] = {0}, names = 1000;
    struct roster *r = roster_new();

    (void)state;
    for (int step = 0; step < 20000; step++) {
        uint32_t i = (uint32_t)rng_below(&rng, MODEL);
        struct guid id = id_of(i);
        char name[32];

        if (rng_below(&rng, 3) == 0) {
            assert_int_equal(roster_remove(r, &id), model[i] != 0 ? ERR_OK : ERR_NOTFOUND);
            model[i] = 0;
        } else {
            model[i] = ++names;
            snprintf(name, sizeof(name), "PC%u", names);
            set(r, i, name, "", true);
        }
        if (step % 1000 == 999) {
            struct roster *copy = roster_copy(r);

            check_against(r, model);
            roster_unref(r);
            r = copy;
            check_against(r, model);
        }
    }
    roster_unref(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(account_is_found_by_every_key),
        cmocka_unit_test(names_compare_without_case_dollar_or_last_dot),
        cmocka_unit_test(accounts_that_share_a_name_are_counted),
        cmocka_unit_test(setting_the_same_id_replaces_all_keys),
        cmocka_unit_test(copy_is_independent),
        cmocka_unit_test(texts_that_are_too_long_are_refused),
        cmocka_unit_test(random_changes_agree_with_a_plain_array),
    };

    return cmocka_run_group_tests_name("roster", tests, NULL, NULL);
}
