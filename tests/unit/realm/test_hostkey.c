#include "support.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/file.h"
#include "realm/hostkey.h"
#include "realm/installation.h"

#define NOW    INT64_C(1790000000)
#define SERVER "Volume License for Windows Server 2022"
#define CLIENT "Volume License for Windows 8.1"

static const char alphabet[] = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"; /* docs/hostkeys.md */

struct place {
    char folder[256];
    char secrets[300];
    char package[300];
    struct rng_seeded state;
    struct rng rng;
    struct realm realm, other;
    struct hostkey key;
};

static void make_realm(struct place *p, const char *name, struct realm *out)
{
    char dir[300];
    struct errinfo ei;

    snprintf(dir, sizeof(dir), "%s/%s", p->folder, name);
    assert_ok(realm_init(name, dir, NOW, &p->rng, &ei), &ei);
    assert_ok(realm_open(dir, out, &ei), &ei);
}

static int setup(void **state)
{
    static struct place p;
    struct errinfo ei;

    p = (struct place){0};
    test_folder(p.folder);
    snprintf(p.secrets, sizeof(p.secrets), "%s/private", p.folder);
    p.rng = test_rng(&p.state);
    make_realm(&p, "ours", &p.realm);
    make_realm(&p, "other", &p.other);
    snprintf(p.package, sizeof(p.package), "%s/x.hostkey", p.folder);
    assert_ok(hostkey_issue(&p.realm, SERVER, NOW, &p.rng, &p.key, &ei), &ei);
    assert_ok(hostkey_write(&p.key, p.package, &ei), &ei);
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    hostkey_fini(&p->key);
    realm_fini(&p->realm);
    realm_fini(&p->other);
    test_folder_remove(p->folder);
    return 0;
}

/* ---- the text ---- */

static void an_issued_key_is_well_formed(void **state)
{
    struct place *p = *state;

    assert_true(hostkey_text_valid(p->key.key));
    assert_int_equal(strlen(p->key.key), HOSTKEY_TEXT_LEN);
    assert_int_equal(p->key.key[0], 'A');
}

static void every_single_wrong_character_is_caught(void **state)
{
    struct place *p = *state;
    char text[HOSTKEY_TEXT_LEN + 1];

    for (size_t i = 0; i < HOSTKEY_TEXT_LEN; i++) {
        for (int c = 1; c < 256; c++) {
            memcpy(text, p->key.key, sizeof(text));
            if (text[i] == (char)c)
                continue;
            text[i] = (char)c;
            assert_false(hostkey_text_valid(text));
        }
    }
}

static void every_transposition_is_caught(void **state)
{
    struct place *p = *state;
    char text[HOSTKEY_TEXT_LEN + 1];

    for (size_t i = 0; i < HOSTKEY_TEXT_LEN; i++) {
        for (size_t j = i + 1; j < HOSTKEY_TEXT_LEN; j++) {
            memcpy(text, p->key.key, sizeof(text));
            text[i] = p->key.key[j];
            text[j] = p->key.key[i];
            if (text[i] != text[j])
                assert_false(hostkey_text_valid(text));
        }
    }
}

/* The code's distance is 6, so any 2 to 5 wrong characters are caught too. */
static void up_to_five_wrong_characters_are_caught(void **state)
{
    struct place *p = *state;

    for (int round = 0; round < 20000; round++) {
        char text[HOSTKEY_TEXT_LEN + 1];

        memcpy(text, p->key.key, sizeof(text));
        for (int n = 0; n < 5; n++) {
            size_t at = (size_t)rng_below(&p->rng, HOSTKEY_TEXT_LEN);

            if (text[at] != '-')
                text[at] = alphabet[rng_below(&p->rng, 31)];
        }
        if (strcmp(text, p->key.key) != 0)
            assert_false(hostkey_text_valid(text));
    }
}

static void other_lengths_and_cases_are_refused(void **state)
{
    struct place *p = *state;
    char text[HOSTKEY_TEXT_LEN + 2];

    for (size_t len = 0; len < HOSTKEY_TEXT_LEN; len++) {
        snprintf(text, sizeof(text), "%.*s", (int)len, p->key.key);
        assert_false(hostkey_text_valid(text));
    }
    snprintf(text, sizeof(text), "%sA", p->key.key);
    assert_false(hostkey_text_valid(text));
    snprintf(text, sizeof(text), "%s", p->key.key);
    text[0] = 'a';
    assert_false(hostkey_text_valid(text));
    assert_false(hostkey_text_valid(NULL));
}

/* Words made by hand: 3 is a root of unity's generator modulo 31, so a word whose polynomial has
 * the roots 3, 9, 27, 19 and 26 is a key, and the sum of each at those points is 0. */
static void the_check_characters_follow_the_documented_code(void **state)
{
    static const unsigned roots[] = {3, 9, 27, 19, 26};
    struct place *p = *state;

    for (size_t r = 0; r < 5; r++) {
        unsigned sum = 0;

        for (const char *c = p->key.key; *c != '\0'; c++)
            if (*c != '-')
                sum = (sum * roots[r] + (unsigned)(strchr(alphabet, *c) - alphabet)) % 31;
        assert_int_equal(sum, 0);
    }
}

/* A key plus a polynomial that has all roots but one fails at that one alone. */
static void each_of_the_five_roots_counts(void **state)
{
    static const unsigned roots[] = {3, 9, 27, 19, 26};
    struct place *p = *state;

    for (size_t without = 0; without < 5; without++) {
        unsigned poly[5] = {1}; /* highest coefficient first */
        char text[HOSTKEY_TEXT_LEN + 1];
        size_t degree = 0;

        for (size_t r = 0; r < 5; r++) {
            if (r == without)
                continue;
            degree++;
            for (size_t i = degree; i > 0; i--)
                poly[i] = (poly[i] + (31 - roots[r]) * poly[i - 1]) % 31;
        }
        memcpy(text, p->key.key, sizeof(text));
        for (size_t i = 0; i < 5; i++) {
            char *c = &text[HOSTKEY_TEXT_LEN - 5 + i];

            *c = alphabet[((unsigned)(strchr(alphabet, *c) - alphabet) + poly[i]) % 31];
        }
        assert_string_not_equal(text, p->key.key);
        assert_false(hostkey_text_valid(text));
    }
}

static size_t refuse_keys_of(const char *file)
{
    char path[512], line[1024];
    size_t n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", TEST_DATA, file);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        for (char *cell = strtok(line, ",\n"); cell != NULL; cell = strtok(NULL, ",\n")) {
            if (strlen(cell) != HOSTKEY_TEXT_LEN || cell[5] != '-' || cell[23] != '-')
                continue;
            n++;
            assert_false(hostkey_text_valid(cell));
        }
    }
    fclose(f);
    return n;
}

static void every_published_key_is_refused(void **state)
{
    (void)state;
    assert_true(refuse_keys_of("client_setup_keys.csv") > 100);
    assert_true(refuse_keys_of("avma_keys.csv") > 10);
}

/* ---- the package ---- */

static void a_package_reads_back_the_same_and_is_private(void **state)
{
    struct place *p = *state;
    struct hostkey k;
    struct errinfo ei;
    struct stat st;

    assert_int_equal(stat(p->package, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_ok(hostkey_load(p->package, &k, &ei), &ei);
    assert_string_equal(k.key, p->key.key);
    assert_string_equal(k.group, SERVER);
    assert_string_equal(k.pid, p->key.pid);
    assert_int_equal(k.issued, NOW);
    assert_int_equal(X509_cmp(k.cert, p->key.cert), 0);
    assert_int_equal(EVP_PKEY_eq(k.pkey, p->key.pkey), 1);
    hostkey_fini(&k);
    assert_int_equal(hostkey_write(&p->key, p->package, &ei), ERR_EXISTS);
}

static void a_package_others_can_read_is_refused(void **state)
{
    struct place *p = *state;
    struct hostkey k;
    struct errinfo ei;

    assert_int_equal(chmod(p->package, 0640), 0);
    assert_int_equal(hostkey_load(p->package, &k, &ei), ERR_REFUSED);
    assert_contains(ei.text, "chmod 0600");
}

/* Rewrites the package with the first len bytes of text. */
static void rewrite(const struct place *p, const void *text, size_t len)
{
    struct errinfo ei;

    assert_ok(file_write_atomic(p->package, text, len, 0600, &ei), &ei);
}

static void a_truncated_package_is_refused_as_truncated(void **state)
{
    struct place *p = *state;
    struct buf text = BUF_INIT;
    struct hostkey k;
    struct errinfo ei;

    assert_ok(file_read(p->package, 100000, &text, &ei), &ei);
    for (size_t len = 0; len + 1 < text.len; len += 7) { /* each costs an fsync */
        rewrite(p, text.data, len);
        assert_int_equal(hostkey_load(p->package, &k, &ei), ERR_TRUNCATED);
    }
    buf_fini(&text);
}

static void a_package_whose_parts_disagree_is_refused(void **state)
{
    struct place *p = *state;
    struct hostkey second, k;
    struct errinfo ei;
    char *group;

    assert_ok(hostkey_issue(&p->realm, SERVER, NOW, &p->rng, &second, &ei), &ei);
    assert_int_equal(unlink(p->package), 0);
    EVP_PKEY_up_ref(second.pkey);
    EVP_PKEY_free(p->key.pkey);
    p->key.pkey = second.pkey;
    assert_ok(hostkey_write(&p->key, p->package, &ei), &ei);
    assert_int_equal(hostkey_load(p->package, &k, &ei), ERR_MALFORMED);
    assert_contains(ei.text, "private_key");

    assert_int_equal(unlink(p->package), 0);
    group = second.group;
    second.group = strdup(CLIENT);
    assert_ok(hostkey_write(&second, p->package, &ei), &ei);
    assert_int_equal(hostkey_load(p->package, &k, &ei), ERR_MALFORMED);
    assert_contains(ei.text, "\"group\"");
    free(group);

    assert_int_equal(unlink(p->package), 0);
    second.key[3] = second.key[3] == 'B' ? 'C' : 'B';
    assert_ok(hostkey_write(&second, p->package, &ei), &ei);
    assert_int_equal(hostkey_load(p->package, &k, &ei), ERR_MALFORMED);
    assert_contains(ei.text, "\"key\"");
    hostkey_fini(&second);
}

/* ---- the certificate ---- */

static void the_certificate_is_for_its_group_realm_and_time_alone(void **state)
{
    struct place *p = *state;
    struct bundle *ours = &p->realm.bundle, *other = &p->other.bundle;
    X509 *cert = p->key.cert;
    struct errinfo ei;

    assert_ok(hostkey_verify(ours, cert, SERVER, NOW, &ei), &ei);
    assert_ok(hostkey_verify(ours, cert, SERVER, NOW + 3650 * CLK_DAY, &ei), &ei);
    assert_int_equal(hostkey_verify(ours, cert, SERVER, NOW + 3653 * CLK_DAY, &ei), ERR_EXPIRED);
    assert_int_equal(hostkey_verify(ours, cert, SERVER, NOW - 1, &ei), ERR_EXPIRED);
    assert_int_equal(hostkey_verify(ours, cert, CLIENT, NOW, &ei), ERR_REFUSED);
    assert_contains(ei.text, SERVER);
    assert_int_equal(hostkey_verify(other, cert, SERVER, NOW, &ei), ERR_FOREIGN);
    /* The issuer's own certificate chains, but it is no host key. */
    assert_int_equal(hostkey_verify(ours, ours->issuer, SERVER, NOW, &ei), ERR_CRYPTO);
}

static void no_changed_byte_of_a_certificate_passes(void **state)
{
    struct place *p = *state;
    unsigned char *der = NULL;
    int len = i2d_X509(p->key.cert, &der);

    assert_true(len > 0);
    for (int i = 0; i < len; i++) {
        const unsigned char *at = der;
        unsigned char old = der[i];
        X509 *cert;

        der[i] = (unsigned char)(old ^ (1u << rng_below(&p->rng, 8)));
        cert = d2i_X509(NULL, &at, len);
        if (cert != NULL)
            assert_int_not_equal(hostkey_verify(&p->realm.bundle, cert, SERVER, NOW, NULL), ERR_OK);
        X509_free(cert);
        der[i] = old;
    }
    OPENSSL_free(der);
}

/* ---- installing ---- */

static const struct installation beside;

static void slugs_name_files(void **state)
{
    char slug[HOSTKEY_GROUP_MAX + 1];

    (void)state;
    assert_string_equal(hostkey_slug(CLIENT, slug), "volume-license-for-windows-8-1");
    assert_string_equal(hostkey_slug("../Windows Server 2008 R2 KMS_A/", slug),
                        "windows-server-2008-r2-kms-a");
}

static void installed_keys_are_listed_sorted_and_private(void **state)
{
    struct place *p = *state;
    struct hostkey client, *keys;
    struct errinfo ei;
    struct stat st;
    char path[512];
    size_t n;

    assert_ok(hostkey_installed(p->folder, p->secrets, &keys, &n, &ei), &ei);
    assert_int_equal(n, 0);
    assert_ok(hostkey_issue(&p->realm, CLIENT, NOW, &p->rng, &client, &ei), &ei);
    assert_ok(
        hostkey_install(&p->realm.bundle, &p->key, &beside, p->folder, p->secrets, false, NOW, &ei),
        &ei);
    assert_ok(
        hostkey_install(&p->realm.bundle, &client, &beside, p->folder, p->secrets, false, NOW, &ei),
        &ei);
    snprintf(path, sizeof(path), "%s/hostkeys", p->folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(p->secrets, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    snprintf(path, sizeof(path), "%s/hostkeys/volume-license-for-windows-8-1.key", p->secrets);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    for (int with_private = 0; with_private < 2; with_private++) {
        assert_ok(hostkey_installed(p->folder, with_private ? p->secrets : NULL, &keys, &n, &ei),
                  &ei);
        assert_int_equal(n, 2);
        assert_string_equal(keys[0].group, CLIENT);
        assert_string_equal(keys[1].group, SERVER);
        assert_string_equal(keys[1].key, p->key.key);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(keys[i].pkey != NULL, with_private);
            hostkey_fini(&keys[i]);
        }
        free(keys);
    }
    hostkey_fini(&client);
}

static void one_key_per_group_unless_replaced(void **state)
{
    struct place *p = *state;
    struct hostkey second, *keys;
    struct errinfo ei;
    size_t n;

    assert_ok(hostkey_issue(&p->realm, SERVER, NOW, &p->rng, &second, &ei), &ei);
    assert_ok(
        hostkey_install(&p->realm.bundle, &p->key, &beside, p->folder, p->secrets, false, NOW, &ei),
        &ei);
    assert_int_equal(
        hostkey_install(&p->realm.bundle, &second, &beside, p->folder, p->secrets, false, NOW, &ei),
        ERR_EXISTS);
    assert_ok(
        hostkey_install(&p->realm.bundle, &second, &beside, p->folder, p->secrets, true, NOW, &ei),
        &ei);
    assert_ok(hostkey_installed(p->folder, p->secrets, &keys, &n, &ei), &ei);
    assert_int_equal(n, 1);
    assert_string_equal(keys[0].key, second.key);
    hostkey_fini(&keys[0]);
    free(keys);
    hostkey_fini(&second);
    assert_ok(hostkey_uninstall(p->folder, p->secrets, SERVER, &ei), &ei);
    assert_int_equal(hostkey_uninstall(p->folder, p->secrets, SERVER, &ei), ERR_NOTFOUND);
    assert_ok(hostkey_installed(p->folder, p->secrets, &keys, &n, &ei), &ei);
    assert_int_equal(n, 0);
}

static void a_foreign_key_is_not_installed(void **state)
{
    struct place *p = *state;
    struct errinfo ei;
    char path[512];

    assert_int_equal(
        hostkey_install(&p->other.bundle, &p->key, &beside, p->folder, p->secrets, false, NOW, &ei),
        ERR_FOREIGN);
    snprintf(path, sizeof(path), "%s/hostkeys", p->folder);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_issued_key_is_well_formed),
        TEST(every_single_wrong_character_is_caught),
        TEST(every_transposition_is_caught),
        TEST(up_to_five_wrong_characters_are_caught),
        TEST(other_lengths_and_cases_are_refused),
        TEST(the_check_characters_follow_the_documented_code),
        TEST(each_of_the_five_roots_counts),
        cmocka_unit_test(every_published_key_is_refused),
        TEST(a_package_reads_back_the_same_and_is_private),
        TEST(a_package_others_can_read_is_refused),
        TEST(a_truncated_package_is_refused_as_truncated),
        TEST(a_package_whose_parts_disagree_is_refused),
        TEST(the_certificate_is_for_its_group_realm_and_time_alone),
        TEST(no_changed_byte_of_a_certificate_passes),
        cmocka_unit_test(slugs_name_files),
        TEST(installed_keys_are_listed_sorted_and_private),
        TEST(one_key_per_group_unless_replaced),
        TEST(a_foreign_key_is_not_installed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
