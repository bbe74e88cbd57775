#include "kms/cipher.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <string.h>

/* Messages are a few hundred bytes; EVP counts in int. */
#define CIPHER_MAX 4096

/* ---- message authentication codes ---- */

static enum err mac_init(struct cipher_mac *m, const char *name, const OSSL_PARAM *params,
                         const uint8_t *key, size_t key_len, size_t tag_len)
{
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, name, NULL);

    *m = (struct cipher_mac){.tag_len = tag_len};
    m->ctx = algorithm == NULL ? NULL : EVP_MAC_CTX_new(algorithm);
    EVP_MAC_free(algorithm); /* the context keeps a reference */
    if (m->ctx != NULL && EVP_MAC_init(m->ctx, key, key_len, params) == 1)
        return ERR_OK;
    cipher_mac_fini(m);
    return ERR_CRYPTO;
}

enum err cipher_cmac_init(struct cipher_mac *m, const uint8_t key[16])
{
    char cipher[] = "AES-128-CBC";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_end(),
    };

    return mac_init(m, "CMAC", params, key, 16, CIPHER_CMAC_TAG);
}

enum err cipher_hmac_init(struct cipher_mac *m, const uint8_t key[32])
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return mac_init(m, "HMAC", params, key, 32, CIPHER_HMAC_TAG);
}

void cipher_mac_fini(struct cipher_mac *m)
{
    EVP_MAC_CTX_free(m->ctx);
    *m = (struct cipher_mac){0};
}

enum err cipher_mac(struct cipher_mac *m, const struct cipher_part *parts, size_t n, uint8_t *tag)
{
    bool ok = EVP_MAC_init(m->ctx, NULL, 0, NULL) == 1; /* begins anew under the same key */
    size_t got = 0;

    for (size_t i = 0; i < n; i++)
        ok = ok && (parts[i].len == 0 || EVP_MAC_update(m->ctx, parts[i].data, parts[i].len) == 1);
    ok = ok && EVP_MAC_final(m->ctx, tag, &got, m->tag_len) == 1 && got == m->tag_len;
    return ok ? ERR_OK : ERR_CRYPTO;
}

enum err cipher_tag_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0 ? ERR_OK : ERR_FOREIGN;
}

/* ---- ciphers ---- */

/* Fetched, so that later inits with no cipher named look nothing up. */
static EVP_CIPHER_CTX *cipher_new(const char *name, const uint8_t *key, bool encrypt)
{
    EVP_CIPHER *algorithm = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = algorithm != NULL && ctx != NULL &&
              EVP_CipherInit_ex2(ctx, algorithm, key, NULL, encrypt, NULL) == 1;

    EVP_CIPHER_free(algorithm); /* the context keeps a reference */
    if (ok)
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

enum err cipher_cbc_init(struct cipher_cbc *c, const uint8_t key[16])
{
    c->encrypt = cipher_new("AES-128-CBC", key, true);
    c->decrypt = cipher_new("AES-128-CBC", key, false);
    if (c->encrypt != NULL && c->decrypt != NULL)
        return ERR_OK;
    cipher_cbc_fini(c);
    return ERR_CRYPTO;
}

void cipher_cbc_fini(struct cipher_cbc *c)
{
    EVP_CIPHER_CTX_free(c->encrypt);
    EVP_CIPHER_CTX_free(c->decrypt);
    *c = (struct cipher_cbc){0};
}

enum err cipher_cbc_encrypt(struct cipher_cbc *c, const uint8_t iv[16], const uint8_t *in,
                            size_t len, uint8_t *out, size_t *out_len)
{
    int body = 0, last = 0;
    bool ok = len <= CIPHER_MAX && EVP_EncryptInit_ex2(c->encrypt, NULL, NULL, iv, NULL) == 1 &&
              EVP_EncryptUpdate(c->encrypt, out, &body, in, (int)len) == 1 &&
              EVP_EncryptFinal_ex(c->encrypt, out + body, &last) == 1;

    *out_len = ok ? (size_t)(body + last) : 0;
    return ok ? ERR_OK : ERR_CRYPTO;
}

enum err cipher_cbc_decrypt(struct cipher_cbc *c, const uint8_t iv[16], const uint8_t *in,
                            size_t len, uint8_t *out, size_t *out_len)
{
    int body = 0, last = 0;
    bool ok = len <= CIPHER_MAX && EVP_DecryptInit_ex2(c->decrypt, NULL, NULL, iv, NULL) == 1 &&
              EVP_DecryptUpdate(c->decrypt, out, &body, in, (int)len) == 1;
    bool padded = ok && EVP_DecryptFinal_ex(c->decrypt, out + body, &last) == 1;

    *out_len = padded ? (size_t)(body + last) : 0;
    return !ok ? ERR_CRYPTO : padded ? ERR_OK : ERR_MALFORMED;
}

enum err cipher_gcm_init(struct cipher_gcm *c)
{
    c->encrypt = cipher_new("AES-256-GCM", NULL, true);
    c->decrypt = cipher_new("AES-256-GCM", NULL, false);
    if (c->encrypt != NULL && c->decrypt != NULL)
        return ERR_OK;
    cipher_gcm_fini(c);
    return ERR_CRYPTO;
}

void cipher_gcm_fini(struct cipher_gcm *c)
{
    EVP_CIPHER_CTX_free(c->encrypt);
    EVP_CIPHER_CTX_free(c->decrypt);
    *c = (struct cipher_gcm){0};
}

static bool gcm_start(EVP_CIPHER_CTX *ctx, bool encrypt, const uint8_t *key, const uint8_t *iv,
                      const struct cipher_part *parts, size_t n)
{
    int ignored;

    if (EVP_CipherInit_ex2(ctx, NULL, key, iv, encrypt, NULL) != 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > CIPHER_MAX ||
            (parts[i].len > 0 &&
             EVP_CipherUpdate(ctx, NULL, &ignored, parts[i].data, (int)parts[i].len) != 1))
            return false;
    }
    return true;
}

enum err cipher_gcm_encrypt(struct cipher_gcm *c, const uint8_t key[32],
                            const uint8_t iv[CIPHER_GCM_IV], const struct cipher_part *parts,
                            size_t n, const uint8_t *in, size_t len, uint8_t *out,
                            uint8_t tag[CIPHER_GCM_TAG])
{
    EVP_CIPHER_CTX *ctx = c->encrypt;
    int body = 0, last = 0;
    bool ok = len <= CIPHER_MAX && gcm_start(ctx, true, key, iv, parts, n) &&
              EVP_EncryptUpdate(ctx, out, &body, in, (int)len) == 1 &&
              EVP_EncryptFinal_ex(ctx, out + body, &last) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CIPHER_GCM_TAG, tag) == 1;

    return ok ? ERR_OK : ERR_CRYPTO;
}

enum err cipher_gcm_decrypt(struct cipher_gcm *c, const uint8_t key[32],
                            const uint8_t iv[CIPHER_GCM_IV], const struct cipher_part *parts,
                            size_t n, const uint8_t *in, size_t len,
                            const uint8_t tag[CIPHER_GCM_TAG], uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = c->decrypt;
    uint8_t expected[CIPHER_GCM_TAG];
    int body = 0, last = 0;
    bool ok, held;

    memcpy(expected, tag, sizeof(expected));
    ok = len <= CIPHER_MAX && gcm_start(ctx, false, key, iv, parts, n) &&
         EVP_DecryptUpdate(ctx, out, &body, in, (int)len) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CIPHER_GCM_TAG, expected) == 1;
    /* OpenSSL compares the tag in constant time. */
    held = ok && EVP_DecryptFinal_ex(ctx, out + body, &last) == 1;
    if (!held)
        OPENSSL_cleanse(out, len);
    return !ok ? ERR_CRYPTO : held ? ERR_OK : ERR_FOREIGN;
}
