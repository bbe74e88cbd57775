/* changes: what changed in the directory since the last time one asked.
 *
 * The first call reads everything that matches, page by page; every later one, given the cookie
 * of the one before, only what changed. How depends on the directory, and callers need not know:
 * Active Directory is asked by uSNChanged, at the domain controller that the cookie names (another
 * one is read in full again); OpenLDAP by content synchronization (RFC 4533); a server that has
 * neither is read in full each time. Entries are handed over one at a time
 * (enum dir_change and dir_change_fn are in dir.h). */
#ifndef ADBAD_LDAP_CHANGES_H
#define ADBAD_LDAP_CHANGES_H

#include "base/buf.h"
#include "ldap/dir.h"

struct dir_changes_query {
    const char *base;
    const struct dir_filter *filter;
    const char *const *attrs; /* NULL-terminated */
    const void *cookie;       /* from the last call; NULL: from the beginning */
    size_t cookie_len;
    bool list; /* name every entry that exists, for deletions that nobody told */
};

struct dir_changes {
    struct buf cookie;    /* for the next call; the caller's (buf_fini) */
    bool full;            /* everything was read, not only changes */
    const char *why_full; /* static text */
    bool complete;        /* every entry was named: what was not put or same does not exist */
    bool tells_deletions; /* we are told them (on AD DS: some tombstone is visible to us); if not,
                             ask for a list now and then */
    uint64_t entries;     /* how many entries were read (put) */
};

/* On failure nothing in *out is owned; what was handed over until then may be incomplete and is
 * told again if the next call gives the same cookie. */
MUST_CHECK enum err dir_changes(struct dir *d, const struct dir_changes_query *q,
                                dir_change_fn *each, void *arg, struct dir_changes *out,
                                struct errinfo *ei);

#endif
