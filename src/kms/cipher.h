/* cipher: the primitives that protect.c puts together, each one call into OpenSSL's EVP.
 *
 * Private to src/kms. Every function returns ERR_OK, ERR_NOMEM or ERR_CRYPTO (the library refuses),
 * and those that check a tag ERR_FOREIGN if it does not hold. */
#ifndef ADBAD_KMS_CIPHER_H
#define ADBAD_KMS_CIPHER_H

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

/* AES-128-CMAC (RFC 4493). */
MUST_CHECK enum err cipher_cmac(const uint8_t key[16], const struct cipher_part *parts, size_t n,
                                uint8_t tag[CIPHER_CMAC_TAG]);
/* HMAC-SHA256 (RFC 2104). */
MUST_CHECK enum err cipher_hmac(const uint8_t key[32], const struct cipher_part *parts, size_t n,
                                uint8_t tag[CIPHER_HMAC_TAG]);
/* Compares in constant time: ERR_OK or ERR_FOREIGN. */
MUST_CHECK enum err cipher_tag_equal(const uint8_t *a, const uint8_t *b, size_t n);

/* AES-128-CBC with PKCS#7 padding. out has room for len + 16 bytes (encrypt) or len (decrypt).
 * Decrypt: ERR_MALFORMED if the padding is wrong; check a tag first. */
MUST_CHECK enum err cipher_cbc_encrypt(const uint8_t key[16], const uint8_t iv[16],
                                       const uint8_t *in, size_t len, uint8_t *out,
                                       size_t *out_len);
MUST_CHECK enum err cipher_cbc_decrypt(const uint8_t key[16], const uint8_t iv[16],
                                       const uint8_t *in, size_t len, uint8_t *out,
                                       size_t *out_len);

/* AES-256-GCM; parts are authenticated only. out has room for len bytes; in case of ERR_FOREIGN
 * it holds nothing of the message. */
MUST_CHECK enum err cipher_gcm_encrypt(const uint8_t key[32], const uint8_t iv[CIPHER_GCM_IV],
                                       const struct cipher_part *parts, size_t n, const uint8_t *in,
                                       size_t len, uint8_t *out, uint8_t tag[CIPHER_GCM_TAG]);
MUST_CHECK enum err cipher_gcm_decrypt(const uint8_t key[32], const uint8_t iv[CIPHER_GCM_IV],
                                       const struct cipher_part *parts, size_t n, const uint8_t *in,
                                       size_t len, const uint8_t tag[CIPHER_GCM_TAG], uint8_t *out);

#endif
