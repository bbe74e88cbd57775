/* accounts: reads computer accounts, or what changed of them, from the directory. Blocks as the
 * directory port does. */
#ifndef ADBAD_STEWARD_ACCOUNTS_H
#define ADBAD_STEWARD_ACCOUNTS_H

#include "ldap/dir.h"
#include "members/sync.h"

struct accounts_query {
    const char *base;   /* where computers are; NULL: the whole domain */
    const void *cookie; /* of the reading before; NULL: none */
    size_t cookie_len;
    bool list; /* also name what did not change, for deletions that nobody told */
};

/* Tells each account to each. On failure *out is empty. */
MUST_CHECK enum err accounts_read(struct dir *d, const struct accounts_query *q,
                                  members_note_fn *each, void *arg, struct members_reading *out,
                                  struct errinfo *ei);

#endif
