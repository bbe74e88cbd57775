/* computer: machine accounts. They are made in CN=Computers of the default naming context:
 * computer_add in a lab directory, which numbers no accounts by itself, computer_create on AD DS.
 */
#ifndef ADBAD_LDAP_COMPUTER_H
#define ADBAD_LDAP_COMPUTER_H

#include "base/rng.h"
#include "ldap/dir.h"

#define COMPUTER_NAME_MAX 15 /* NetBIOS */

struct computer {
    const char *dn;
    const char *name;          /* without the dollar sign */
    const char *dns_host_name; /* NULL if there is none */
    const char *sid;           /* text; NULL if there is none */
    struct guid guid;          /* zero if there is none */
    bool enabled;
};

/* ERR_USAGE unless name is letters, digits and hyphens, at most 15, not digits alone. */
MUST_CHECK enum err computer_check_name(const char *name, struct errinfo *ei);

/* Takes count consecutive relative identifiers for new accounts; *first is the first. */
MUST_CHECK enum err computer_reserve_rids(struct dir *d, uint32_t count, uint32_t *first,
                                          struct errinfo *ei);

/* Adds the account NAME$ with this password and relative identifier. ERR_EXISTS, ERR_REFUSED on
 * AD DS. */
MUST_CHECK enum err computer_add(struct dir *d, const char *name, const char *password,
                                 uint32_t rid, const struct rng *rng, struct errinfo *ei);

/* AD DS: adds the account NAME$ with its names and this password (ASCII), ready to log in.
 * ERR_EXISTS, ERR_DENIED, ERR_REFUSED elsewhere. The session must be protected (Kerberos or TLS).
 */
MUST_CHECK enum err computer_create(struct dir *d, const char *name, const char *password,
                                    struct errinfo *ei);
/* AD DS: the version of the account's present keys (msDS-KeyVersionNumber). */
MUST_CHECK enum err computer_key_version(struct dir *d, const char *name, uint32_t *kvno,
                                         struct errinfo *ei);

/* On AD DS the next two find the account wherever it is in the domain, and refuse (ERR_REFUSED) to
 * touch one that is not a workstation's or member server's.
 *
 * Enables or disables; *changed (may be NULL) tells whether it was otherwise before. */
MUST_CHECK enum err computer_enable(struct dir *d, const char *name, bool enabled, bool *changed,
                                    struct errinfo *ei);

MUST_CHECK enum err computer_remove(struct dir *d, const char *name, struct errinfo *ei);

/* Calls each for every account, on any directory; c lives only during the call. */
typedef enum err computer_each_fn(void *arg, const struct computer *c, struct errinfo *ei);
MUST_CHECK enum err computer_each(struct dir *d, computer_each_fn *each, void *arg,
                                  struct errinfo *ei);

#endif
