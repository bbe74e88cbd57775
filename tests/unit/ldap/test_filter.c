#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "ldap/dir.h"

static void assert_filter(const struct dir_filter *f, const char *expected)
{
    char *text = dir_filter_text(f);

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

/* The examples of RFC 4515 section 4, as far as our tree can say them; where the RFC leaves a
 * character as it is and we escape it, section 3 makes both the same filter. */
static void the_examples_of_rfc_4515_come_out(void **state)
{
    const struct dir_filter paren = {DIR_EQ, "o", "Parens R Us (for all your parenthetical needs)",
                                     46, NULL};
    const struct dir_filter path = {DIR_EQ, "filename", "C:\\MyFile", 9, NULL};
    const struct dir_filter zeros = {DIR_EQ, "bin", "\0\0\0\4", 4, NULL};
    const struct dir_filter utf8 = {DIR_EQ, "sn", "Lu\xc4\x8di\xc4\x87", 7, NULL};
    const struct dir_filter empty = {DIR_EQ, "seeAlso", "", 0, NULL};

    (void)state;
    assert_filter(&paren, "(o=Parens R Us \\28for all your parenthetical needs\\29)");
    assert_filter(&path, "(filename=C:\\5cMyFile)");
    assert_filter(&zeros, "(bin=\\00\\00\\00\\04)");
    assert_filter(&utf8, "(sn=Lu\\c4\\8di\\c4\\87)");
    assert_filter(&empty, "(seeAlso=)");
}

static void an_asterisk_in_a_value_does_not_match_everything(void **state)
{
    const struct dir_filter f = {DIR_EQ, "sAMAccountName", "PC*)(objectClass=*", 18, NULL};

    (void)state;
    assert_filter(&f, "(sAMAccountName=PC\\2a\\29\\28objectClass=\\2a)");
}

static void trees_nest(void **state)
{
    const struct dir_filter computer = {DIR_EQ, "objectClass", "computer", 8, NULL};
    const struct dir_filter named = {DIR_PRESENT, "dNSHostName", NULL, 0, NULL};
    const struct dir_filter changed = {DIR_GE, "uSNChanged", "4711", 4, NULL};
    const struct dir_filter *const one[] = {&named, NULL};
    const struct dir_filter nameless = {DIR_NOT, NULL, NULL, 0, one};
    const struct dir_filter *const either[] = {&nameless, &changed, NULL};
    const struct dir_filter any = {DIR_OR, NULL, NULL, 0, either};
    const struct dir_filter *const both[] = {&computer, &any, NULL};
    const struct dir_filter all = {DIR_AND, NULL, NULL, 0, both};

    (void)state;
    assert_filter(&all, "(&(objectClass=computer)(|(!(dNSHostName=*))(uSNChanged>=4711)))");
}

static void an_incomplete_tree_has_no_text(void **state)
{
    const struct dir_filter nameless = {DIR_EQ, NULL, "x", 1, NULL};
    const struct dir_filter *const none[] = {NULL};
    const struct dir_filter no_sub = {DIR_NOT, NULL, NULL, 0, none};
    const struct dir_filter no_list = {DIR_AND, NULL, NULL, 0, NULL};

    (void)state;
    assert_null(dir_filter_text(&nameless));
    assert_null(dir_filter_text(&no_sub));
    assert_null(dir_filter_text(&no_list));
}

static void a_tree_that_contains_itself_has_no_text(void **state)
{
    struct dir_filter loop = {DIR_NOT, NULL, NULL, 0, NULL};
    const struct dir_filter *const self[] = {&loop, NULL};

    (void)state;
    loop.sub = self;
    assert_null(dir_filter_text(&loop));
}

static void assert_dn(const char *value, const char *expected)
{
    char *text = dir_dn_escape(value);

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

/* RFC 4514 sections 2.4 and 4. */
static void names_escape_what_rfc_4514_lists(void **state)
{
    (void)state;
    assert_dn("James \"Jim\" Smith, III", "James \\\"Jim\\\" Smith\\, III");
    assert_dn("a+b;c<d>e\\f", "a\\+b\\;c\\<d\\>e\\\\f");
    assert_dn("#1", "\\#1");
    assert_dn("1#", "1#");
    assert_dn(" two  blanks ", "\\ two  blanks\\ ");
    assert_dn(" ", "\\ ");
    assert_dn("", "");
    assert_dn("Windows 11 Enterprise/Enterprise N", "Windows 11 Enterprise/Enterprise N");
    assert_dn("Lu\xc4\x8di\xc4\x87", "Lu\xc4\x8di\xc4\x87");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_rfc_4515_come_out),
        cmocka_unit_test(an_asterisk_in_a_value_does_not_match_everything),
        cmocka_unit_test(trees_nest),
        cmocka_unit_test(an_incomplete_tree_has_no_text),
        cmocka_unit_test(a_tree_that_contains_itself_has_no_text),
        cmocka_unit_test(names_escape_what_rfc_4514_lists),
    };

    return cmocka_run_group_tests_name("dir_filter", tests, NULL, NULL);
}
