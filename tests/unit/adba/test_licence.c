#include "world.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static void sign(const struct licence *l, const struct hostkey *k, struct buf *out)
{
    struct errinfo ei;

    assert_ok(licence_sign(l, k, out, &ei), &ei);
}

/* A server licence of our realm. */
static void sample(const struct world *w, struct buf *out)
{
    struct licence l = world_licence(&w->ours.bundle, SERVER);

    sign(&l, &w->server, out);
    licence_fini(&l);
}

static enum err open_now(const struct world *w, const struct buf *der, struct errinfo *ei)
{
    struct licence l;
    enum err e = licence_open(&w->ours.bundle, der->data, der->len, NOW, &l, ei);

    if (e == ERR_OK)
        licence_fini(&l);
    return e;
}

static void a_signed_licence_opens_with_all_it_said(void **state)
{
    struct world *w = *state;
    struct buf der = BUF_INIT;
    struct licence in = world_licence(&w->ours.bundle, SERVER), out;
    struct errinfo ei;

    in.kind = LICENCE_PHONE;
    sign(&in, &w->server, &der);
    assert_ok(licence_open(&w->ours.bundle, der.data, der.len, NOW, &out, &ei), &ei);
    assert_int_equal(out.kind, LICENCE_PHONE);
    assert_string_equal(out.realm, "ours");
    assert_string_equal(out.realm_id, w->ours.bundle.id);
    assert_string_equal(out.object, "Straßenbahn");
    assert_string_equal(out.forest, FOREST);
    assert_string_equal(out.domain_sid, "S-1-5-21-1-2-3");
    assert_string_equal(out.group, SERVER);
    assert_int_equal(out.kms_id_count, 2);
    assert_memory_equal(out.kms_ids, in.kms_ids, 2 * sizeof(struct guid));
    assert_int_equal(out.not_before, NOW);
    assert_int_equal(out.not_after, NOW + 730 * CLK_DAY);
    assert_int_equal(out.validity, 180 * 24 * 60);
    assert_int_equal(out.renewal, 7 * 24 * 60);
    licence_fini(&in);
    licence_fini(&out);
    buf_fini(&der);
}

static void every_prefix_is_refused_as_truncated(void **state)
{
    struct world *w = *state;
    struct buf der = BUF_INIT;
    struct errinfo ei;

    sample(w, &der);
    for (size_t len = 0; len < der.len; len++) {
        struct buf part = {.data = der.data, .len = len};

        assert_int_equal(open_now(w, &part, &ei), ERR_TRUNCATED);
        assert_int_equal(ei.hresult, 0xC004F081u);
    }
    buf_fini(&der);
}

static void a_byte_after_the_end_is_refused(void **state)
{
    struct world *w = *state;
    struct buf der = BUF_INIT;
    struct errinfo ei;

    sample(w, &der);
    buf_add(&der, "", 1);
    assert_int_equal(open_now(w, &der, &ei), ERR_MALFORMED);
    buf_fini(&der);
}

static void refuse_flipped(const struct world *w, struct buf *der, size_t at, unsigned bit)
{
    struct errinfo ei;

    der->data[at] = (uint8_t)(der->data[at] ^ (1u << bit));
    if (open_now(w, der, &ei) == ERR_OK)
        fail_msg("byte %zu of %zu with bit %u changed passed", at, der->len, bit);
    assert_int_equal(ei.hresult, 0xC004F081u);
    der->data[at] = (uint8_t)(der->data[at] ^ (1u << bit));
}

/* Bit 5 tells upper from lower case in text and "constructed" in a tag, which decoders forgive.
 * LICENCE_ALL_BITS=1 in the environment changes every bit of every byte. */
static void a_changed_byte_is_refused_at_every_position(void **state)
{
    struct world *w = *state;
    struct buf der = BUF_INIT;
    struct errinfo ei;
    bool all = getenv("LICENCE_ALL_BITS") != NULL;

    sample(w, &der);
    for (size_t i = 0; i < der.len; i++) {
        unsigned random = (unsigned)rng_below(&w->rng, 8);

        for (unsigned bit = 0; bit < 8; bit++)
            if (all || bit == random || bit == 5)
                refuse_flipped(w, &der, i, bit);
    }
    assert_ok(open_now(w, &der, &ei), &ei);
    buf_fini(&der);
}

static void another_realms_licence_is_foreign(void **state)
{
    struct world *w = *state;
    struct licence l = world_licence(&w->other.bundle, SERVER);
    struct buf der = BUF_INIT;
    struct errinfo ei;

    sign(&l, &w->foreign, &der);
    assert_int_equal(open_now(w, &der, &ei), ERR_FOREIGN);
    assert_int_equal(ei.hresult, 0xC004F081u);
    assert_int_equal(licence_is_ours(&w->ours.bundle, der.data, der.len, &ei), ERR_FOREIGN);
    assert_ok(licence_is_ours(&w->other.bundle, der.data, der.len, &ei), &ei);
    licence_fini(&l);
    buf_fini(&der);
}

/* A realm of the same name is another realm. */
static void our_key_over_another_realms_name_is_foreign(void **state)
{
    struct world *w = *state;
    struct licence l = world_licence(&w->other.bundle, SERVER);
    struct buf der = BUF_INIT;
    struct errinfo ei;

    sign(&l, &w->server, &der);
    assert_int_equal(open_now(w, &der, &ei), ERR_FOREIGN);
    licence_fini(&l);
    buf_fini(&der);
}

static void a_host_key_signs_for_its_own_group_alone(void **state)
{
    struct world *w = *state;
    struct licence l = world_licence(&w->ours.bundle, SERVER);
    struct hostkey liar = w->client;
    struct buf der = BUF_INIT;
    struct errinfo ei;

    assert_int_equal(licence_sign(&l, &w->client, &der, &ei), ERR_REFUSED);
    assert_int_equal(der.len, 0);
    liar.group = l.group; /* what a forger would do */
    sign(&l, &liar, &der);
    assert_int_equal(open_now(w, &der, &ei), ERR_REFUSED);
    assert_contains(ei.text, CLIENT);
    assert_int_equal(ei.hresult, 0xC004F081u);
    licence_fini(&l);
    buf_fini(&der);
}

static void a_host_key_without_its_private_part_does_not_sign(void **state)
{
    struct world *w = *state;
    struct licence l = world_licence(&w->ours.bundle, SERVER);
    struct hostkey public = w->server;
    struct buf der = BUF_INIT;
    struct errinfo ei;

    public.pkey = NULL;
    assert_int_equal(licence_sign(&l, &public, &der, &ei), ERR_USAGE);
    licence_fini(&l);
}

static void an_expired_host_key_is_expired_and_its_licences_still_ours(void **state)
{
    struct world *w = *state;
    int64_t late = NOW + 4000 * CLK_DAY;
    struct buf der = BUF_INIT;
    struct licence l;
    struct errinfo ei;

    sample(w, &der);
    assert_int_equal(licence_open(&w->ours.bundle, der.data, der.len, late, &l, &ei), ERR_EXPIRED);
    assert_int_equal(ei.hresult, 0xC004F081u);
    assert_ok(licence_is_ours(&w->ours.bundle, der.data, der.len, &ei), &ei);
    buf_fini(&der);
}

/* Signs text as a document, past licence_sign's own care. */
static void sign_raw(const struct hostkey *k, const char *text, unsigned more, struct buf *out)
{
    unsigned flags = CMS_BINARY | CMS_NOSMIMECAP | CMS_USE_KEYID | more;
    BIO *bio = BIO_new_mem_buf(text, -1);
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, bio, flags | CMS_PARTIAL);
    unsigned char *der = NULL;
    int len;

    assert_non_null(CMS_add1_signer(cms, k->cert, k->pkey, EVP_sha256(), flags));
    assert_int_equal(CMS_final(cms, bio, NULL, flags), 1);
    len = i2d_CMS_ContentInfo(cms, &der);
    assert_true(len > 0);
    buf_add(out, der, (size_t)len);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(bio);
}

static const char document[] =
    "{\"format\": \"adbad-licence-1\", \"kind\": \"issuance\", \"realm\": \"ours\","
    " \"realm_id\": \"%s\", \"object\": \"o\", \"forest\": \"lab.example\", \"domain_sid\": \"\","
    " \"group\": \"" SERVER "\", \"kms_ids\": [\"11111111-2222-3333-4444-555555555555\"],"
    " \"not_before\": \"2026-09-21T13:33:20Z\", \"not_after\": \"2028-09-20T13:33:20Z\","
    " \"validity_minutes\": 259200, \"renewal_minutes\": 10080}";

/* The document above, signed, with old replaced by new. */
static enum err open_with(const struct world *w, const char *old, const char *new, unsigned flags,
                          struct errinfo *ei)
{
    struct buf text = BUF_INIT, changed = BUF_INIT, der = BUF_INIT;
    enum err e;

    buf_add(&text, document, (size_t)(strstr(document, "%s") - document));
    buf_add_str(&text, w->ours.bundle.id);
    buf_add_str(&text, strstr(document, "%s") + 2);
    test_replaced(buf_str(&text), old, new, &changed);
    sign_raw(&w->server, buf_str(&changed), flags, &der);
    e = open_now(w, &der, ei);
    buf_fini(&text);
    buf_fini(&changed);
    buf_fini(&der);
    return e;
}

static void what_is_wrong_in_a_signed_document_is_named(void **state)
{
    static const struct {
        const char *old, *new;
        enum err e;
        const char *says;
    } cases[] = {
        {"adbad-licence-1", "adbad-licence-2", ERR_VERSION, "adbad-licence-2"},
        {"\"issuance\"", "\"other\"", ERR_MALFORMED, "\"kind\""},
        {"\"object\"", "\"name\"", ERR_MALFORMED, "\"object\" is missing"},
        {"\"object\"", "\"more\": 1, \"object\"", ERR_MALFORMED, "\"more\" is unknown"},
        {"\"o\"", "\"\"", ERR_MALFORMED, "\"object\""},
        {"\"o\"", "7", ERR_MALFORMED, "\"object\" is not text"},
        {"11111111-", "1111111-", ERR_MALFORMED, "\"kms_ids\""},
        {"\"11111111-2222-3333-4444-555555555555\"", "", ERR_MALFORMED, "\"kms_ids\" has 0"},
        {"11111111-", "AAAAAAAA-", ERR_MALFORMED, "\"kms_ids\""},
        {"2026-09-21T13", "2026-09-31T13", ERR_MALFORMED, "\"not_before\""},
        {"2026-09-21T13:33:20Z", "2026-09-21 13:33:20Z", ERR_MALFORMED, "\"not_before\""},
        {"2028-", "2025-", ERR_MALFORMED, "\"not_after\""},
        {"259200", "0", ERR_MALFORMED, "\"validity_minutes\""},
        {"259200", "1e3", ERR_MALFORMED, "\"validity_minutes\""},
        {"10080", "-10080", ERR_MALFORMED, "\"renewal_minutes\""},
        {"{", "[", ERR_MALFORMED, "licence"},
    };
    struct errinfo ei = {0};

    assert_ok(open_with(*state, "10080", "10080", 0, &ei), &ei);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(open_with(*state, cases[i].old, cases[i].new, 0, &ei), cases[i].e);
        assert_contains(ei.text, cases[i].says);
        assert_int_equal(ei.hresult, 0xC004F081u);
    }
}

/* No signed attributes, or no certificate inside: fine for CMS, not for us. */
static void other_forms_of_cms_are_refused(void **state)
{
    struct errinfo ei;

    assert_int_equal(open_with(*state, "10080", "10080", CMS_NOATTR, &ei), ERR_MALFORMED);
    assert_int_equal(open_with(*state, "10080", "10080", CMS_NOCERTS, &ei), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_licence_opens_with_all_it_said),
        cmocka_unit_test(every_prefix_is_refused_as_truncated),
        cmocka_unit_test(a_byte_after_the_end_is_refused),
        cmocka_unit_test(a_changed_byte_is_refused_at_every_position),
        cmocka_unit_test(another_realms_licence_is_foreign),
        cmocka_unit_test(our_key_over_another_realms_name_is_foreign),
        cmocka_unit_test(a_host_key_signs_for_its_own_group_alone),
        cmocka_unit_test(a_host_key_without_its_private_part_does_not_sign),
        cmocka_unit_test(an_expired_host_key_is_expired_and_its_licences_still_ours),
        cmocka_unit_test(what_is_wrong_in_a_signed_document_is_named),
        cmocka_unit_test(other_forms_of_cms_are_refused),
    };

    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
