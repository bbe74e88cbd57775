/* machine_key: the Kerberos keys of a machine account in an AD domain, made from its password as
 * the domain controller makes them, and the keytab that holds them. */
#ifndef ADBAD_LDAP_MACHINE_KEY_H
#define ADBAD_LDAP_MACHINE_KEY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct machine_key {
    const char *name;   /* without the dollar sign */
    const char *domain; /* DNS name; the realm is the same in upper case */
    const char *password;
    uint32_t kvno; /* msDS-KeyVersionNumber */
};

#define MACHINE_PASSWORD_MAX 56

/* A random password that meets the complexity rules of a domain. */
struct rng;
void machine_password(const struct rng *rng, char text[MACHINE_PASSWORD_MAX]);

/* Appends the bytes of a keytab (MIT's format, version 2): for NAME$ and for host/NAME.DOMAIN an
 * aes256-cts-hmac-sha1-96 and an aes128-cts-hmac-sha1-96 key each. Wipe out. */
MUST_CHECK enum err machine_keytab(const struct machine_key *k, struct buf *out,
                                   struct errinfo *ei);

/* Writes it to path, mode 0600: a new file (ERR_EXISTS), or in place of an old one. */
MUST_CHECK enum err machine_keytab_create(const char *path, const struct machine_key *k,
                                          struct errinfo *ei);
MUST_CHECK enum err machine_keytab_replace(const char *path, const struct machine_key *k,
                                           struct errinfo *ei);

/* Changes the password of k's account at the domain controller host, from the present one to k's.
 * ERR_AUTH: the present one is wrong. After ERR_TIMEOUT or ERR_IO it may be changed all the same.
 */
MUST_CHECK enum err machine_change_password(const struct machine_key *k, const char *present,
                                            const char *host, int timeout_ms, struct errinfo *ei);

#endif
