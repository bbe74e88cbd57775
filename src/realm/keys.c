#include "realm/keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static const char salt[] = "adbad lab realm";
static const char *const directions[REALM_DIRECTIONS] = {
    [REALM_REQUEST] = "request",
    [REALM_RESPONSE] = "response",
};

/* HKDF extract and expand in one (RFC 5869 section 2). OpenSSL's parameters are not const,
 * though it only reads them. */
static bool hkdf(EVP_KDF_CTX *ctx, const uint8_t *secret, const char *info, uint8_t out[32])
{
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret,
                                          REALM_SECRET_LEN),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt,
                                          strlen(salt)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info,
                                          strlen(info)),
        OSSL_PARAM_construct_end(),
    };

    EVP_KDF_CTX_reset(ctx);
    return EVP_KDF_derive(ctx, out, 32, params) == 1;
}

static bool derive_pair(EVP_KDF_CTX *ctx, const uint8_t *secret, unsigned generation,
                        const char *direction, struct realm_key_pair *out)
{
    char info[32];

    snprintf(info, sizeof(info), "kms %u %s enc", generation, direction);
    if (!hkdf(ctx, secret, info, out->enc))
        return false;
    snprintf(info, sizeof(info), "kms %u %s mac", generation, direction);
    return hkdf(ctx, secret, info, out->mac);
}

static enum err no_hkdf(struct errinfo *ei)
{
    return err_fail(ei, ERR_CRYPTO, "derive realm keys: HKDF-SHA256 is not available in OpenSSL");
}

enum err realm_keys_derive(const uint8_t secret[REALM_SECRET_LEN], struct realm_keys *out,
                           struct errinfo *ei)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    bool ok = ctx != NULL;

    for (unsigned g = 0; g < 3; g++) {
        for (unsigned d = 0; d < REALM_DIRECTIONS; d++)
            ok = ok && derive_pair(ctx, secret, 4 + g, directions[d], &out->gen[g][d]);
    }
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    if (ok)
        return ERR_OK;
    realm_keys_wipe(out);
    return no_hkdf(ei);
}

static enum err derive_one(const uint8_t *from, const char *info, uint8_t out[32],
                           struct errinfo *ei)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    bool ok = ctx != NULL && hkdf(ctx, from, info, out);

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok ? ERR_OK : no_hkdf(ei);
}

enum err realm_clearing_derive(const uint8_t secret[REALM_SECRET_LEN],
                               uint8_t out[REALM_CLEARING_LEN], struct errinfo *ei)
{
    return derive_one(secret, "clearing", out, ei);
}

enum err realm_confirm_derive(const uint8_t clearing[REALM_CLEARING_LEN], const char *key,
                              const char *group, uint8_t out[REALM_CONFIRM_LEN], struct errinfo *ei)
{
    char info[256];

    if ((size_t)snprintf(info, sizeof(info), "hostkey %s %s", key, group) >= sizeof(info))
        return err_fail(ei, ERR_LIMIT, "derive confirmation key: the group's name is too long");
    return derive_one(clearing, info, out, ei);
}

enum err realm_machine_derive(const struct realm_keys *keys, const char *key,
                              uint8_t out[REALM_CONFIRM_LEN], struct errinfo *ei)
{
    char info[64];

    if ((size_t)snprintf(info, sizeof(info), "machine %s", key) >= sizeof(info))
        return err_fail(ei, ERR_LIMIT, "derive confirmation key: that is no key's text");
    return derive_one(keys->gen[2][REALM_REQUEST].mac, info, out, ei);
}

enum err realm_report_derive(const struct realm_keys *keys, uint8_t out[REALM_REPORT_LEN],
                             struct errinfo *ei)
{
    return derive_one(keys->gen[2][REALM_REQUEST].mac, "report", out, ei);
}

bool realm_hmac(const uint8_t key[32], const char *label, const void *data, size_t len,
                uint8_t out[32])
{
    struct buf text = BUF_INIT;
    bool ok;

    buf_add(&text, label, strlen(label) + 1);
    buf_add(&text, data, len);
    ok = text.err == ERR_OK && HMAC(EVP_sha256(), key, 32, text.data, text.len, out, NULL) != NULL;
    buf_fini(&text);
    return ok;
}

void realm_keys_wipe(struct realm_keys *keys)
{
    OPENSSL_cleanse(keys, sizeof(*keys));
}
