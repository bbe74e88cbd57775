/* changes_internal: what the readers behind dir_changes share. */
#ifndef ADBAD_LDAP_CHANGES_INTERNAL_H
#define ADBAD_LDAP_CHANGES_INTERNAL_H

#include "ldap/changes.h"

/* Reads by uSNChanged. q->cookie is this reader's own part of the cookie; on return out->cookie
 * holds the new one. */
MUST_CHECK enum err changes_by_usn(struct dir *d, const struct dir_changes_query *q,
                                   dir_change_fn *each, void *arg, struct dir_changes *out,
                                   struct errinfo *ei);

/* Searches for what q describes, with the attributes attrs, and hands each entry over as what;
 * its id is attribute id_attr, which must be in attrs. */
struct changes_search {
    const char *base;
    enum dir_scope scope;
    const struct dir_filter *filter;
    const char *const *attrs;
    const char *id_attr;
    bool deleted;
    enum dir_change what;
};
MUST_CHECK enum err changes_search(struct dir *d, const struct changes_search *s,
                                   dir_change_fn *each, void *arg, struct errinfo *ei);

/* A copy of attrs with one more (unless it is there); the array is the caller's, the names are not.
 * NULL: no memory. */
const char **changes_attrs(const char *const *attrs, const char *more);

/* Names everything that exists as DIR_SAME. */
MUST_CHECK enum err changes_list(struct dir *d, const struct dir_changes_query *q,
                                 const char *id_attr, dir_change_fn *each, void *arg,
                                 struct errinfo *ei);

#endif
