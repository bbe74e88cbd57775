#include "support.h"

#include <string.h>

#include "ldap/dir.h"

static void attribute_names_compare_without_case(void **state)
{
    struct dir_entry *e = dir_entry_new("CN=x");

    (void)state;
    assert_int_equal(dir_entry_add_str(e, "displayName", "one"), ERR_OK);
    assert_int_equal(dir_entry_add_str(e, "DISPLAYNAME", "two"), ERR_OK);
    assert_int_equal(e->n, 1);
    assert_int_equal(dir_entry_attr(e, "displayname")->n, 2);
    assert_string_equal(dir_entry_str(e, "DisplayName"), "one");
    dir_entry_free(e);
}

static void a_value_with_a_nul_is_kept_but_is_no_text(void **state)
{
    struct dir_entry *e = dir_entry_new("CN=x");

    (void)state;
    assert_int_equal(dir_entry_add(e, "objectGUID", "a\0b", 3), ERR_OK);
    assert_int_equal(dir_entry_val(e, "objectGUID")->len, 3);
    assert_memory_equal(dir_entry_val(e, "objectGUID")->data, "a\0b", 4);
    assert_null(dir_entry_str(e, "objectGUID"));
    dir_entry_free(e);
}

static void an_absent_attribute_is_null_everywhere(void **state)
{
    struct dir_entry *e = dir_entry_new("CN=x");

    (void)state;
    assert_null(dir_entry_attr(e, "cn"));
    assert_null(dir_entry_val(e, "cn"));
    assert_null(dir_entry_str(e, "cn"));
    dir_entry_free(e);
    dir_entry_free(NULL);
}

static void an_empty_value_is_an_empty_text(void **state)
{
    struct dir_entry *e = dir_entry_new("CN=x");

    (void)state;
    assert_int_equal(dir_entry_add(e, "description", NULL, 0), ERR_OK);
    assert_string_equal(dir_entry_str(e, "description"), "");
    dir_entry_free(e);
}

/* MS-DTYP 2.4.2.1 names S-1-5-32-544 as BUILTIN\Administrators; its bytes follow 2.4.2.2. */
static void a_security_identifier_has_its_documented_text(void **state)
{
    static const uint8_t admins[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
    char text[DIR_SID_TEXT_MAX];

    (void)state;
    assert_true(dir_sid_format(admins, sizeof(admins), text));
    assert_string_equal(text, "S-1-5-32-544");
}

static void bytes_of_wrong_length_are_no_security_identifier(void **state)
{
    static const uint8_t admins[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0, 0};
    char text[DIR_SID_TEXT_MAX];

    (void)state;
    for (size_t n = 0; n <= sizeof(admins); n++)
        if (n != 16)
            assert_false(dir_sid_format(admins, n, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attribute_names_compare_without_case),
        cmocka_unit_test(a_value_with_a_nul_is_kept_but_is_no_text),
        cmocka_unit_test(an_absent_attribute_is_null_everywhere),
        cmocka_unit_test(an_empty_value_is_an_empty_text),
        cmocka_unit_test(a_security_identifier_has_its_documented_text),
        cmocka_unit_test(bytes_of_wrong_length_are_no_security_identifier),
    };

    return cmocka_run_group_tests_name("dir_entry", tests, NULL, NULL);
}
