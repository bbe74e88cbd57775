#include "realm/keys.h"

#include <stdio.h>
#include <string.h>

#include "support.h"

/* Expected values: HKDF-SHA256 by Debian's python3-cryptography
 * (HKDF(SHA256(), 32, salt=b"adbad lab realm", info).derive(bytes(range(32)))), and the same from
 * RFC 5869's two steps written out with Python's hmac and hashlib:
 *   prk = HMAC(salt, secret); key = HMAC(prk, info || 0x01). */
static const struct {
    const char *info;
    size_t gen, direction, offset;
    const char *hex;
} derived[] = {
    {"kms 4 request enc", 0, REALM_REQUEST, offsetof(struct realm_key_pair, enc),
     "00c59bb8f34f6bd7b47cd439870379571c982ee5adca753e6c002e5315d05f86"},
    {"kms 4 request mac", 0, REALM_REQUEST, offsetof(struct realm_key_pair, mac),
     "db4bf5042c471136a1b0a839564de2e31dba88b0e99f5932decabc3ed304e29a"},
    {"kms 4 response enc", 0, REALM_RESPONSE, offsetof(struct realm_key_pair, enc),
     "4bc118ad9ce477f136c23bcc6d64f1f9af37259d3df6fee83b12b9c839406416"},
    {"kms 4 response mac", 0, REALM_RESPONSE, offsetof(struct realm_key_pair, mac),
     "b9b1b4a4b0f64674a088ea531d6b99cef35695adedde17167682ef73eae0c496"},
    {"kms 5 request enc", 1, REALM_REQUEST, offsetof(struct realm_key_pair, enc),
     "ff2ff6764203707ba72daf0acafa36df15b59050abc8e72480cb0552ac7a6dee"},
    {"kms 5 request mac", 1, REALM_REQUEST, offsetof(struct realm_key_pair, mac),
     "f4184cceeb26fba95e25b75734da5da350d13caf03a56c609c4cd441530ca008"},
    {"kms 5 response enc", 1, REALM_RESPONSE, offsetof(struct realm_key_pair, enc),
     "98881e89c461d4339b4f63c12ffee522732be153c2e4abd8755b7d4d4346a375"},
    {"kms 5 response mac", 1, REALM_RESPONSE, offsetof(struct realm_key_pair, mac),
     "fd9731b2b6c49fcf861b8210cdc354a69713ea913fbbbc019a8f84e3fda3c15b"},
    {"kms 6 request enc", 2, REALM_REQUEST, offsetof(struct realm_key_pair, enc),
     "ff94a01d5f2c26561d37557be089c3a20eeab2fe435d0dcc44faac9f71681a6a"},
    {"kms 6 request mac", 2, REALM_REQUEST, offsetof(struct realm_key_pair, mac),
     "8ad09dba987fd521d8bd64760c51f41b977e13f6b4251410375475cd19a2f8d4"},
    {"kms 6 response enc", 2, REALM_RESPONSE, offsetof(struct realm_key_pair, enc),
     "11d4d1c1031f54caed6f07635f1c8c785c7a930544e325ef7a2964075683c2fd"},
    {"kms 6 response mac", 2, REALM_RESPONSE, offsetof(struct realm_key_pair, mac),
     "f39bf8d0fb8b881d6ff9866facef439708db2be32a7d8735ecd73409e13d89bf"},
};

#define DERIVED (sizeof(derived) / sizeof(derived[0]))

static void counting_secret(uint8_t secret[REALM_SECRET_LEN])
{
    for (size_t i = 0; i < REALM_SECRET_LEN; i++)
        secret[i] = (uint8_t)i;
}

static void keys_are_what_rfc_5869_says(void **state)
{
    uint8_t secret[REALM_SECRET_LEN], want[32];
    struct realm_keys keys;
    struct errinfo ei = {0};

    (void)state;
    counting_secret(secret);
    assert_ok(realm_keys_derive(secret, &keys, &ei), &ei);
    for (size_t i = 0; i < DERIVED; i++) {
        const struct realm_key_pair *pair = &keys.gen[derived[i].gen][derived[i].direction];
        const uint8_t *got = (const uint8_t *)pair + derived[i].offset;

        assert_int_equal(test_unhex(derived[i].hex, want, sizeof(want)), sizeof(want));
        if (memcmp(got, want, sizeof(want)) != 0)
            fail_msg("%s differs", derived[i].info);
    }
}

static void every_key_has_a_row_above(void **state)
{
    (void)state;
    assert_int_equal(DERIVED, sizeof(struct realm_keys) / 32);
}

static void no_two_keys_of_a_realm_are_equal(void **state)
{
    uint8_t secret[REALM_SECRET_LEN];
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    struct realm_keys keys;
    struct errinfo ei = {0};
    const uint8_t *all = (const uint8_t *)&keys;

    (void)state;
    rng_fill(&rng, secret, sizeof(secret));
    assert_ok(realm_keys_derive(secret, &keys, &ei), &ei);
    for (size_t i = 0; i < sizeof(keys); i += 32) {
        for (size_t j = 0; j < i; j += 32)
            assert_memory_not_equal(all + i, all + j, 32);
    }
}

static void another_secret_gives_other_keys(void **state)
{
    uint8_t secret[REALM_SECRET_LEN];
    struct realm_keys one, other;
    struct errinfo ei = {0};

    (void)state;
    counting_secret(secret);
    assert_ok(realm_keys_derive(secret, &one, &ei), &ei);
    secret[31] ^= 1;
    assert_ok(realm_keys_derive(secret, &other, &ei), &ei);
    for (size_t i = 0; i < sizeof(one); i += 32)
        assert_memory_not_equal((uint8_t *)&one + i, (uint8_t *)&other + i, 32);
}

static void wiped_keys_are_zero(void **state)
{
    static const struct realm_keys zero;
    struct realm_keys keys;

    (void)state;
    memset(&keys, 0xa5, sizeof(keys));
    realm_keys_wipe(&keys);
    assert_memory_equal(&keys, &zero, sizeof(keys));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_what_rfc_5869_says),
        cmocka_unit_test(every_key_has_a_row_above),
        cmocka_unit_test(no_two_keys_of_a_realm_are_equal),
        cmocka_unit_test(another_secret_gives_other_keys),
        cmocka_unit_test(wiped_keys_are_zero),
    };

    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
