/* owner: to do for a while, as root, what a folder's owner could do and no more. In a folder that a
 * service's user may change, any name can turn into a link to what is root's. */
#ifndef ADBAD_BASE_OWNER_H
#define ADBAD_BASE_OWNER_H

#include <sys/types.h>

#include "base/err.h"

/* Whom to turn back into; all zero: nothing was changed. */
struct owner_turn {
    gid_t *groups;
    int group_count;
    gid_t gid;
};

/* If we are root, the folder is there and it is somebody else's, this process has that user's and
 * that group's rights alone, on all its threads, until owner_end. Else nothing changes. */
MUST_CHECK enum err owner_begin(const char *folder, struct owner_turn *was, struct errinfo *ei);
/* The same of the folder that file path is in. */
MUST_CHECK enum err owner_begin_beside(const char *path, struct owner_turn *was,
                                       struct errinfo *ei);
/* Also after a failure. */
void owner_end(struct owner_turn *was);

#endif
