/* The built-in tables; what is expected here is in the published pages they were made of. */
#include <string.h>

#include "with_catalog.h"

static const struct cat_product *product(void **state, const char *name, const char *edition)
{
    const struct cat_product *p = catalog_product(*state, name, edition);

    if (p == NULL)
        fail_msg("no product \"%s\" \"%s\"", name, edition == NULL ? "(none)" : edition);
    return p;
}

static const struct cat_group *group(void **state, const char *name)
{
    const struct cat_group *g = catalog_group(*state, name);

    if (g == NULL)
        fail_msg("no group \"%s\"", name);
    return g;
}

static void a_client_edition_has_its_facts(void **state)
{
    const struct cat_product *p = product(state, "Windows 11", "Enterprise");

    assert_string_equal(p->product, "Windows 11");
    assert_string_equal(p->edition, "Enterprise");
    assert_string_equal(p->setup_key, "NPPR9-FWDCX-D2C8J-H872K-2YT43");
    assert_int_equal(p->family, CAT_CLIENT);
    assert_int_equal(p->required_count, 25);
    assert_int_equal(p->protocol, 6);
    assert_true(p->adba);
    assert_true(guid_equal(&p->application_id, &cat_app_windows));
}

static void a_server_edition_has_its_facts(void **state)
{
    const struct cat_product *p = product(state, "Windows Server 2022", "Datacenter");

    assert_string_equal(p->setup_key, "WX4NM-KYWYW-QJJR4-XV3QB-6VM33");
    assert_int_equal(p->family, CAT_SERVER);
    assert_int_equal(p->required_count, 5);
    assert_true(guid_equal(&p->application_id, &cat_app_windows));
}

static void an_office_edition_has_its_facts(void **state)
{
    const struct cat_product *p =
        product(state, "Office LTSC 2024", "Office LTSC Professional Plus 2024");

    assert_string_equal(p->setup_key, "XJ2XN-FW8RK-P4HMP-DKDBV-GCVGB");
    assert_int_equal(p->family, CAT_OFFICE);
    assert_int_equal(p->required_count, 5);
    assert_true(guid_equal(&p->application_id, &cat_app_office));
}

static void the_generation_decides_protocol_and_directory_activation(void **state)
{
    static const struct {
        const char *name, *edition;
        unsigned protocol;
        bool adba;
    } table[] = {
        {"Windows Vista", "Business", 4, false},
        {"Windows 7", "Enterprise", 4, false},
        {"Windows Server 2008", "Standard", 4, false},
        {"Windows Server 2008 R2", "Datacenter", 4, false},
        {"Office 2010", "Office Professional Plus 2010", 4, false},
        {"Windows 8", "Pro", 5, true},
        {"Windows Server 2012", "Standard", 5, true},
        {"Office 2013", "Office Standard 2013", 5, true},
        {"Windows 8.1", "Pro", 6, true},
        {"Windows Server 2012 R2", "Standard", 6, true},
        {"Windows 10", "Pro", 6, true},
        {"Windows Server 2025", "Standard", 6, true},
        {"Office 2016", "Word 2016", 6, true},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct cat_product *p = product(state, table[i].name, table[i].edition);

        assert_int_equal(p->protocol, table[i].protocol);
        assert_int_equal(p->adba, table[i].adba);
    }
}

static void names_and_aliases_are_found_in_any_case(void **state)
{
    const struct cat_product *p =
        product(state, "Windows Server 2022", "Datacenter: Azure Edition");

    assert_ptr_equal(product(state, "WINDOWS SERVER 2022", "datacenter: azure edition"), p);
    assert_ptr_equal(product(state, "ws2022", "Azure Edition"), p);
    assert_ptr_equal(product(state, "Office LTSC 2024", "Professional Plus"),
                     product(state, "Office LTSC 2024", "Office LTSC Professional Plus 2024"));
    assert_ptr_equal(product(state, "Windows 7 SP1", "Professional"),
                     product(state, "Windows 7", "Professional"));
}

static void without_an_edition_a_full_name_is_understood(void **state)
{
    assert_ptr_equal(product(state, "Windows 11 Pro for Workstations", NULL),
                     product(state, "Windows 11", "Pro for Workstations"));
    assert_ptr_equal(product(state, "server 2019 essentials", NULL),
                     product(state, "Windows Server 2019", "Essentials"));
}

static void without_an_edition_a_product_of_several_is_not_guessed(void **state)
{
    assert_null(catalog_product(*state, "Windows 11", NULL));
}

static void what_does_not_exist_is_not_found(void **state)
{
    static const struct guid nobody = {{1}};

    assert_null(catalog_product(*state, "Windows 12", "Enterprise"));
    assert_null(catalog_product(*state, "Windows 11", "Ultimate"));
    assert_null(catalog_product(*state, "", ""));
    assert_null(catalog_product(*state, "Windows 12", NULL));
    assert_null(catalog_product_by_key(*state, "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", NULL));
    assert_null(catalog_product_by_activation_id(*state, &nobody));
    assert_null(catalog_product_by_kms_id(*state, &nobody));
    assert_null(catalog_kms_name(*state, &nobody));
    assert_null(catalog_group(*state, "Volume License"));
    assert_null(catalog_error(*state, 1));
    assert_null(catalog_event(*state, 1));
}

static void a_system_that_is_a_host_only_is_no_product(void **state)
{
    assert_null(catalog_product(*state, "Windows Server 2003", NULL));
}

static void a_shared_key_gives_the_preferred_product(void **state)
{
    static const char key[] = "npPR9-FWDCX-D2C8J-H872K-2YT43";
    const struct cat_product *ten = product(state, "Windows 10", "Enterprise");
    const struct cat_product *eleven = product(state, "Windows 11", "Enterprise");

    assert_ptr_equal(catalog_product_by_key(*state, key, NULL), eleven);
    assert_ptr_equal(catalog_product_by_key(*state, key, ten), ten);
    assert_ptr_equal(catalog_product_by_key(*state, key, product(state, "Windows 7", "Enterprise")),
                     eleven);
}

static void a_product_without_a_published_key_has_none(void **state)
{
    assert_null(product(state, "Office 2010", "Standard")->setup_key);
}

static void ids_lead_back_to_their_product(void **state)
{
    const struct cat_product *all;
    size_t n = catalog_products(*state, &all);

    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        const struct cat_product *kms = catalog_product_by_kms_id(*state, &all[i].kms_id);

        assert_ptr_equal(catalog_product_by_activation_id(*state, &all[i].activation_id), &all[i]);
        assert_non_null(kms);
        assert_true(guid_equal(&kms->kms_id, &all[i].kms_id));
        assert_non_null(catalog_kms_name(*state, &all[i].kms_id));
        assert_ptr_equal(catalog_product(*state, all[i].product, all[i].edition), &all[i]);
    }
}

static bool serves(void **state, const char *name, const char *product_name, const char *edition)
{
    return cat_group_serves(group(state, name), &product(state, product_name, edition)->kms_id);
}

static void a_group_serves_what_its_rows_say(void **state)
{
    static const char s22[] = "Volume License for Windows Server 2022";
    static const char s16[] = "Volume License for Windows Server 2016";
    static const char w10[] = "Volume License for Windows 10";

    assert_true(serves(state, s22, "Windows 11", "Enterprise N"));
    assert_true(serves(state, s22, "Windows Server 2022", "Datacenter: Azure Edition"));
    assert_true(serves(state, s22, "Windows Server 1909", "Standard"));
    assert_true(serves(state, s22, "Windows 10 LTSC 2021", "Enterprise"));
    assert_false(serves(state, s22, "Windows 11 LTSC 2024", "Enterprise"));
    assert_false(serves(state, s22, "Windows Server 2025", "Standard"));
    assert_false(serves(state, s22, "Windows 8", "Pro"));
    assert_false(serves(state, s22, "Office LTSC 2024", "Professional Plus"));
    assert_true(serves(state, s16, "Windows 10 LTSB 2016", "Enterprise"));
    assert_true(serves(state, s16, "Windows 10 LTSB 2015", "Enterprise"));
    assert_false(serves(state, s16, "Windows 10 LTSC 2019", "Enterprise"));
    assert_true(serves(state, w10, "Windows 10 LTSB 2015", "Enterprise N"));
    assert_false(serves(state, w10, "Windows 10 LTSB 2016", "Enterprise"));
    assert_true(serves(state, "Windows Server 2012 R2 for Windows 10", "Windows 10", "Enterprise"));
    assert_false(serves(state, "Windows Server 2012 R2 for Windows 10", "Windows 10", "Education"));
}

/* Groups A, B and C of the 2008 generation: web and compute; standard and enterprise; datacenter
 * and Itanium. Each key serves its own and the smaller groups. */
static void the_2008_groups_nest(void **state)
{
    static const struct {
        const char *edition;
        bool a, b, c;
    } table[] = {
        {"Web", true, true, true},          {"HPC", true, true, true},
        {"Standard", false, true, true},    {"Enterprise without Hyper-V", false, true, true},
        {"Datacenter", false, false, true}, {"Itanium", false, false, true},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *edition = table[i].edition;

        assert_int_equal(
            serves(state, "Windows Server 2008 R2 KMS_A", "Windows Server 2008", edition),
            table[i].a);
        assert_int_equal(
            serves(state, "Windows Server 2008 R2 KMS_B", "Windows Server 2008", edition),
            table[i].b);
        assert_int_equal(
            serves(state, "Windows Server 2008 R2 KMS_C", "Windows Server 2008", edition),
            table[i].c);
        if (strchr(edition, ' ') == NULL)
            assert_int_equal(
                serves(state, "Windows Server 2008 R2 KMS_B", "Windows Server 2008 R2", edition),
                table[i].b);
    }
}

static void a_group_that_serves_servers_is_a_server_group(void **state)
{
    assert_int_equal(group(state, "volume license for windows server 2025")->family, CAT_SERVER);
    assert_int_equal(group(state, "Windows Server 2012 R2 for Windows 10")->family, CAT_SERVER);
    assert_int_equal(group(state, "Windows Server 2008 R2 KMS_A")->family, CAT_SERVER);
    assert_int_equal(group(state, "Volume License for Windows 10")->family, CAT_CLIENT);
    assert_int_equal(group(state, "Windows Vista KMS")->family, CAT_CLIENT);
    assert_int_equal(group(state, "Office 2016 KMS host key")->family, CAT_OFFICE);
}

static void a_groups_ids_are_sorted_and_without_duplicates(void **state)
{
    const struct cat_group *all;
    size_t n = catalog_groups(*state, &all);

    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        assert_true(all[i].kms_id_count > 0);
        for (size_t j = 1; j < all[i].kms_id_count; j++)
            assert_true(memcmp(&all[i].kms_ids[j - 1], &all[i].kms_ids[j], 16) < 0);
    }
}

static void codes_and_events_are_explained(void **state)
{
    const struct cat_error *e = catalog_error(*state, 0xC004F038);

    assert_non_null(e);
    assert_string_equal(e->name, "SL_E_VL_NOT_ENOUGH_COUNT");
    assert_contains(e->remedy, "N-policy");
    assert_string_equal(catalog_error(*state, 0x80092328)->name, "");
    assert_string_equal(catalog_event(*state, 12308)->meaning, "AD activation succeeded");
    assert_contains(catalog_event(*state, 12308)->fields, "SKU ID");
}

static void a_mistyped_name_gets_the_nearest(void **state)
{
    assert_string_equal(catalog_nearest_product(*state, "Widnows 11"), "Windows 11");
    assert_string_equal(catalog_nearest_product(*state, "windows sever 2022"),
                        "Windows Server 2022");
    assert_string_equal(catalog_nearest_edition(*state, "Win11", "enterprize"), "Enterprise");
    assert_string_equal(catalog_nearest_group(*state, "Volume Licence for Windows Server 2022"),
                        "Volume License for Windows Server 2022");
}

static void a_name_unlike_any_other_gets_none(void **state)
{
    char long_name[4096];

    memset(long_name, 'x', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    assert_null(catalog_nearest_product(*state, "toaster"));
    assert_null(catalog_nearest_product(*state, ""));
    assert_null(catalog_nearest_product(*state, long_name));
    assert_null(catalog_nearest_group(*state, "no such group"));
    assert_null(catalog_nearest_edition(*state, "toaster", "Pro"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_edition_has_its_facts),
        cmocka_unit_test(a_server_edition_has_its_facts),
        cmocka_unit_test(an_office_edition_has_its_facts),
        cmocka_unit_test(the_generation_decides_protocol_and_directory_activation),
        cmocka_unit_test(names_and_aliases_are_found_in_any_case),
        cmocka_unit_test(without_an_edition_a_full_name_is_understood),
        cmocka_unit_test(without_an_edition_a_product_of_several_is_not_guessed),
        cmocka_unit_test(what_does_not_exist_is_not_found),
        cmocka_unit_test(a_system_that_is_a_host_only_is_no_product),
        cmocka_unit_test(a_shared_key_gives_the_preferred_product),
        cmocka_unit_test(a_product_without_a_published_key_has_none),
        cmocka_unit_test(ids_lead_back_to_their_product),
        cmocka_unit_test(a_group_serves_what_its_rows_say),
        cmocka_unit_test(the_2008_groups_nest),
        cmocka_unit_test(a_group_that_serves_servers_is_a_server_group),
        cmocka_unit_test(a_groups_ids_are_sorted_and_without_duplicates),
        cmocka_unit_test(codes_and_events_are_explained),
        cmocka_unit_test(a_mistyped_name_gets_the_nearest),
        cmocka_unit_test(a_name_unlike_any_other_gets_none),
    };

    return cmocka_run_group_tests_name("catalog", tests, load, unload);
}
