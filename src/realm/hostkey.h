/* hostkey: a lab CSVLK: a 5x5 key with check characters of our own, and a certificate limited to
 * one host-key group, with its private key. Licences are signed with it and chain to the issuer.
 *
 * A package is one file (JSON, 0600). "hostkey install" splits it: <slug>.json and <slug>.crt (what
 * the KMS engine may read) in the host's state folder, <slug>.key and <slug>.confirm (steward only)
 * with its secrets (realm/secrets.h). */
#ifndef ADBAD_REALM_HOSTKEY_H
#define ADBAD_REALM_HOSTKEY_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "realm/realm.h"

#define HOSTKEY_TEXT_LEN 29 /* XXXXX-XXXXX-XXXXX-XXXXX-XXXXX */

struct hostkey {
    char key[HOSTKEY_TEXT_LEN + 1];
    char *group;  /* owned */
    char pid[64]; /* extended product id text, ours: "adbad-<realm id>-<serial>" */
    int64_t issued;
    X509 *cert;                         /* owned */
    EVP_PKEY *pkey;                     /* owned; NULL where only the public part was loaded */
    uint8_t confirm[REALM_CONFIRM_LEN]; /* confirmation key; zero where pkey is NULL */
};

#define HOSTKEY_GROUP_MAX 120 /* bytes of a group's name */

/* The part of a file name that stands for a group: lower-case letters and digits of its name, with
 * one '-' for whatever is between them ("volume-license-for-windows-server-2022"). Returns out. */
const char *hostkey_slug(const char *group, char out[HOSTKEY_GROUP_MAX + 1]);

/* True if text is a well-formed host key of ours (alphabet, groups, check characters). A
 * published client setup key or a random key is not. */
bool hostkey_text_valid(const char *text);

#define HOSTKEY_FREE 19 /* characters of the text that are free: its identity */

/* The free characters of a valid text as values 0 to 30; false if it is not valid. */
bool hostkey_text_values(const char *text, uint8_t out[HOSTKEY_FREE]);
/* The text with these free characters (each below 31). */
void hostkey_text_from_values(const uint8_t values[HOSTKEY_FREE], char out[HOSTKEY_TEXT_LEN + 1]);

/* Issues a new package for a group. group must be a catalogue group's exact name: the caller
 * checks. The certificate names the group (extension under our arc) and is valid for 10 years. */
MUST_CHECK enum err hostkey_issue(const struct realm *r, const char *group, int64_t now,
                                  const struct rng *rng, struct hostkey *out, struct errinfo *ei);
/* Writes the package to a new file: ERR_EXISTS if there is one. */
MUST_CHECK enum err hostkey_write(const struct hostkey *k, const char *path, struct errinfo *ei);
MUST_CHECK enum err hostkey_load(const char *path, struct hostkey *out, struct errinfo *ei);
void hostkey_fini(struct hostkey *k);

/* Verifies that cert chains to the bundle's issuer at time now and may sign for group.
 * ERR_FOREIGN (another issuer), ERR_EXPIRED, ERR_CRYPTO, ERR_REFUSED (another group). */
MUST_CHECK enum err hostkey_verify(const struct bundle *b, X509 *cert, const char *group,
                                   int64_t now, struct errinfo *ei);

/* The end of a certificate's time, Unix seconds. */
int64_t hostkey_cert_not_after(X509 *cert);

/* The group a certificate is limited to; caller frees. */
MUST_CHECK enum err hostkey_cert_group(X509 *cert, char **group, struct errinfo *ei);

struct installation; /* realm/installation.h */

/* Installs into both folders' folder hostkeys (made 0700 if missing) after hostkey_verify and
 * secrets_open; beside is what it keeps of the host, without an activation. In one piece: whatever
 * a crash leaves is the former key or the new one, of which secrets_open ends the rest. Who reads
 * meanwhile has one of the two. ERR_EXISTS if a key of that group is installed, unless replace. */
MUST_CHECK enum err hostkey_install(const struct bundle *b, const struct hostkey *k,
                                    const struct installation *beside, const char *state_dir,
                                    const char *secrets_dir, bool replace, int64_t now,
                                    struct errinfo *ei);
MUST_CHECK enum err hostkey_uninstall(const char *state_dir, const char *secrets_dir,
                                      const char *group, struct errinfo *ei);

/* Loads what is installed, sorted by group; with secrets_dir the private keys too, NULL: without.
 * The caller frees each with hostkey_fini and the array with free. No folder: zero keys. */
MUST_CHECK enum err hostkey_installed(const char *state_dir, const char *secrets_dir,
                                      struct hostkey **out, size_t *n, struct errinfo *ei);

#endif
