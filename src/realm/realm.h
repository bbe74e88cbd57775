/* realm: the lab realm's folder and what leaves it.
 *
 *   DIR/realm.json     name, id, when made, format version            0600
 *   DIR/secret         the 32-byte realm secret                       0600
 *   DIR/issuer.key     ECDSA P-256 private key, PEM (PKCS#8)          0600
 *   DIR/issuer.crt     self-signed certificate, 30 years, PEM         0600
 *   DIR/client.bundle  what simulated clients and KMS hosts hold      0600
 *
 * DIR itself is 0700. A realm or bundle with looser modes is refused. */
#ifndef ADBAD_REALM_REALM_H
#define ADBAD_REALM_REALM_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "realm/keys.h"

#define REALM_NAME_MAX 64

/* client.bundle: the issuer certificate and the derived protocol keys, never the secret. Whoever
 * holds it can also answer as a KMS host of the realm. */
struct bundle {
    char name[REALM_NAME_MAX + 1];
    char id[17];  /* first 8 bytes of SHA-256 over the issuer's SubjectPublicKeyInfo, hex */
    X509 *issuer; /* owned */
    struct realm_keys keys;
};

MUST_CHECK enum err bundle_load(const char *path, struct bundle *out, struct errinfo *ei);
/* Reads the same from memory (JSON text). */
MUST_CHECK enum err bundle_parse(const void *data, size_t len, const char *what, struct bundle *out,
                                 struct errinfo *ei);
/* Writes the file anew, 0600. */
MUST_CHECK enum err bundle_write(const struct bundle *b, const char *path, struct errinfo *ei);
void bundle_fini(struct bundle *b); /* wipes the keys */

/* The whole realm, for whoever may sign: adbactl and the steward. */
struct realm {
    struct bundle bundle;
    int64_t created;      /* Unix time */
    EVP_PKEY *issuer_key; /* owned */
    uint8_t clearing[REALM_CLEARING_LEN];
};

/* Makes a realm in folder dir, which must not exist or be empty. name: 1–64 characters of
 * letters, digits, '-', '_' and '.'. ERR_EXISTS if dir holds something. */
MUST_CHECK enum err realm_init(const char *name, const char *dir, int64_t now,
                               const struct rng *rng, struct errinfo *ei);
MUST_CHECK enum err realm_open(const char *dir, struct realm *out, struct errinfo *ei);
void realm_fini(struct realm *r);

/* The clearing house's key, from the realm's secret alone. path: the file, refused with looser
 * modes as in the folder; keys: of the realm's bundle, ERR_CONFIG if they come from another secret.
 */
MUST_CHECK enum err realm_clearing_read(const char *path, const struct realm_keys *keys,
                                        uint8_t out[REALM_CLEARING_LEN], struct errinfo *ei);
/* ERR_REFUSED if file lies in the realm's folder dir, and that is open to others; a file that lies
 * elsewhere is judged alone. */
MUST_CHECK enum err realm_require_private(const char *dir, const char *file, struct errinfo *ei);

#endif
