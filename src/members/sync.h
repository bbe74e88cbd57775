/* sync: brings a roster into step with the directory, through dir_changes. Blocks as the directory
 * port does; the roster it starts from stays as it was, and what it made is whole or not there. */
#ifndef ADBAD_MEMBERS_SYNC_H
#define ADBAD_MEMBERS_SYNC_H

#include "base/buf.h"
#include "ldap/dir.h"
#include "members/roster.h"

struct members_sync_query {
    const char *base; /* where computers are; NULL: the whole domain */
    const struct roster *roster;
    const void *cookie; /* of the synchronization that made roster; NULL: none */
    size_t cookie_len;
    bool list; /* also look for accounts that went away untold */
};

struct members_sync {
    const struct roster *roster; /* the new one (query's own if nothing changed); one reference */
    struct buf cookie;
    bool full;
    const char *why_full; /* static text; NULL if not full */
    bool listed;          /* whatever is not in the directory any more is gone */
    bool tells_deletions;
    uint64_t entries;  /* read from the directory */
    uint64_t unusable; /* of them: without a name, or with one too long */
    /* What changed, for whoever keeps a copy: places in roster that were set, ids removed. */
    uint32_t *set;
    size_t set_n;
    struct guid *removed;
    size_t removed_n;
};

/* On failure *out is empty. */
MUST_CHECK enum err members_sync(struct dir *d, const struct members_sync_query *q,
                                 struct members_sync *out, struct errinfo *ei);
void members_sync_fini(struct members_sync *s);

#endif
