/* cipher: the primitives that protect.c puts together, through OpenSSL's EVP.
 *
 * Private to src/kms. Each object holds what would else be made for every message: the fetched
 * algorithm, the expanded key, the context. An object serves one thread at a time; after init
 * nothing is allocated, but for two small blocks that OpenSSL's HMAC makes and frees per tag. init
 * gives ERR_OK or ERR_CRYPTO (the library refuses, or is out of memory); fini wipes the keys and
 * may be called on a zeroed object. */
#ifndef ADBAD_KMS_CIPHER_H
#define ADBAD_KMS_CIPHER_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What a tag covers, in order. */
struct cipher_part {
    const void *data;
    size_t len;
};

#define CIPHER_CMAC_TAG 16
#define CIPHER_HMAC_TAG 32
#define CIPHER_GCM_IV   12
#define CIPHER_GCM_TAG  16
#define CIPHER_BLOCK    16

/* A message authentication code under one key. */
struct cipher_mac {
    EVP_MAC_CTX *ctx;
    size_t tag_len;
};

/* AES-128-CMAC (RFC 4493). */
MUST_CHECK enum err cipher_cmac_init(struct cipher_mac *m, const uint8_t key[16]);
/* HMAC-SHA256 (RFC 2104). */
MUST_CHECK enum err cipher_hmac_init(struct cipher_mac *m, const uint8_t key[32]);
void cipher_mac_fini(struct cipher_mac *m);
/* Writes CIPHER_CMAC_TAG or CIPHER_HMAC_TAG bytes. ERR_CRYPTO. */
MUST_CHECK enum err cipher_mac(struct cipher_mac *m, const struct cipher_part *parts, size_t n,
                               uint8_t *tag);
/* Compares in constant time: ERR_OK or ERR_FOREIGN. */
MUST_CHECK enum err cipher_tag_equal(const uint8_t *a, const uint8_t *b, size_t n);

/* AES-128-CBC with PKCS#7 padding under one key. */
struct cipher_cbc {
    EVP_CIPHER_CTX *encrypt, *decrypt;
};

MUST_CHECK enum err cipher_cbc_init(struct cipher_cbc *c, const uint8_t key[16]);
void cipher_cbc_fini(struct cipher_cbc *c);
/* out has room for len + 16 bytes (encrypt) or len (decrypt). ERR_CRYPTO; decrypt: ERR_MALFORMED if
 * the padding is wrong; check a tag first. */
MUST_CHECK enum err cipher_cbc_encrypt(struct cipher_cbc *c, const uint8_t iv[16],
                                       const uint8_t *in, size_t len, uint8_t *out,
                                       size_t *out_len);
MUST_CHECK enum err cipher_cbc_decrypt(struct cipher_cbc *c, const uint8_t iv[16],
                                       const uint8_t *in, size_t len, uint8_t *out,
                                       size_t *out_len);

/* AES-256-GCM, a new key each time; parts are authenticated only. */
struct cipher_gcm {
    EVP_CIPHER_CTX *encrypt, *decrypt;
};

MUST_CHECK enum err cipher_gcm_init(struct cipher_gcm *c);
void cipher_gcm_fini(struct cipher_gcm *c);
/* out has room for len bytes. ERR_CRYPTO; decrypt: ERR_FOREIGN if the tag does not hold, and out
 * then holds nothing of the message. */
MUST_CHECK enum err cipher_gcm_encrypt(struct cipher_gcm *c, const uint8_t key[32],
                                       const uint8_t iv[CIPHER_GCM_IV],
                                       const struct cipher_part *parts, size_t n, const uint8_t *in,
                                       size_t len, uint8_t *out, uint8_t tag[CIPHER_GCM_TAG]);
MUST_CHECK enum err cipher_gcm_decrypt(struct cipher_gcm *c, const uint8_t key[32],
                                       const uint8_t iv[CIPHER_GCM_IV],
                                       const struct cipher_part *parts, size_t n, const uint8_t *in,
                                       size_t len, const uint8_t tag[CIPHER_GCM_TAG], uint8_t *out);

#endif
