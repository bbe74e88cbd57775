#include "support.h"

#include <krb5.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/rng.h"
#include "ldap/machine_key.h"

/* Of the password "Passw0rd" with the salt "LAB.EXAMPLEhostpc01.lab.example", as impacket makes
 * them (RFC 3962 with 4096 rounds). */
#define AES256 "5d6c16b06c04374c9f76a76384f2fd1954dc841377728b84dfe98cbf93305557"
#define AES128 "9cfe280909d4f30b8726a9cb7411ec34"

static const struct machine_key pc01 = {
    .name = "Pc01", .domain = "Lab.Example", .password = "Passw0rd", .kvno = 300};

/* What libkrb5 reads of the keytab at path. */
static void assert_key(const char *path, const char *principal, krb5_enctype type, const char *hex)
{
    char name[300], text[100] = "";
    krb5_keytab_entry entry;
    krb5_context ctx;
    krb5_keytab keytab;
    krb5_principal who;

    assert_int_equal(krb5_init_context(&ctx), 0);
    snprintf(name, sizeof(name), "FILE:%s", path);
    assert_int_equal(krb5_kt_resolve(ctx, name, &keytab), 0);
    assert_int_equal(krb5_parse_name(ctx, principal, &who), 0);
    assert_int_equal(krb5_kt_get_entry(ctx, keytab, who, 300, type, &entry), 0);
    for (unsigned i = 0; i < entry.key.length; i++)
        snprintf(text + 2 * i, 3, "%02x", entry.key.contents[i]);
    assert_string_equal(text, hex);
    krb5_free_keytab_entry_contents(ctx, &entry);
    krb5_free_principal(ctx, who);
    krb5_kt_close(ctx, keytab);
    krb5_free_context(ctx);
}

static void a_keytab_is_private_and_libkrb5_finds_the_accounts_keys_in_it(void **state)
{
    static const char *const principals[] = {"PC01$@LAB.EXAMPLE",
                                             "host/pc01.lab.example@LAB.EXAMPLE"};
    char folder[256], path[300];
    struct errinfo ei;
    struct stat st;

    (void)state;
    test_folder(folder);
    snprintf(path, sizeof(path), "%s/keytab", folder);
    assert_ok(machine_keytab_create(path, &pc01, &ei), &ei);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    for (int i = 0; i < 2; i++) {
        assert_key(path, principals[i], ENCTYPE_AES256_CTS_HMAC_SHA1_96, AES256);
        assert_key(path, principals[i], ENCTYPE_AES128_CTS_HMAC_SHA1_96, AES128);
    }
    test_folder_remove(folder);
}

static void a_keytab_that_is_there_is_replaced_only_on_purpose(void **state)
{
    struct machine_key other = pc01;
    char folder[256], path[300];
    struct errinfo ei;

    (void)state;
    other.kvno = 1;
    test_folder(folder);
    snprintf(path, sizeof(path), "%s/keytab", folder);
    assert_ok(machine_keytab_create(path, &other, &ei), &ei);
    assert_int_equal(machine_keytab_create(path, &pc01, &ei), ERR_EXISTS);
    assert_ok(machine_keytab_replace(path, &pc01, &ei), &ei);
    assert_key(path, "PC01$@LAB.EXAMPLE", ENCTYPE_AES128_CTS_HMAC_SHA1_96, AES128);
    test_folder_remove(folder);
}

static void a_name_that_is_none_makes_no_keys(void **state)
{
    struct machine_key bad = pc01;
    struct buf out = BUF_INIT;
    struct errinfo ei;

    (void)state;
    bad.name = "a name";
    assert_int_equal(machine_keytab(&bad, &out, &ei), ERR_USAGE);
    bad.name = pc01.name;
    bad.domain = "";
    assert_int_equal(machine_keytab(&bad, &out, &ei), ERR_USAGE);
    assert_int_equal(out.len, 0);
}

static void passwords_differ_and_have_four_kinds_of_characters(void **state)
{
    char one[MACHINE_PASSWORD_MAX], two[MACHINE_PASSWORD_MAX];
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);

    (void)state;
    machine_password(&rng, one);
    machine_password(&rng, two);
    assert_string_not_equal(one, two);
    assert_int_equal(strlen(one), 52);
    assert_int_equal(strcspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 0);
    assert_true(strpbrk(one, "abcdef") != NULL && strpbrk(one, "0123456789") != NULL &&
                strchr(one, '-') != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_keytab_is_private_and_libkrb5_finds_the_accounts_keys_in_it),
        cmocka_unit_test(a_keytab_that_is_there_is_replaced_only_on_purpose),
        cmocka_unit_test(a_name_that_is_none_makes_no_keys),
        cmocka_unit_test(passwords_differ_and_have_four_kinds_of_characters),
    };

    return cmocka_run_group_tests_name("machine_key", tests, NULL, NULL);
}
