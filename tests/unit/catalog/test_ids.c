#include <string.h>

#include "catalog/tables.h"
#include "support.h"

static void check_uuid5(const char *space, const char *name, const char *expected)
{
    char text[GUID_TEXT_MAX];
    struct guid ns, id;

    assert_true(guid_parse(space, &ns));
    id = cat_uuid5(&ns, name, strlen(name));
    assert_string_equal(guid_format(&id, text), expected);
}

/* RFC 9562 appendix A.4: the DNS namespace and "www.example.com". */
static void the_example_of_rfc_9562_comes_out(void **state)
{
    (void)state;
    check_uuid5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com",
                "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

static void the_length_decides_where_a_name_ends(void **state)
{
    struct guid a = cat_uuid5(&cat_lab_namespace, "ab\0cd", 5);
    struct guid b = cat_uuid5(&cat_lab_namespace, "ab", 2);

    (void)state;
    assert_false(guid_equal(&a, &b));
}

static void the_lab_namespace_is_the_documented_one(void **state)
{
    char text[GUID_TEXT_MAX];

    (void)state;
    assert_string_equal(guid_format(&cat_lab_namespace, text),
                        "cd19028f-6ae0-43a4-8e83-e8170195a945");
}

/* As published, product_ids.csv. */
static void the_application_ids_are_the_published_ones(void **state)
{
    char text[GUID_TEXT_MAX];

    (void)state;
    assert_string_equal(guid_format(&cat_app_windows, text),
                        "55c92734-d682-4d71-983e-d6ec3f16059f");
    assert_string_equal(guid_format(&cat_app_office, text), "0ff1ce15-a989-479d-af46-f275c6370663");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_rfc_9562_comes_out),
        cmocka_unit_test(the_length_decides_where_a_name_ends),
        cmocka_unit_test(the_lab_namespace_is_the_documented_one),
        cmocka_unit_test(the_application_ids_are_the_published_ones),
    };

    return cmocka_run_group_tests_name("catalog_ids", tests, NULL, NULL);
}
