#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "selfreport/selfreport.h"

#define NOW INT64_C(1790000000)
#define DAY INT64_C(86400)

struct world {
    struct catalog *catalog;
    const struct cat_product *product;
    uint8_t key[REALM_REPORT_LEN];
    struct selfreport report;
    struct errinfo ei;
};

static int setup(void **state)
{
    static struct world w;
    struct rng_seeded seed;
    struct rng rng = test_rng(&seed);

    w = (struct world){0};
    assert_ok(catalog_load(&w.catalog, &w.ei), &w.ei);
    w.product = catalog_product(w.catalog, "Windows Server 2022", "Standard");
    assert_non_null(w.product);
    rng_fill(&rng, w.key, sizeof(w.key));
    w.report = (struct selfreport){.event = 12308,
                                   .application_id = w.product->application_id,
                                   .activation_id = w.product->activation_id,
                                   .kms_id = w.product->kms_id,
                                   .client_when = NOW,
                                   .activated_at = NOW - DAY,
                                   .expires = NOW + 179 * DAY,
                                   .key = "WXYZ2",
                                   .workstation = "pc01.lab.example",
                                   .account = "PC01$",
                                   .domain = "lab.example",
                                   .sid = "S-1-5-21-1-2-3-1104",
                                   .object_name = "B\xc3\xbcro",
                                   .object_dn = "CN=ao,CN=Activation Objects"};
    rng_fill(&rng, w.report.client_id.b, sizeof(w.report.client_id.b));
    rng_fill(&rng, w.report.object_sku_id.b, sizeof(w.report.object_sku_id.b));
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    catalog_free(w->catalog);
    return 0;
}

static struct buf written(struct world *w, const struct selfreport *m)
{
    struct buf out = BUF_INIT;

    assert_ok(selfreport_write(m, w->key, &out, &w->ei), &w->ei);
    return out;
}

static void a_report_reads_back_the_same(void **state)
{
    struct world *w = *state;
    struct buf b = written(w, &w->report), again;
    struct selfreport m;

    assert_int_equal(selfreport_read(b.data, b.len, &m), ERR_OK);
    assert_true(m.event == 12308 && m.client_when == NOW && m.activated_at == NOW - DAY);
    assert_string_equal(m.sid, "S-1-5-21-1-2-3-1104");
    assert_string_equal(m.object_name, "B\xc3\xbcro");
    again = written(w, &m);
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.data, b.data, b.len);
    assert_true(selfreport_is_of(b.data, b.len, w->key));
    buf_fini(&b);
    buf_fini(&again);
}

/* The places that docs/protocol/lab.md names. */
static void fields_stand_where_the_document_says(void **state)
{
    struct world *w = *state;
    struct buf b = written(w, &w->report);

    assert_memory_equal(b.data, "\x01\x00\x14\x30\x00\x00\x00\x00", 8);
    assert_memory_equal(b.data + 8, w->report.client_id.b, 16);
    assert_memory_equal(b.data + 40, w->product->activation_id.b, 16);
    assert_memory_equal(b.data + 112, "WXYZ2\x10\x00pc01.lab.example\x05\x00PC01$", 30);
    assert_int_equal(b.len, 117 + 6 * 2 + 16 + 5 + 11 + 19 + 5 + 27 + 32);
    buf_fini(&b);
}

/* Copies are as long as they are, so that a sanitizer sees a read behind the end. */
static void every_prefix_is_truncated(void **state)
{
    struct world *w = *state;
    struct buf b = written(w, &w->report);
    struct selfreport m;

    for (size_t n = 0; n < b.len; n++) {
        uint8_t *cut = malloc(n + 1);

        memcpy(cut, b.data, n);
        assert_int_equal(selfreport_read(cut, n, &m), ERR_TRUNCATED);
        free(cut);
    }
    buf_add(&b, "", 1);
    assert_int_equal(selfreport_read(b.data, b.len, &m), ERR_MALFORMED);
    buf_fini(&b);
}

static void every_changed_byte_is_seen(void **state)
{
    struct world *w = *state;
    struct buf b = written(w, &w->report);
    struct selfreport m;

    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 0x01;
        assert_int_not_equal(selfreport_receive(b.data, b.len, w->key, w->catalog, NOW, &m, NULL),
                             SELFREPORT_TAKEN);
        b.data[i] ^= 0x01;
    }
    assert_int_equal(selfreport_receive(b.data, b.len, w->key, w->catalog, NOW, &m, NULL),
                     SELFREPORT_TAKEN);
    buf_fini(&b);
}

static void a_text_that_is_too_long_or_not_plain_is_malformed(void **state)
{
    struct world *w = *state;
    struct buf b = written(w, &w->report);
    struct selfreport m;

    b.data[119] = '\n'; /* first of the workstation */
    assert_int_equal(selfreport_read(b.data, b.len, &m), ERR_MALFORMED);
    b.data[119] = 'p';
    b.data[118] = 1; /* 256 and more bytes of it */
    assert_int_equal(selfreport_read(b.data, b.len, &m), ERR_MALFORMED);
    buf_fini(&b);
    strcpy(w->report.domain, "a\x1b[2J");
    assert_int_equal(selfreport_write(&w->report, w->key, &b, &w->ei), ERR_USAGE);
    assert_int_equal(b.len, 0);
}

static void another_realms_report_is_foreign(void **state)
{
    struct world *w = *state;
    struct buf b = written(w, &w->report);
    struct selfreport m;

    w->key[0] ^= 1;
    assert_int_equal(selfreport_receive(b.data, b.len, w->key, w->catalog, NOW, &m, NULL),
                     SELFREPORT_FOREIGN);
    buf_fini(&b);
}

static enum selfreport_reason judge(const struct world *w, const struct selfreport *m)
{
    return selfreport_judge(m, w->catalog, NOW, NULL);
}

static void clocks_may_differ_by_four_hours(void **state)
{
    struct world *w = *state;
    struct selfreport m = w->report;

    m.client_when = NOW + 4 * 3600;
    assert_int_equal(judge(w, &m), SELFREPORT_TAKEN);
    m.client_when++;
    assert_int_equal(judge(w, &m), SELFREPORT_CLOCK_SKEW);
    m.client_when = NOW - 4 * 3600 - 1;
    assert_int_equal(judge(w, &m), SELFREPORT_CLOCK_SKEW);
    m.client_when = INT64_MIN;
    assert_int_equal(judge(w, &m), SELFREPORT_CLOCK_SKEW);
    m.client_when = INT64_MAX;
    assert_int_equal(judge(w, &m), SELFREPORT_CLOCK_SKEW);
}

static void a_licence_runs_now_and_180_days_at_most(void **state)
{
    struct world *w = *state;
    struct selfreport m = w->report;

    assert_int_equal(judge(w, &m), SELFREPORT_TAKEN); /* exactly 180 days */
    m.expires++;
    assert_int_equal(judge(w, &m), SELFREPORT_BAD_TIME);
    m.expires = NOW; /* over */
    assert_int_equal(judge(w, &m), SELFREPORT_BAD_TIME);
    m.expires = INT64_MAX;
    assert_int_equal(judge(w, &m), SELFREPORT_BAD_TIME);
    m = w->report;
    m.activated_at = NOW + 1; /* not yet */
    assert_int_equal(judge(w, &m), SELFREPORT_BAD_TIME);
    m.activated_at = INT64_MIN;
    assert_int_equal(judge(w, &m), SELFREPORT_BAD_TIME);
}

static void only_the_directorys_event_counts(void **state)
{
    struct world *w = *state;
    struct selfreport m = w->report;

    m.event = 12289;
    assert_int_equal(judge(w, &m), SELFREPORT_BAD_EVENT);
    m = w->report;
    m.hresult = 0xc004f081;
    assert_int_equal(judge(w, &m), SELFREPORT_BAD_EVENT);
    m = w->report;
    m.workstation[0] = '\0';
    assert_int_equal(judge(w, &m), SELFREPORT_BAD_EVENT);
    m = w->report;
    m.object_dn[0] = '\0';
    assert_int_equal(judge(w, &m), SELFREPORT_BAD_EVENT);
    m = w->report;
    m.client_id = (struct guid){{0}};
    assert_int_equal(judge(w, &m), SELFREPORT_BAD_EVENT);
}

static void ids_are_those_of_a_product_that_the_directory_activates(void **state)
{
    struct world *w = *state;
    const struct cat_product *seven = catalog_product(w->catalog, "Windows 7", "Enterprise");
    struct selfreport m = w->report;

    assert_non_null(seven);
    m.kms_id.b[0] ^= 1;
    assert_int_equal(judge(w, &m), SELFREPORT_UNKNOWN_PRODUCT);
    m = w->report;
    m.application_id = cat_app_office;
    assert_int_equal(judge(w, &m), SELFREPORT_UNKNOWN_PRODUCT);
    m = w->report;
    m.activation_id.b[0] ^= 1;
    assert_int_equal(judge(w, &m), SELFREPORT_UNKNOWN_PRODUCT);
    m = w->report;
    m.activation_id = seven->activation_id;
    m.kms_id = seven->kms_id;
    assert_int_equal(judge(w, &m), SELFREPORT_UNKNOWN_PRODUCT);
}

static void every_refusal_has_a_name_a_code_and_words(void **state)
{
    (void)state;
    for (int i = 0; i < SELFREPORT_REASONS; i++) {
        assert_true(*selfreport_reason_name((enum selfreport_reason)i) != '\0');
        assert_true(*selfreport_reason_text((enum selfreport_reason)i) != '\0');
        assert_int_equal(selfreport_reason_hresult((enum selfreport_reason)i) == 0,
                         i == SELFREPORT_TAKEN);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_report_reads_back_the_same),
        TEST(fields_stand_where_the_document_says),
        TEST(every_prefix_is_truncated),
        TEST(every_changed_byte_is_seen),
        TEST(a_text_that_is_too_long_or_not_plain_is_malformed),
        TEST(another_realms_report_is_foreign),
        TEST(clocks_may_differ_by_four_hours),
        TEST(a_licence_runs_now_and_180_days_at_most),
        TEST(only_the_directorys_event_counts),
        TEST(ids_are_those_of_a_product_that_the_directory_activates),
        cmocka_unit_test(every_refusal_has_a_name_a_code_and_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
