#include "catalog/hosting.h"

#include "with_catalog.h"

static void a_system_is_named_by_alias_and_with_an_edition(void **state)
{
    const char *edition;

    assert_string_equal(catalog_system(*state, "ws2022", &edition), "Windows Server 2022");
    assert_null(edition);
    assert_string_equal(catalog_system(*state, "Windows Server 2022 Azure Edition", &edition),
                        "Windows Server 2022");
    assert_string_equal(edition, "Datacenter: Azure Edition");
    assert_null(catalog_system(*state, "Windows Server 1066", &edition));
}

/* Expected values: the rows of host_key_groups.csv, read by a person. */
static void the_tables_say_where_a_host_may_run(void **state)
{
    static const struct {
        const char *group, *system, *edition;
        enum cat_hosting verdict;
    } table[] = {
        {"Volume License for Windows Server 2025", "Windows Server 2019", NULL, CAT_HOSTING_OK},
        {"Volume License for Windows Server 2025", "Windows Server 2016", NULL,
         CAT_HOSTING_DISPUTED},
        {"Volume License for Windows Server 2025", "Windows Server 2012 R2", NULL,
         CAT_HOSTING_UNLISTED},
        {"Volume License for Windows Server 2025", "Windows Server 2025",
         "Datacenter: Azure Edition", CAT_HOSTING_EDITION},
        {"Volume License for Windows Server 2025", "Windows Server 2025", "Datacenter",
         CAT_HOSTING_OK},
        {"Volume License for Windows Server 2022", "Windows 10", NULL, CAT_HOSTING_UNLISTED},
        {"Volume License for Windows Server 2012 R2", "Windows Server 2008", NULL,
         CAT_HOSTING_DISPUTED},
        {"Volume License for Windows 10", "Windows 10", NULL, CAT_HOSTING_OK},
        {"Volume License for Windows 10", "Windows 10 LTSC 2021", NULL, CAT_HOSTING_OK},
        {"Office LTSC 2024 KMS host key", "Windows Server 2025", NULL, CAT_HOSTING_OK},
        {"Office LTSC 2024 KMS host key", "Windows Server 2019", NULL, CAT_HOSTING_UNLISTED},
        {"Office LTSC 2024 KMS host key", "Windows 11", NULL, CAT_HOSTING_OK},
        {"Office LTSC 2024 KMS host key", "Windows 8.1", NULL, CAT_HOSTING_UNLISTED},
        {"Office 2013 KMS host key", "Windows Server 2012 R2", NULL, CAT_HOSTING_UNLISTED},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct cat_host *row;
        enum cat_hosting got = catalog_hosting(*state, catalog_group(*state, table[i].group),
                                               table[i].system, table[i].edition, &row);

        if (got != table[i].verdict)
            fail_msg("row %zu (%s on %s): %d", i, table[i].group, table[i].system, got);
        assert_int_equal(row == NULL, got == CAT_HOSTING_UNLISTED);
    }
}

static void a_need_lists_the_updates_of_the_pair(void **state)
{
    struct cat_need n;

    catalog_need(*state, "Windows Server 2016", "Windows Server 2019", &n);
    assert_int_equal(n.count, 2);
    assert_string_equal(n.any_of[0].update, "KB5003638");
    assert_string_equal(n.any_of[1].update, "KB4478877");
    catalog_need(*state, "Windows Server 2012 R2", "Windows 10 LTSC 2021", &n);
    assert_string_equal(n.any_of[0].update, "KB4467695");
    catalog_need(*state, "Windows Server 2022", "Windows 10", &n);
    assert_int_equal(n.count, 0);
    assert_true(catalog_need_met(*state, "Windows Server 2022", &n, NULL, 0));
    catalog_need(*state, "Windows Server 2008", "Windows 10", &n);
    assert_true(n.impossible);
}

static void a_later_update_of_the_same_system_satisfies_a_need(void **state)
{
    static const struct {
        const char *installed;
        bool met;
    } table[] = {{"KB4478877", true},
                 {"kb5003638", true},
                 {"KB4467695", false},  /* of another system */
                 {"KB9999999", false}}; /* nobody knows what it holds */
    struct cat_need n;

    catalog_need(*state, "Windows Server 2016", "Windows Server 2019", &n);
    assert_false(catalog_need_met(*state, "Windows Server 2016", &n, NULL, 0));
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_int_equal(
            catalog_need_met(*state, "Windows Server 2016", &n, &table[i].installed, 1),
            table[i].met);
    catalog_need(*state, "Windows Server 2008 R2", "Windows 8.1", &n);
    assert_string_equal(n.any_of[0].update, "KB2885698");
    assert_true(catalog_need_met(*state, "Windows Server 2008 R2", &n,
                                 (const char *const[]){"KB3079821"}, 1));
    assert_false(catalog_need_met(*state, "Windows Server 2008 R2", &n,
                                  (const char *const[]){"KB2757817"}, 1));
}

static void a_key_needs_what_its_newest_products_need(void **state)
{
    struct cat_need n[CAT_KEY_NEEDS_MAX];
    const struct cat_group *g = catalog_group(*state, "Volume License for Windows Server 2025");

    assert_int_equal(catalog_key_needs(*state, g, "Windows Server 2022", n), 1);
    assert_string_equal(n[0].what, "Windows Server 2025");
    assert_string_equal(n[0].any_of[0].update, "KB5034765");
    assert_int_equal(catalog_key_needs(*state, g, "Windows Server 2025", n), 0);
    g = catalog_group(*state, "Windows Server 2012 R2 for Windows 10");
    assert_int_equal(catalog_key_needs(*state, g, "Windows Server 2012", n), 2);
    assert_string_equal(n[1].what, "Windows 10");
    g = catalog_group(*state, "Office 2013 KMS host key");
    assert_int_equal(catalog_key_needs(*state, g, "Windows Server 2008 R2", n), 1);
    assert_string_equal(n[0].any_of[0].update, "KB2757817");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_system_is_named_by_alias_and_with_an_edition),
        cmocka_unit_test(the_tables_say_where_a_host_may_run),
        cmocka_unit_test(a_need_lists_the_updates_of_the_pair),
        cmocka_unit_test(a_later_update_of_the_same_system_satisfies_a_need),
        cmocka_unit_test(a_key_needs_what_its_newest_products_need),
    };

    return cmocka_run_group_tests_name("catalog_hosting", tests, load, unload);
}
