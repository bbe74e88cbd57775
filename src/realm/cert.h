/* cert: the few things that the realm does with X.509: making its two kinds of certificate, PEM
 * in and out, and verifying a host key's chain at a lab time. Inside the room only. */
#ifndef ADBAD_REALM_CERT_H
#define ADBAD_REALM_CERT_H

#include <openssl/types.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"

/* Our arc is the UUID 565c4b67-aafa-4b14-b0cc-56f4accb7920 (ITU-T X.667); 1: host-key group. */
#define CERT_GROUP_OID "2.25.114792828342624019739753849754537916704.1"

#define CERT_SERIAL_LEN 8

struct cert_spec {
    const char *subject; /* common name, cut to the 64 characters that X.520 allows */
    const char *group;   /* NULL: a certificate authority */
    int64_t not_before, not_after;
    EVP_PKEY *key; /* the subject's */
    X509 *issuer;  /* NULL: self-signed */
    EVP_PKEY *issuer_key;
    uint8_t serial[CERT_SERIAL_LEN]; /* positive */
};

/* A positive serial number. */
void cert_serial(const struct rng *rng, uint8_t serial[CERT_SERIAL_LEN]);
MUST_CHECK enum err cert_make(const struct cert_spec *s, X509 **out, struct errinfo *ei);
MUST_CHECK enum err cert_new_key(EVP_PKEY **out, struct errinfo *ei);

MUST_CHECK enum err cert_to_pem(X509 *cert, struct buf *out, struct errinfo *ei);
MUST_CHECK enum err cert_key_to_pem(EVP_PKEY *key, struct buf *out, struct errinfo *ei);
/* Exactly one certificate, written as cert_to_pem writes it; anything else ERR_MALFORMED. */
MUST_CHECK enum err cert_from_pem(const void *pem, size_t len, const char *what, X509 **out,
                                  struct errinfo *ei);
MUST_CHECK enum err cert_key_from_pem(const void *pem, size_t len, const char *what, EVP_PKEY **out,
                                      struct errinfo *ei);

/* Chain of one: cert must be issued by issuer, both valid at now. ERR_FOREIGN, ERR_EXPIRED,
 * ERR_CRYPTO. */
MUST_CHECK enum err cert_verify(X509 *issuer, X509 *cert, int64_t now, struct errinfo *ei);

/* err_fail with ERR_CRYPTO and OpenSSL's reason, whose queue is emptied. */
enum err cert_fail(struct errinfo *ei, const char *what);

#endif
