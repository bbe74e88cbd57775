/* protect: the realm's protection of KMS messages, one scheme per protocol generation
 * (docs/protocol/kms.md). Keys are always derived from the realm secret.
 *
 * 4: fields in clear, AES-128-CMAC. 5: AES-128-CBC with a fresh IV, then HMAC-SHA256.
 * 6: AES-256-GCM under a key of its own for each message. The version travels in clear, every
 * request carries a 16-byte nonce, and the answer's tag covers the request's tag, so that an answer
 * fits one request only. */
#ifndef ADBAD_KMS_PROTECT_H
#define ADBAD_KMS_PROTECT_H

#include "base/rng.h"
#include "kms/message.h"
#include "realm/keys.h"

#define KMS_NONCE_LEN  16
#define KMS_TAG_MAX    32
#define KMS_SEALED_MAX 1024 /* no sealed message of ours is longer */

/* What ties an answer to its request. */
struct kms_exchange {
    struct kms_version version;
    size_t tag_len;
    uint8_t tag[KMS_TAG_MAX]; /* of the request */
    uint8_t nonce[KMS_NONCE_LEN];
};

/* Reads only the version in clear. ERR_TRUNCATED, or ERR_VERSION for a generation that is not
 * 4.0, 5.0 or 6.0 (*out then holds what was there). */
MUST_CHECK enum err kms_peek_version(const void *data, size_t len, struct kms_version *out);

/* What a request of version 4 shows in clear, for whoever cannot open it: nothing vouches for it.
 * ERR_VERSION for another version, ERR_TRUNCATED or ERR_MALFORMED (size or fields) for a message
 * that has not the lab format; a genuine client's never has. */
MUST_CHECK enum err kms_peek_clear(const void *data, size_t len, struct kms_request *out);

/* Checks that len is the exact size a sealed request of this version has: ERR_TRUNCATED,
 * ERR_MALFORMED (longer) or ERR_VERSION. */
MUST_CHECK enum err kms_check_request_size(struct kms_version v, size_t len);

/* What seals and opens the messages of one realm: keyed contexts of every generation and direction,
 * a source of nonces and a buffer, made once. One thread at a time; a thread has its own. */
struct kms_protector;

/* keys may go afterwards; rng, whose state must outlive the protector, gives nonces and IVs.
 * ERR_NOMEM, or ERR_CRYPTO: OpenSSL has an algorithm not. */
MUST_CHECK enum err kms_protector_new(const struct realm_keys *keys, struct rng rng,
                                      struct kms_protector **out, struct errinfo *ei);
/* Wipes the keys. NULL is fine. */
void kms_protector_free(struct kms_protector *p);

/* Appends the sealed request to out and fills x for opening the answer. */
MUST_CHECK enum err kms_seal_request(struct kms_protector *p, const struct kms_request *m,
                                     struct buf *out, struct kms_exchange *x, struct errinfo *ei);
/* ERR_VERSION, ERR_TRUNCATED/ERR_MALFORMED (size or fields), or ERR_FOREIGN: the tag is not our
 * realm's. */
MUST_CHECK enum err kms_open_request(struct kms_protector *p, const void *data, size_t len,
                                     struct kms_request *out, struct kms_exchange *x,
                                     struct errinfo *ei);
/* The answer gets the version of the request, whatever m says. */
MUST_CHECK enum err kms_seal_response(struct kms_protector *p, const struct kms_exchange *x,
                                      const struct kms_response *m, struct buf *out,
                                      struct errinfo *ei);
/* ERR_FOREIGN if the answer is not our realm's or belongs to another request. */
MUST_CHECK enum err kms_open_response(struct kms_protector *p, const struct kms_exchange *x,
                                      const void *data, size_t len, struct kms_response *out,
                                      struct errinfo *ei);

#endif
