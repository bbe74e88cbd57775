#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "catalog/catalog.h"
#include "clearing/codes.h"
#include "clearing/ids.h"

#define GROUP "Volume License for Windows Server 2022"

struct site {
    struct rng_seeded seed;
    struct rng rng;
    struct hostkey key, second; /* texts and confirmation keys only */
    struct guid forest;
    struct iid iid;
    char text[IID_TEXT_MAX];
};

/* A host key without its certificate: random text, random confirmation key. */
static void any_key(struct site *s, struct hostkey *k)
{
    static char group[] = GROUP;
    uint8_t values[HOSTKEY_FREE];

    for (size_t i = 0; i < HOSTKEY_FREE; i++)
        values[i] = (uint8_t)rng_below(&s->rng, 31);
    hostkey_text_from_values(values, k->key);
    k->group = group;
    rng_fill(&s->rng, k->confirm, sizeof(k->confirm));
}

static int setup(void **state)
{
    static struct site s;
    struct errinfo ei;

    s = (struct site){0};
    s.rng = test_rng(&s.seed);
    any_key(&s, &s.key);
    any_key(&s, &s.second);
    s.forest = iid_forest("lab.example", "S-1-5-21-1-2-3");
    assert_ok(iid_make(IID_FOREST, &s.key, &s.forest, &s.iid, &ei), &ei);
    iid_write(&s.iid, s.text);
    *state = &s;
    return 0;
}

static void an_installation_id_is_nine_groups_of_seven(void **state)
{
    struct site *s = *state;

    assert_int_equal(strlen(s->text), IID_TEXT_MAX - 1);
    for (size_t i = 0; i < strlen(s->text); i++)
        assert_int_equal(s->text[i] == '-', i % 8 == 7);
}

static void an_installation_id_reads_back_the_same(void **state)
{
    struct site *s = *state;
    struct errinfo ei;

    for (int i = 0; i < 500; i++) {
        enum iid_kind kind = i % 2 == 0 ? IID_HOST : IID_FOREST;
        struct iid made, read;
        struct guid target;
        char text[IID_TEXT_MAX];

        any_key(s, &s->key);
        rng_fill(&s->rng, target.b, sizeof(target.b));
        assert_ok(iid_make(kind, &s->key, &target, &made, &ei), &ei);
        iid_write(&made, text);
        assert_ok(iid_read(text, &read, &ei), &ei);
        assert_int_equal(read.kind, kind);
        assert_int_equal(read.group, iid_group_code(GROUP));
        assert_string_equal(read.key, s->key.key);
        assert_int_equal(read.binding, iid_binding(&target));
        assert_true(iid_sealed_by(&read, s->key.confirm));
        assert_false(iid_sealed_by(&read, s->second.confirm));
    }
}

static void separators_do_not_matter(void **state)
{
    struct site *s = *state;
    struct buf bare = BUF_INIT, spaced = BUF_INIT;
    struct iid id;
    struct errinfo ei;

    for (const char *p = s->text; *p != '\0'; p++) {
        buf_add(&bare, p, *p == '-' ? 0 : 1);
        buf_add_str(&spaced, *p == '-' ? "  " : (char[]){*p, '\0'});
    }
    assert_ok(iid_read(buf_str(&bare), &id, &ei), &ei);
    assert_string_equal(id.key, s->key.key);
    assert_ok(iid_read(buf_str(&spaced), &id, &ei), &ei);
    assert_string_equal(id.key, s->key.key);
    buf_fini(&bare);
    buf_fini(&spaced);
}

static void every_prefix_is_truncated(void **state)
{
    struct site *s = *state;
    char cid[CID_TEXT_MAX];
    struct iid id;
    struct errinfo ei;

    assert_ok(cid_make(&s->iid, s->key.confirm, cid, &ei), &ei);
    for (size_t n = 0; n < strlen(s->text); n++) {
        char *cut = strndup(s->text, n);

        assert_int_equal(iid_read(cut, &id, &ei), ERR_TRUNCATED);
        assert_int_equal(ei.hresult, SL_E_CIDIID_INVALID_DATA_LENGTH);
        free(cut);
    }
    for (size_t n = 0; n < strlen(cid); n++) {
        char *cut = strndup(cid, n);

        assert_int_equal(cid_check(cut, &s->iid, s->key.confirm, &ei), ERR_TRUNCATED);
        assert_int_equal(ei.hresult, SL_E_CIDIID_INVALID_DATA_LENGTH);
        free(cut);
    }
}

static void a_further_digit_is_refused(void **state)
{
    struct site *s = *state;
    char longer[IID_TEXT_MAX + 1];
    struct iid id;
    struct errinfo ei;

    snprintf(longer, sizeof(longer), "%s0", s->text);
    assert_int_equal(iid_read(longer, &id, &ei), ERR_LIMIT);
    assert_int_equal(ei.hresult, SL_E_CIDIID_INVALID_DATA_LENGTH);
}

static void what_is_no_digit_is_refused(void **state)
{
    struct site *s = *state;
    struct iid id;
    struct errinfo ei;

    for (int c = 1; c < 256; c++) {
        if ((c >= '0' && c <= '9') || c == '-' || c == ' ')
            continue;
        s->text[20] = (char)c;
        assert_int_equal(iid_read(s->text, &id, &ei), ERR_MALFORMED);
        assert_int_equal(ei.hresult, SL_E_CIDIID_INVALID_DATA);
    }
}

static void every_wrong_digit_of_a_confirmation_id_is_a_check_digit_error(void **state)
{
    struct site *s = *state;
    char cid[CID_TEXT_MAX];
    struct errinfo ei;

    assert_ok(cid_make(&s->iid, s->key.confirm, cid, &ei), &ei);
    assert_ok(cid_check(cid, &s->iid, s->key.confirm, &ei), &ei);
    assert_int_equal(strlen(cid), CID_TEXT_MAX - 1);
    for (size_t i = 0; i < strlen(cid); i++) {
        char right = cid[i];

        for (char d = '0'; right != '-' && d <= '9'; d++) {
            cid[i] = d;
            assert_int_equal(cid_check(cid, &s->iid, s->key.confirm, &ei),
                             d == right ? ERR_OK : ERR_MALFORMED);
            if (d != right)
                assert_int_equal(ei.hresult, SL_E_CIDIID_INVALID_CHECK_DIGITS);
        }
        cid[i] = right;
    }
}

static void a_confirmation_id_of_another_key_is_told_apart(void **state)
{
    struct site *s = *state;
    struct iid other;
    char cid[CID_TEXT_MAX];
    struct errinfo ei;

    assert_ok(iid_make(IID_FOREST, &s->second, &s->forest, &other, &ei), &ei);
    assert_ok(cid_make(&other, s->second.confirm, cid, &ei), &ei);
    assert_int_equal(cid_check(cid, &s->iid, s->key.confirm, &ei), ERR_REFUSED);
    assert_int_equal(ei.hresult, SL_E_CIDIID_MISMATCHED_PKEY);
}

static void a_confirmation_id_of_another_forest_is_told_apart(void **state)
{
    struct site *s = *state;
    struct guid elsewhere = iid_forest("other.example", "");
    struct iid other;
    char cid[CID_TEXT_MAX];
    struct errinfo ei;

    assert_ok(iid_make(IID_FOREST, &s->key, &elsewhere, &other, &ei), &ei);
    assert_ok(cid_make(&other, s->key.confirm, cid, &ei), &ei);
    assert_int_equal(cid_check(cid, &s->iid, s->key.confirm, &ei), ERR_REFUSED);
    assert_int_equal(ei.hresult, SL_E_CIDIID_NOT_BOUND);
}

/* Made up by somebody without the package: everything fits but the MAC. */
static void a_made_up_confirmation_id_is_refused(void **state)
{
    struct site *s = *state;
    char cid[CID_TEXT_MAX];
    struct errinfo ei;

    assert_ok(cid_make(&s->iid, s->second.confirm, cid, &ei), &ei);
    assert_int_equal(cid_check(cid, &s->iid, s->key.confirm, &ei), ERR_REFUSED);
    assert_int_equal(ei.hresult, SL_E_CIDIID_MISMATCHED);
}

static void forests_differ_by_name_and_sid_but_not_by_case(void **state)
{
    struct guid a = iid_forest("lab.example", "S-1-5-21-1-2-3");
    struct guid upper = iid_forest("LAB.Example", "S-1-5-21-1-2-3");
    struct guid other_sid = iid_forest("lab.example", "S-1-5-21-1-2-4");
    struct guid host = iid_host("lab.example S-1-5-21-1-2-3");

    (void)state;
    assert_true(guid_equal(&a, &upper));
    assert_false(guid_equal(&a, &other_sid));
    assert_false(guid_equal(&a, &host));
}

static void all_groups_of_the_catalogue_have_codes_of_their_own(void **state)
{
    const struct cat_group *g;
    struct catalog *cat;
    struct errinfo ei;
    size_t n;

    (void)state;
    assert_ok(catalog_load(&cat, &ei), &ei);
    n = catalog_groups(cat, &g);
    assert_true(n > 10);
    for (size_t i = 0; i < n; i++) {
        assert_true(iid_group_code(g[i].name) < 1U << 20);
        for (size_t j = 0; j < i; j++) {
            if (iid_group_code(g[i].name) == iid_group_code(g[j].name))
                fail_msg("%s and %s have the same code", g[i].name, g[j].name);
        }
    }
    catalog_free(cat);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_installation_id_is_nine_groups_of_seven),
        TEST(an_installation_id_reads_back_the_same),
        TEST(separators_do_not_matter),
        TEST(every_prefix_is_truncated),
        TEST(a_further_digit_is_refused),
        TEST(what_is_no_digit_is_refused),
        TEST(every_wrong_digit_of_a_confirmation_id_is_a_check_digit_error),
        TEST(a_confirmation_id_of_another_key_is_told_apart),
        TEST(a_confirmation_id_of_another_forest_is_told_apart),
        TEST(a_made_up_confirmation_id_is_refused),
        TEST(forests_differ_by_name_and_sid_but_not_by_case),
        TEST(all_groups_of_the_catalogue_have_codes_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
