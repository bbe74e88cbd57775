#include "support.h"

#include <stdio.h>
#include <string.h>

#include "fakedir.h"
#include "ldap/computer.h"

#define DOMAIN "DC=lab,DC=example"
#define PC01   "CN=PC01,CN=Computers," DOMAIN

/* S-1-5-21-1-2-3 */
static const uint8_t domain_sid[24] = {1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0,
                                       1, 0, 0, 0, 2, 0, 0, 0, 3,  0, 0, 0};

static int set_up(void **state)
{
    struct dir *d = fakedir_new("lab.example", "lab.example");

    fakedir_set(d, DOMAIN, "rIDNextRID", "1000", 4);
    fakedir_set(d, DOMAIN, "objectSid", domain_sid, sizeof(domain_sid));
    *state = d;
    return 0;
}

static int tear_down(void **state)
{
    dir_close(*state);
    return 0;
}

static void add_pc01(struct dir *d)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    struct errinfo ei;

    assert_ok(computer_add(d, "PC01", "secret", 1234, &rng, &ei), &ei);
}

static enum err keep_first(void *arg, const struct computer *c, struct errinfo *ei)
{
    char *text = arg;

    (void)ei;
    snprintf(text, 256, "%s|%s|%s|%s", c->name, c->dns_host_name, c->sid,
             c->enabled ? "enabled" : "disabled");
    assert_false(guid_is_zero(&c->guid));
    return ERR_OK;
}

static void an_added_account_is_listed_with_its_facts(void **state)
{
    struct errinfo ei;
    char text[256] = "";

    add_pc01(*state);
    assert_ok(computer_each(*state, keep_first, text, &ei), &ei);
    assert_string_equal(text, "PC01|pc01.lab.example|S-1-5-21-1-2-3-1234|enabled");
}

static void numbers_are_taken_once(void **state)
{
    struct errinfo ei;
    uint32_t first = 0;

    assert_ok(computer_reserve_rids(*state, 10, &first, &ei), &ei);
    assert_int_equal(first, 1000);
    assert_ok(computer_reserve_rids(*state, 1, &first, &ei), &ei);
    assert_int_equal(first, 1010);
}

static void a_number_taken_by_somebody_else_in_between_is_left_to_them(void **state)
{
    struct errinfo ei;
    uint32_t first = 0;

    fakedir_fail_next(*state, "modify", ERR_CONFLICT);
    assert_ok(computer_reserve_rids(*state, 1, &first, &ei), &ei);
    assert_int_equal(first, 1000);
    assert_string_equal(dir_entry_str(fakedir_entry(*state, DOMAIN), "rIDNextRID"), "1001");
}

/* 0x10000 DONT_EXPIRE_PASSWORD, 0x1000 WORKSTATION_TRUST_ACCOUNT, 2 ACCOUNTDISABLE. */
static void disabling_and_enabling_touch_one_bit_alone(void **state)
{
    struct errinfo ei;
    bool changed = false;

    add_pc01(*state);
    fakedir_set(*state, PC01, "userAccountControl", "69632", 5);
    assert_ok(computer_enable(*state, "PC01", false, &changed, &ei), &ei);
    assert_true(changed);
    assert_string_equal(dir_entry_str(fakedir_entry(*state, PC01), "userAccountControl"), "69634");
    assert_ok(computer_enable(*state, "PC01", false, &changed, &ei), &ei);
    assert_false(changed);
    assert_ok(computer_enable(*state, "PC01", true, &changed, &ei), &ei);
    assert_true(changed);
    assert_string_equal(dir_entry_str(fakedir_entry(*state, PC01), "userAccountControl"), "69632");
}

static void on_ad_ds_an_account_gets_its_names_and_a_quoted_password(void **state)
{
    static const uint8_t wide[] = {'"', 0, 'p', 0, '1', 0, '"', 0};
    const struct dir_entry *entry;
    const struct dir_val *password;
    struct errinfo ei;

    fakedir_facts(*state)->ad_ds = true;
    assert_ok(computer_create(*state, "Pc02", "p1", &ei), &ei);
    entry = fakedir_entry(*state, "CN=Pc02,CN=Computers," DOMAIN);
    assert_non_null(entry);
    assert_string_equal(dir_entry_str(entry, "sAMAccountName"), "PC02$");
    assert_string_equal(dir_entry_str(entry, "userAccountControl"), "4096");
    assert_string_equal(dir_entry_str(entry, "dNSHostName"), "pc02.lab.example");
    assert_int_equal(dir_entry_attr(entry, "servicePrincipalName")->n, 2);
    password = dir_entry_val(entry, "unicodePwd");
    assert_non_null(password);
    assert_int_equal(password->len, sizeof(wide));
    assert_memory_equal(password->data, wide, sizeof(wide));
    assert_int_equal(computer_create(*state, "Pc02", "p1", &ei), ERR_EXISTS);
}

static void on_ad_ds_an_account_is_found_wherever_it_is(void **state)
{
    static const char moved[] = "CN=PC03,OU=Desks," DOMAIN;
    struct errinfo ei;
    uint32_t kvno = 0;

    fakedir_facts(*state)->ad_ds = true;
    assert_ok(computer_create(*state, "PC03", "p1", &ei), &ei);
    fakedir_rename(*state, "CN=PC03,CN=Computers," DOMAIN, moved);
    fakedir_set(*state, moved, "msDS-KeyVersionNumber", "7", 1);
    assert_ok(computer_key_version(*state, "PC03", &kvno, &ei), &ei);
    assert_int_equal(kvno, 7);
    assert_ok(computer_enable(*state, "PC03", false, NULL, &ei), &ei);
    assert_string_equal(dir_entry_str(fakedir_entry(*state, moved), "userAccountControl"), "4098");
    assert_ok(computer_remove(*state, "PC03", &ei), &ei);
    assert_null(fakedir_entry(*state, moved));
    assert_int_equal(computer_remove(*state, "PC03", &ei), ERR_NOTFOUND);
}

/* 0x82000: SERVER_TRUST_ACCOUNT, TRUSTED_FOR_DELEGATION */
static void a_domain_controller_is_neither_disabled_nor_removed(void **state)
{
    static const char dc[] = "CN=DC1,CN=Computers," DOMAIN;
    struct errinfo ei;

    fakedir_facts(*state)->ad_ds = true;
    assert_ok(computer_create(*state, "DC1", "p1", &ei), &ei);
    fakedir_set(*state, dc, "userAccountControl", "532480", 6);
    assert_int_equal(computer_enable(*state, "DC1", false, NULL, &ei), ERR_REFUSED);
    assert_int_equal(computer_remove(*state, "DC1", &ei), ERR_REFUSED);
    assert_string_equal(dir_entry_str(fakedir_entry(*state, dc), "userAccountControl"), "532480");
}

static void each_kind_of_directory_has_its_own_way_of_adding(void **state)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    size_t before = fakedir_count(*state);
    uint32_t first;
    struct errinfo ei;

    assert_int_equal(computer_create(*state, "PC02", "secret", &ei), ERR_REFUSED);
    fakedir_facts(*state)->ad_ds = true;
    assert_int_equal(computer_reserve_rids(*state, 1, &first, &ei), ERR_REFUSED);
    assert_int_equal(computer_add(*state, "PC02", "secret", 1, &rng, &ei), ERR_REFUSED);
    assert_int_equal(fakedir_count(*state), before);
}

int main(void)
{
#define t(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        t(an_added_account_is_listed_with_its_facts),
        t(numbers_are_taken_once),
        t(a_number_taken_by_somebody_else_in_between_is_left_to_them),
        t(disabling_and_enabling_touch_one_bit_alone),
        t(on_ad_ds_an_account_gets_its_names_and_a_quoted_password),
        t(on_ad_ds_an_account_is_found_wherever_it_is),
        t(a_domain_controller_is_neither_disabled_nor_removed),
        t(each_kind_of_directory_has_its_own_way_of_adding),
    };

    return cmocka_run_group_tests_name("dir_computer", tests, NULL, NULL);
}
