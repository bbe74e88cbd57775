/* The text of a lab key: its kind and product can be read from it, and what is no lab key, or not
 * quite one, is not taken for one. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "realm/labkey.h"

/* docs/hostkeys.md */
static const char leaders[LABKEY_KINDS] = {'A', 'E', 'U', 'S', 'Z'};

static const struct guid product = {
    {0x9a, 0xbc, 0xde, 0x01, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}};

static void a_key_tells_its_kind_and_its_product(void **state)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);

    (void)state;
    for (int kind = LABKEY_MAK; kind < LABKEY_KINDS; kind++) {
        for (int i = 0; i < 100; i++) {
            char key[HOSTKEY_TEXT_LEN + 1];
            enum labkey_kind read = LABKEY_HOST;
            uint32_t n = 0;

            labkey_make((enum labkey_kind)kind, &product, &rng, key);
            assert_int_equal(key[0], leaders[kind]);
            assert_true(labkey_read(key, &read, &n));
            assert_int_equal(read, kind);
            assert_int_equal(n, labkey_product(&product));
            assert_false(hostkey_text_valid(key));
        }
    }
}

static void two_keys_for_one_product_differ(void **state)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    char a[HOSTKEY_TEXT_LEN + 1], b[HOSTKEY_TEXT_LEN + 1];

    (void)state;
    labkey_make(LABKEY_MAK, &product, &rng, a);
    labkey_make(LABKEY_MAK, &product, &rng, b);
    assert_string_not_equal(a, b);
}

/* Five check characters over 31 values: any one wrong character, and any two changed places, are
 * noticed; also a letter that makes it a key of another kind. */
static void a_mistyped_key_is_no_key(void **state)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    char key[HOSTKEY_TEXT_LEN + 1];

    (void)state;
    labkey_make(LABKEY_RETAIL, &product, &rng, key);
    for (size_t i = 0; i < HOSTKEY_TEXT_LEN; i++) {
        char was = key[i];

        for (size_t c = 0; c < sizeof(alphabet) - 1; c++) {
            key[i] = alphabet[c];
            if (key[i] != was && labkey_read(key, NULL, NULL))
                fail_msg("%s with %c for %c at %zu is taken", key, key[i], was, i);
        }
        key[i] = was;
        if (i > 0 && key[i] != key[i - 1]) {
            key[i] = key[i - 1];
            key[i - 1] = was;
            assert_false(labkey_read(key, NULL, NULL));
            key[i - 1] = key[i];
            key[i] = was;
        }
    }
    assert_true(labkey_read(key, NULL, NULL));
}

static void published_keys_and_other_text_are_no_lab_keys(void **state)
{
    static const char *const none[] = {"", "A", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA",
                                       "E----------------------------", "aaaaa"};
    struct catalog *cat;
    const struct cat_product *p;
    struct errinfo ei;
    size_t n;

    (void)state;
    assert_false(labkey_read(NULL, NULL, NULL));
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_false(labkey_read(none[i], NULL, NULL));
    assert_ok(catalog_load(&cat, &ei), &ei);
    n = catalog_products(cat, &p);
    for (size_t i = 0; i < n; i++) {
        assert_false(p[i].setup_key != NULL && labkey_read(p[i].setup_key, NULL, NULL));
        assert_false(p[i].avma_key != NULL && labkey_read(p[i].avma_key, NULL, NULL));
    }
    catalog_free(cat);
}

static void every_product_of_the_catalogue_has_a_number_of_its_own(void **state)
{
    struct catalog *cat;
    const struct cat_product *p;
    struct errinfo ei;
    size_t n;

    (void)state;
    assert_ok(catalog_load(&cat, &ei), &ei);
    n = catalog_products(cat, &p);
    for (size_t i = 0; i < n; i++) {
        assert_true(labkey_product(&p[i].activation_id) < 1u << LABKEY_PRODUCT_BITS);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(labkey_product(&p[i].activation_id),
                                 labkey_product(&p[k].activation_id));
    }
    catalog_free(cat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_tells_its_kind_and_its_product),
        cmocka_unit_test(two_keys_for_one_product_differ),
        cmocka_unit_test(a_mistyped_key_is_no_key),
        cmocka_unit_test(published_keys_and_other_text_are_no_lab_keys),
        cmocka_unit_test(every_product_of_the_catalogue_has_a_number_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
