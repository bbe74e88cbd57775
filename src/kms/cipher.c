#include "kms/cipher.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <string.h>

/* Messages are a few hundred bytes; EVP counts in int. */
#define CIPHER_MAX 4096

static bool mac_run(EVP_MAC_CTX *ctx, const uint8_t *key, size_t key_len, const OSSL_PARAM *params,
                    const struct cipher_part *parts, size_t n, uint8_t *tag, size_t tag_len)
{
    bool ok = EVP_MAC_init(ctx, key, key_len, params) == 1;
    size_t got = 0;

    for (size_t i = 0; i < n; i++)
        ok = ok && EVP_MAC_update(ctx, parts[i].data, parts[i].len) == 1;
    return ok && EVP_MAC_final(ctx, tag, &got, tag_len) == 1 && got == tag_len;
}

static enum err mac(const char *name, const OSSL_PARAM *params, const uint8_t *key, size_t key_len,
                    const struct cipher_part *parts, size_t n, uint8_t *tag, size_t tag_len)
{
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, name, NULL);
    EVP_MAC_CTX *ctx = algorithm == NULL ? NULL : EVP_MAC_CTX_new(algorithm);
    bool ok = ctx != NULL && mac_run(ctx, key, key_len, params, parts, n, tag, tag_len);

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(algorithm);
    return ok ? ERR_OK : ERR_CRYPTO;
}

enum err cipher_cmac(const uint8_t key[16], const struct cipher_part *parts, size_t n,
                     uint8_t tag[CIPHER_CMAC_TAG])
{
    char cipher[] = "AES-128-CBC";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_end(),
    };

    return mac("CMAC", params, key, 16, parts, n, tag, CIPHER_CMAC_TAG);
}

enum err cipher_hmac(const uint8_t key[32], const struct cipher_part *parts, size_t n,
                     uint8_t tag[CIPHER_HMAC_TAG])
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return mac("HMAC", params, key, 32, parts, n, tag, CIPHER_HMAC_TAG);
}

enum err cipher_tag_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0 ? ERR_OK : ERR_FOREIGN;
}

enum err cipher_cbc_encrypt(const uint8_t key[16], const uint8_t iv[16], const uint8_t *in,
                            size_t len, uint8_t *out, size_t *out_len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int body = 0, last = 0;
    bool ok = ctx != NULL && len <= CIPHER_MAX &&
              EVP_EncryptInit_ex2(ctx, EVP_aes_128_cbc(), key, iv, NULL) == 1 &&
              EVP_EncryptUpdate(ctx, out, &body, in, (int)len) == 1 &&
              EVP_EncryptFinal_ex(ctx, out + body, &last) == 1;

    EVP_CIPHER_CTX_free(ctx);
    *out_len = ok ? (size_t)(body + last) : 0;
    return ok ? ERR_OK : ERR_CRYPTO;
}

enum err cipher_cbc_decrypt(const uint8_t key[16], const uint8_t iv[16], const uint8_t *in,
                            size_t len, uint8_t *out, size_t *out_len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int body = 0, last = 0;
    bool ok = ctx != NULL && len <= CIPHER_MAX &&
              EVP_DecryptInit_ex2(ctx, EVP_aes_128_cbc(), key, iv, NULL) == 1 &&
              EVP_DecryptUpdate(ctx, out, &body, in, (int)len) == 1;
    bool padded = ok && EVP_DecryptFinal_ex(ctx, out + body, &last) == 1;

    EVP_CIPHER_CTX_free(ctx);
    *out_len = padded ? (size_t)(body + last) : 0;
    return !ok ? ERR_CRYPTO : padded ? ERR_OK : ERR_MALFORMED;
}

static bool gcm_start(EVP_CIPHER_CTX *ctx, bool encrypt, const uint8_t *key, const uint8_t *iv,
                      const struct cipher_part *parts, size_t n)
{
    int ignored;

    if (ctx == NULL || EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), key, iv, encrypt, NULL) != 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > CIPHER_MAX ||
            EVP_CipherUpdate(ctx, NULL, &ignored, parts[i].data, (int)parts[i].len) != 1)
            return false;
    }
    return true;
}

enum err cipher_gcm_encrypt(const uint8_t key[32], const uint8_t iv[CIPHER_GCM_IV],
                            const struct cipher_part *parts, size_t n, const uint8_t *in,
                            size_t len, uint8_t *out, uint8_t tag[CIPHER_GCM_TAG])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int body = 0, last = 0;
    bool ok = len <= CIPHER_MAX && gcm_start(ctx, true, key, iv, parts, n) &&
              EVP_EncryptUpdate(ctx, out, &body, in, (int)len) == 1 &&
              EVP_EncryptFinal_ex(ctx, out + body, &last) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CIPHER_GCM_TAG, tag) == 1;

    EVP_CIPHER_CTX_free(ctx);
    return ok ? ERR_OK : ERR_CRYPTO;
}

enum err cipher_gcm_decrypt(const uint8_t key[32], const uint8_t iv[CIPHER_GCM_IV],
                            const struct cipher_part *parts, size_t n, const uint8_t *in,
                            size_t len, const uint8_t tag[CIPHER_GCM_TAG], uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t expected[CIPHER_GCM_TAG];
    int body = 0, last = 0;
    bool ok, held;

    memcpy(expected, tag, sizeof(expected));
    ok = len <= CIPHER_MAX && gcm_start(ctx, false, key, iv, parts, n) &&
         EVP_DecryptUpdate(ctx, out, &body, in, (int)len) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CIPHER_GCM_TAG, expected) == 1;
    /* OpenSSL compares the tag in constant time. */
    held = ok && EVP_DecryptFinal_ex(ctx, out + body, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!held)
        OPENSSL_cleanse(out, len);
    return !ok ? ERR_CRYPTO : held ? ERR_OK : ERR_FOREIGN;
}
