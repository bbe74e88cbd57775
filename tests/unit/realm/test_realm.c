#include "support.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/file.h"
#include "realm/realm.h"

#define NOW INT64_C(1790000000) /* 2026-09-21 */

struct place {
    char folder[256];
    char realm[300];
    char bundle[320];
    struct rng_seeded state;
    struct rng rng;
};

static int setup(void **state)
{
    static struct place p;
    struct errinfo ei;

    test_folder(p.folder);
    snprintf(p.realm, sizeof(p.realm), "%s/realm", p.folder);
    snprintf(p.bundle, sizeof(p.bundle), "%s/client.bundle", p.realm);
    p.rng = test_rng(&p.state);
    if (realm_init("corp-lab", p.realm, NOW, &p.rng, &ei) != ERR_OK) {
        fprintf(stderr, "%s\n", ei.text);
        return -1;
    }
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    test_folder_remove(p->folder);
    return 0;
}

static mode_t mode_of(const char *folder, const char *file)
{
    char path[512];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void read_bundle(const struct place *p, struct buf *out)
{
    struct errinfo ei;

    assert_ok(file_read(p->bundle, 100000, out, &ei), &ei);
}

static void a_new_realm_is_private_and_opens_again(void **state)
{
    static const char *const files[] = {"realm.json", "secret", "issuer.key", "issuer.crt",
                                        "client.bundle"};
    struct place *p = *state;
    struct errinfo ei;
    struct realm r;

    assert_int_equal(mode_of(p->realm, "."), 0700);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(mode_of(p->realm, files[i]), 0600);
    assert_ok(realm_open(p->realm, &r, &ei), &ei);
    assert_string_equal(r.bundle.name, "corp-lab");
    assert_int_equal(r.created, NOW);
    assert_int_equal(strlen(r.bundle.id), 16);
    realm_fini(&r);
}

static void the_bundle_holds_the_realms_keys_and_not_its_secret(void **state)
{
    struct place *p = *state;
    struct buf text = BUF_INIT, secret = BUF_INIT, hex = BUF_INIT;
    struct bundle b;
    struct realm r;
    struct errinfo ei;
    char path[400];

    assert_ok(realm_open(p->realm, &r, &ei), &ei);
    assert_ok(bundle_load(p->bundle, &b, &ei), &ei);
    assert_memory_equal(&b.keys, &r.bundle.keys, sizeof(b.keys));
    assert_string_equal(b.id, r.bundle.id);
    assert_int_equal(X509_cmp(b.issuer, r.bundle.issuer), 0);
    snprintf(path, sizeof(path), "%s/secret", p->realm);
    assert_ok(file_read(path, 100, &secret, &ei), &ei);
    assert_int_equal(secret.len, 32);
    buf_add_hex(&hex, secret.data, secret.len);
    read_bundle(p, &text);
    assert_null(strstr(buf_str(&text), buf_str(&hex)));
    buf_fini(&hex);
    buf_fini(&secret);
    buf_fini(&text);
    bundle_fini(&b);
    realm_fini(&r);
}

static void a_realm_lives_thirty_years_and_signs_certificates(void **state)
{
    struct place *p = *state;
    struct errinfo ei;
    struct bundle b;
    time_t before = (time_t)(NOW + INT64_C(10950) * CLK_DAY);
    time_t after = (time_t)(NOW + INT64_C(10960) * CLK_DAY);

    assert_ok(bundle_load(p->bundle, &b, &ei), &ei);
    assert_int_equal(X509_cmp_time(X509_get0_notAfter(b.issuer), &before), 1);
    assert_int_equal(X509_cmp_time(X509_get0_notAfter(b.issuer), &after), -1);
    assert_int_equal(X509_check_ca(b.issuer), 1);
    assert_int_equal(X509_get_key_usage(b.issuer), KU_KEY_CERT_SIGN | KU_DIGITAL_SIGNATURE);
    bundle_fini(&b);
}

static void looser_modes_are_refused_and_the_remedy_is_named(void **state)
{
    static const char *const files[] = {".", "realm.json", "secret", "issuer.key", "issuer.crt"};
    struct place *p = *state;
    struct errinfo ei;
    struct realm r;
    struct bundle b;
    char path[512];

    for (size_t i = 0; i < 5; i++) {
        mode_t good = mode_of(p->realm, files[i]);

        snprintf(path, sizeof(path), "%s/%s", p->realm, files[i]);
        assert_int_equal(chmod(path, good | 0040), 0);
        assert_int_equal(realm_open(p->realm, &r, &ei), ERR_REFUSED);
        assert_contains(ei.text, good == 0700 ? "chmod 0700" : "chmod 0600");
        assert_int_equal(chmod(path, good), 0);
    }
    assert_int_equal(chmod(p->bundle, 0644), 0);
    assert_int_equal(bundle_load(p->bundle, &b, &ei), ERR_REFUSED);
    assert_contains(ei.text, "chmod 0600");
}

static void a_folder_that_holds_something_is_left_alone(void **state)
{
    struct place *p = *state;
    char other[300], file[320];
    struct errinfo ei;

    assert_int_equal(realm_init("b", p->realm, NOW, &p->rng, &ei), ERR_EXISTS);
    snprintf(other, sizeof(other), "%s/other", p->folder);
    snprintf(file, sizeof(file), "%s/mine", other);
    assert_int_equal(mkdir(other, 0755), 0);
    assert_ok(file_create(file, "x", 1, 0600, &ei), &ei);
    assert_int_equal(realm_init("b", other, NOW, &p->rng, &ei), ERR_EXISTS);
    assert_int_equal(access(file, F_OK), 0);
    assert_int_equal(unlink(file), 0);
    assert_ok(realm_init("b", other, NOW, &p->rng, &ei), &ei);
    assert_int_equal(mode_of(other, "."), 0700);
}

static void a_failed_init_leaves_nothing_behind(void **state)
{
    struct place *p = *state;
    char dir[300];
    struct errinfo ei;

    snprintf(dir, sizeof(dir), "%s/a/b", p->folder);
    assert_int_equal(realm_init("b", dir, NOW, &p->rng, &ei), ERR_NOTFOUND);
    assert_int_equal(realm_init("b/c", dir, NOW, &p->rng, &ei), ERR_USAGE);
    assert_int_equal(realm_init("", dir, NOW, &p->rng, &ei), ERR_USAGE);
    snprintf(dir, sizeof(dir), "%s/a", p->folder);
    assert_int_equal(access(dir, F_OK), -1);
}

static void the_longest_name_works(void **state)
{
    struct place *p = *state;
    char dir[300], name[REALM_NAME_MAX + 2];
    struct errinfo ei;
    struct realm r;

    memset(name, 'n', sizeof(name));
    name[REALM_NAME_MAX + 1] = '\0';
    snprintf(dir, sizeof(dir), "%s/long/", p->folder);
    assert_int_equal(realm_init(name, dir, NOW, &p->rng, &ei), ERR_USAGE);
    name[REALM_NAME_MAX] = '\0';
    assert_ok(realm_init(name, dir, NOW, &p->rng, &ei), &ei);
    assert_ok(realm_open(dir, &r, &ei), &ei);
    assert_string_equal(r.bundle.name, name);
    realm_fini(&r);
}

static void a_written_bundle_reads_back_the_same(void **state)
{
    struct place *p = *state;
    struct buf first = BUF_INIT, second = BUF_INIT;
    struct errinfo ei;
    struct bundle b;

    read_bundle(p, &first);
    assert_ok(bundle_parse(first.data, first.len, "bundle", &b, &ei), &ei);
    assert_ok(bundle_write(&b, p->bundle, &ei), &ei);
    read_bundle(p, &second);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    bundle_fini(&b);
    buf_fini(&first);
    buf_fini(&second);
}

static void a_truncated_bundle_is_refused_as_truncated(void **state)
{
    struct place *p = *state;
    struct buf text = BUF_INIT;
    struct errinfo ei;
    struct bundle b;

    read_bundle(p, &text);
    /* The text without its final newline is whole. */
    for (size_t len = 0; len + 1 < text.len; len++)
        assert_int_equal(bundle_parse(text.data, len, "bundle", &b, &ei), ERR_TRUNCATED);
    buf_fini(&text);
}

static void any_changed_byte_is_survived(void **state)
{
    struct place *p = *state;
    struct buf text = BUF_INIT;
    struct errinfo ei;

    read_bundle(p, &text);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t old = text.data[i];
        struct bundle b;

        text.data[i] = (uint8_t)(old ^ (1u << rng_below(&p->rng, 8)));
        if (bundle_parse(text.data, text.len, "bundle", &b, &ei) == ERR_OK)
            bundle_fini(&b);
        text.data[i] = old;
    }
    buf_fini(&text);
}

/* Parses the bundle with the first old replaced by new. */
static enum err parse_with(const struct place *p, const char *old, const char *new,
                           struct errinfo *ei)
{
    struct buf text = BUF_INIT, changed = BUF_INIT;
    struct bundle b;
    enum err e;

    read_bundle(p, &text);
    test_replaced(buf_str(&text), old, new, &changed);
    e = bundle_parse(changed.data, changed.len, "bundle", &b, ei);
    if (e == ERR_OK)
        bundle_fini(&b);
    buf_fini(&text);
    buf_fini(&changed);
    return e;
}

static void what_is_wrong_in_a_bundle_is_named(void **state)
{
    static const struct {
        const char *old, *new;
        enum err e;
        const char *says;
    } cases[] = {
        {"adbad-bundle-1", "adbad-bundle-2", ERR_VERSION, "adbad-bundle-2"},
        {"adbad-bundle-1", "something", ERR_MALFORMED, "\"format\""},
        {"\"realm\"", "\"name\"", ERR_MALFORMED, "\"realm\" is missing"},
        {"\"format\"", "\"more\": 1, \"format\"", ERR_MALFORMED, "\"more\" is unknown"},
        {"\"6\"", "\"7\"", ERR_MALFORMED, "\"6\" is missing"},
        {"\"request\"", "\"requests\"", ERR_MALFORMED, "\"request\" is missing"},
        {"\"enc\": \"", "\"enc\": \"00", ERR_MALFORMED, "\"enc\" has 66 bytes"},
        {"\"mac\": \"", "\"mac\": 5, \"x\": \"", ERR_MALFORMED, "\"x\" is unknown"},
        {"corp-lab", "corp lab", ERR_MALFORMED, "\"realm\""},
        {"\"realm_id\": \"", "\"realm_id\": \"x", ERR_MALFORMED, "\"realm_id\""},
        {"-----BEGIN", "hello\\n-----BEGIN", ERR_MALFORMED, "nothing else"},
        {"\"realm\": ", "\"realm\": \"a\", \"realm\": ", ERR_MALFORMED, "duplicate"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct errinfo ei = {0};

        assert_int_equal(parse_with(*state, cases[i].old, cases[i].new, &ei), cases[i].e);
        assert_contains(ei.text, cases[i].says);
    }
}

static void a_bundle_with_another_realms_id_is_refused(void **state)
{
    struct place *p = *state;
    struct errinfo ei;
    struct bundle b;
    char old[40], new[40];

    assert_ok(bundle_load(p->bundle, &b, &ei), &ei);
    snprintf(old, sizeof(old), "%s", b.id);
    snprintf(new, sizeof(new), "%s", b.id);
    new[0] = old[0] == 'a' ? 'b' : 'a';
    bundle_fini(&b);
    assert_int_equal(parse_with(p, old, new, &ei), ERR_MALFORMED);
    assert_contains(ei.text, "realm_id");
}

static void a_missing_bundle_names_the_remedy(void **state)
{
    struct place *p = *state;
    struct errinfo ei;
    struct bundle b;
    struct realm r;

    assert_int_equal(unlink(p->bundle), 0);
    assert_int_equal(bundle_load(p->bundle, &b, &ei), ERR_NOTFOUND);
    assert_contains(ei.text, "realm init");
    assert_int_equal(realm_open("/nonexistent/realm", &r, &ei), ERR_NOTFOUND);
    assert_contains(ei.text, "realm init");
}

static void a_realm_with_swapped_parts_is_refused(void **state)
{
    struct place *p = *state;
    char other[300], from[400], to[400];
    struct errinfo ei;
    struct realm r;

    snprintf(other, sizeof(other), "%s/other", p->folder);
    assert_ok(realm_init("other", other, NOW, &p->rng, &ei), &ei);
    snprintf(from, sizeof(from), "%s/issuer.key", other);
    snprintf(to, sizeof(to), "%s/issuer.key", p->realm);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(realm_open(p->realm, &r, &ei), ERR_CRYPTO);
    snprintf(from, sizeof(from), "%s/issuer.crt", other);
    snprintf(to, sizeof(to), "%s/issuer.crt", p->realm);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(realm_open(p->realm, &r, &ei), ERR_MALFORMED);
}

static void the_secret_alone_gives_the_clearing_houses_key(void **state)
{
    struct place *p = *state;
    char secret[512], other[512];
    uint8_t key[REALM_CLEARING_LEN] = {0}, none[REALM_CLEARING_LEN] = {0};
    struct realm whole;
    struct errinfo ei;

    snprintf(secret, sizeof(secret), "%s/secret", p->realm);
    assert_ok(realm_open(p->realm, &whole, &ei), &ei);
    assert_ok(realm_clearing_read(secret, &whole.bundle.keys, key, &ei), &ei);
    assert_memory_equal(key, whole.clearing, sizeof(key));

    memset(key, 0, sizeof(key));
    snprintf(other, sizeof(other), "%s/other", p->folder);
    assert_ok(realm_init("other", other, NOW, &p->rng, &ei), &ei);
    snprintf(other, sizeof(other), "%s/other/secret", p->folder);
    assert_int_equal(realm_clearing_read(other, &whole.bundle.keys, key, &ei), ERR_CONFIG);
    assert_non_null(strstr(ei.text, "another realm"));
    assert_int_equal(chmod(secret, 0644), 0);
    assert_int_equal(realm_clearing_read(secret, &whole.bundle.keys, key, &ei), ERR_REFUSED);
    assert_int_equal(chmod(secret, 0400), 0);
    assert_int_equal(truncate(secret, REALM_SECRET_LEN - 1), 0);
    assert_int_equal(realm_clearing_read(secret, &whole.bundle.keys, key, &ei), ERR_MALFORMED);
    assert_memory_equal(key, none, sizeof(key));
    realm_fini(&whole);
}

static void only_what_lies_in_the_folder_is_judged_by_it(void **state)
{
    struct place *p = *state;
    char slash[320], beside[320];
    struct errinfo ei;

    snprintf(slash, sizeof(slash), "%s/", p->realm);
    snprintf(beside, sizeof(beside), "%s.bundle", p->realm);
    assert_ok(realm_require_private(p->realm, p->bundle, &ei), &ei);
    assert_int_equal(chmod(p->realm, 0755), 0);
    assert_int_equal(realm_require_private(p->realm, p->bundle, &ei), ERR_REFUSED);
    assert_int_equal(realm_require_private(slash, p->bundle, &ei), ERR_REFUSED);
    assert_ok(realm_require_private(p->realm, beside, &ei), &ei);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_new_realm_is_private_and_opens_again),
        TEST(the_bundle_holds_the_realms_keys_and_not_its_secret),
        TEST(a_realm_lives_thirty_years_and_signs_certificates),
        TEST(looser_modes_are_refused_and_the_remedy_is_named),
        TEST(a_folder_that_holds_something_is_left_alone),
        TEST(a_failed_init_leaves_nothing_behind),
        TEST(the_longest_name_works),
        TEST(a_written_bundle_reads_back_the_same),
        TEST(a_truncated_bundle_is_refused_as_truncated),
        TEST(any_changed_byte_is_survived),
        TEST(what_is_wrong_in_a_bundle_is_named),
        TEST(a_bundle_with_another_realms_id_is_refused),
        TEST(a_missing_bundle_names_the_remedy),
        TEST(a_realm_with_swapped_parts_is_refused),
        TEST(the_secret_alone_gives_the_clearing_houses_key),
        TEST(only_what_lies_in_the_folder_is_judged_by_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
