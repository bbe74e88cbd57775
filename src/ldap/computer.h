/* computer: machine accounts in CN=Computers of the default naming context, as a lab directory
 * keeps them. On AD DS they are made with that directory's own tools (samba-tool computer create,
 * or a join), so these calls change lab directories only. */
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

/* Enables or disables; *changed (may be NULL) tells whether it was otherwise before. */
MUST_CHECK enum err computer_enable(struct dir *d, const char *name, bool enabled, bool *changed,
                                    struct errinfo *ei);

MUST_CHECK enum err computer_remove(struct dir *d, const char *name, struct errinfo *ei);

/* Calls each for every account, on any directory; c lives only during the call. */
typedef enum err computer_each_fn(void *arg, const struct computer *c, struct errinfo *ei);
MUST_CHECK enum err computer_each(struct dir *d, computer_each_fn *each, void *arg,
                                  struct errinfo *ei);

#endif
