#include "support.h"

#include <string.h>

#include "daemon/requests.h"

static struct catalog *catalog;

static int load(void **state)
{
    struct errinfo ei;

    (void)state;
    assert_ok(catalog_load(&catalog, &ei), &ei);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    catalog_free(catalog);
    return 0;
}

static uint64_t count(const struct requests_counts *sum, const char *version, const char *product,
                      const char *channel, const char *result)
{
    for (size_t i = 0; i < sum->n; i++) {
        const struct requests_count *c = &sum->v[i];

        if (strcmp(c->version, version) == 0 && strcmp(c->product, product) == 0 &&
            strcmp(c->channel, channel) == 0 && strcmp(c->result, result) == 0)
            return c->n;
    }
    return 0;
}

static void tables_add_up_by_words(void **state)
{
    static struct requests a, b;
    const struct cat_product *enterprise = catalog_product(catalog, "Windows 11", "Enterprise");
    const struct cat_product *education = catalog_product(catalog, "Windows 11", "Education");
    struct requests_counts sum = {0};

    (void)state;
    assert_non_null(enterprise);
    assert_non_null(education);
    requests_add(&a, catalog, 6, enterprise, STORE_KMS, KMS_ANSWERED);
    requests_add(&a, catalog, 6, enterprise, STORE_KMS, KMS_ANSWERED);
    requests_add(&a, catalog, 6, education, STORE_KMS, KMS_ANSWERED);
    requests_add(&b, catalog, 6, education, STORE_KMS, KMS_ANSWERED);
    requests_add(&b, catalog, 5, enterprise, STORE_ADBA, KMS_ANSWERED);
    requests_add(&b, catalog, 4, NULL, STORE_KMS, KMS_CLOCK_SKEW);
    requests_add(&b, catalog, 7, NULL, STORE_KMS, KMS_BAD_VERSION);
    requests_add(&b, catalog, 0, NULL, STORE_KMS, REQUESTS_BAD_STUB);
    requests_add(&b, catalog, 6, NULL, STORE_RELAY, REQUESTS_RELAYED + RELAY_ANSWERED);
    requests_add(&b, catalog, 6, NULL, STORE_RELAY, REQUESTS_RELAYED + RELAY_DOWN);
    requests_add(&b, catalog, 6, enterprise, STORE_KMS, REQUESTS_NOT_RECORDED);
    assert_int_equal(requests_sum(&a, catalog, &sum), ERR_OK);
    assert_int_equal(requests_sum(&b, catalog, &sum), ERR_OK);
    assert_int_equal(sum.n, 8);
    assert_int_equal(count(&sum, "6", "Windows 11", "kms", "answered"), 4);
    assert_int_equal(count(&sum, "5", "Windows 11", "adba", "answered"), 1);
    assert_int_equal(count(&sum, "4", "unknown", "kms", "clock-skew"), 1);
    assert_int_equal(count(&sum, "other", "unknown", "kms", "bad-version"), 1);
    assert_int_equal(count(&sum, "unknown", "unknown", "kms", "bad-stub"), 1);
    assert_int_equal(count(&sum, "6", "unknown", "relay", "answered"), 1);
    assert_int_equal(count(&sum, "6", "unknown", "relay", relay_outcome_name(RELAY_DOWN)), 1);
    assert_int_equal(count(&sum, "6", "Windows 11", "kms", "not-recorded"), 1);
    requests_counts_free(&sum);
}

/* Every product in every version, channel and result: more than fit, and nothing is lost. */
static void with_too_many_different_ones_products_are_counted_together(void **state)
{
    static struct requests r;
    struct requests_counts sum = {0};
    const struct cat_product *first;
    size_t n = catalog_products(catalog, &first);
    uint64_t added = 0, told = 0;

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < n; i++) {
            for (unsigned version = 4; version <= 6; version++) {
                for (int result = 0; result < KMS_REASONS; result++, added++)
                    requests_add(&r, catalog, version, &first[i], STORE_KMS, result);
            }
        }
    }
    assert_int_equal(requests_sum(&r, catalog, &sum), ERR_OK);
    for (size_t i = 0; i < sum.n; i++)
        told += sum.v[i].n;
    assert_int_equal(told, added);
    assert_true(count(&sum, "6", "other", "kms", "answered") > 0);
    assert_true(sum.n <= REQUESTS_SLOTS);
    requests_counts_free(&sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_add_up_by_words),
        cmocka_unit_test(with_too_many_different_ones_products_are_counted_together),
    };

    return cmocka_run_group_tests_name("requests", tests, load, unload);
}
