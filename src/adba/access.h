/* access: who may read and change activation objects on AD DS: the security descriptors that our
 * entries get, and what is to be said about those that are there. A directory that is not AD DS
 * has its access rules in its configuration; nothing of this applies to it. */
#ifndef ADBAD_ADBA_ACCESS_H
#define ADBAD_ADBA_ACCESS_H

#include "ldap/dir.h"
#include "ldap/sd.h"

#define ACCESS_ATTR "nTSecurityDescriptor"

/* The SIDs that the server sees in our session, our own account's first. The caller frees *out.
 * ERR_NOTFOUND where the server does not tell. */
MUST_CHECK enum err access_token(struct dir *d, struct sid **out, size_t *n, struct errinfo *ei);

enum access_what { ACCESS_CONTAINER, ACCESS_OBJECT };

/* Adds the descriptor to an entry that is about to be added; nothing where the directory is not
 * AD DS. Objects name our own account too: whoever was merely allowed to create them could
 * neither renew nor delete them afterwards. */
MUST_CHECK enum err access_describe(struct dir *d, enum access_what what, struct dir_entry *e,
                                    struct errinfo *ei);

enum access_read {
    ACCESS_UNKNOWN, /* the descriptor may not be read, or there is none */
    ACCESS_GIVEN,   /* Authenticated Users can read the entry */
    ACCESS_LOST,
};
/* Judges the entry's nTSecurityDescriptor; what is below a container must be listable too. */
enum access_read access_read_of(const struct dir_entry *e, enum access_what what);

/* Who may change something beside those who are meant to: the administrators of the forest root,
 * the system and domain controllers, and own (NULL: nobody). Returns how many there are; the first
 * max are written. */
size_t access_strangers(const struct sd *sd, const char *root_domain_sid, const struct sid *own,
                        struct sd_writer *out, size_t max);

/* Gives Authenticated Users (and our own account) their entries back and takes denials that stand
 * against them away; everything else in the DACL stays. ERR_NOT_NOW if an inherited denial is in
 * the way. */
MUST_CHECK enum err access_repair(struct dir *d, const char *dn, struct errinfo *ei);

#endif
