#include "base/owner.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err remember(struct owner_turn *was, struct errinfo *ei)
{
    int n = getgroups(0, NULL);

    was->gid = getegid();
    was->groups = n < 0 ? NULL : calloc((size_t)n + 1, sizeof(*was->groups));
    if (was->groups == NULL)
        return err_nomem(ei);
    was->group_count = getgroups(n, was->groups);
    return was->group_count < 0 ? err_fail_errno(ei, errno, "read our groups") : ERR_OK;
}

enum err owner_begin(const char *folder, struct owner_turn *was, struct errinfo *ei)
{
    struct stat st;
    enum err e;

    *was = (struct owner_turn){0};
    if (geteuid() != 0 || stat(folder, &st) != 0 || st.st_uid == 0)
        return ERR_OK;
    e = remember(was, ei);
    if (e == ERR_OK &&
        (setgroups(1, &st.st_gid) != 0 || setegid(st.st_gid) != 0 || seteuid(st.st_uid) != 0))
        e = err_fail_errno(ei, errno, "act as the owner of %s (user %u)", folder,
                           (unsigned)st.st_uid);
    if (e != ERR_OK)
        owner_end(was);
    return e;
}

enum err owner_begin_beside(const char *path, struct owner_turn *was, struct errinfo *ei)
{
    char *copy = strdup(path);
    enum err e;

    *was = (struct owner_turn){0};
    if (copy == NULL)
        return err_nomem(ei);
    e = owner_begin(dirname(copy), was, ei);
    free(copy);
    return e;
}

void owner_end(struct owner_turn *was)
{
    if (was->groups == NULL)
        return;
    /* Root was what we were and may be again; without that nothing after this is as it should. */
    if (seteuid(0) != 0 || setegid(was->gid) != 0 ||
        (was->group_count >= 0 && setgroups((size_t)was->group_count, was->groups) != 0))
        abort();
    free(was->groups);
    *was = (struct owner_turn){0};
}
