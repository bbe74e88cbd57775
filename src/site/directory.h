/* directory: a forest's directory in memory behind the port of ldap/dir.h, for activation objects:
 * real objects with real licences, made and looked up by src/adba.
 *
 * It keeps whole entries, compares names as text without case, and replicates with a delay: what
 * is written is seen once its lag has passed. */
#ifndef ADBAD_SITE_DIRECTORY_H
#define ADBAD_SITE_DIRECTORY_H

#include "ldap/dir.h"

/* A lab directory of forest that may be written to. now is read whenever something is asked, and
 * outlives it. Close with dir_close. NULL: out of memory. */
struct dir *directory_new(const char *forest, const int64_t *now);

/* Seconds until a change is seen by those who read. */
void directory_set_lag(struct dir *d, int64_t seconds);
/* objectVersion of the schema; the classes of activation objects come with 48. */
void directory_set_schema(struct dir *d, int version);
/* The domain controller that is asked is a read-only one. */
void directory_set_read_only(struct dir *d, bool read_only);

/* Copies every entry of another directory, as a backup restored in the wrong forest does. */
MUST_CHECK enum err directory_copy(struct dir *to, const struct dir *from, struct errinfo *ei);

#endif
