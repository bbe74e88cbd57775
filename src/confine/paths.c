#include "confine/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/linux/landlock.h; Debian 12's headers end with ABI 2. */
#define FS_EXECUTE      (UINT64_C(1) << 0)
#define FS_WRITE_FILE   (UINT64_C(1) << 1)
#define FS_READ_FILE    (UINT64_C(1) << 2)
#define FS_READ_DIR     (UINT64_C(1) << 3)
#define FS_REMOVE_DIR   (UINT64_C(1) << 4)
#define FS_REMOVE_FILE  (UINT64_C(1) << 5)
#define FS_MAKE_CHAR    (UINT64_C(1) << 6)
#define FS_MAKE_DIR     (UINT64_C(1) << 7)
#define FS_MAKE_REG     (UINT64_C(1) << 8)
#define FS_MAKE_SOCK    (UINT64_C(1) << 9)
#define FS_MAKE_FIFO    (UINT64_C(1) << 10)
#define FS_MAKE_BLOCK   (UINT64_C(1) << 11)
#define FS_MAKE_SYM     (UINT64_C(1) << 12)
#define FS_REFER        (UINT64_C(1) << 13) /* ABI 2 */
#define FS_TRUNCATE     (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV    (UINT64_C(1) << 15) /* ABI 5 */
#define NET_BIND_TCP    (UINT64_C(1) << 0)  /* ABI 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT  (UINT64_C(1) << 0) /* ABI 6: abstract Unix sockets of others */

#define RULE_PATH_BENEATH 1
#define CREATE_VERSION    1U

/* Those that a rule about a file, and not a folder, may name. */
#define OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
/* Those that no rule allows. */
#define NEVER                                                                                      \
    (FS_REMOVE_DIR | FS_MAKE_CHAR | FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_BLOCK | FS_MAKE_SYM)

struct ruleset {
    uint64_t fs, net, scoped;
};

struct rule {
    uint64_t access;
    int32_t parent;
} __attribute__((packed));

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

/* ---- rules ---- */

static void keep(struct paths *p, char *path, unsigned rights)
{
    if (p->n == p->room) {
        size_t room = p->room == 0 ? 16 : 2 * p->room;
        struct paths_rule *more = realloc(p->rules, room * sizeof(*more));

        if (more == NULL) {
            free(path);
            p->err = ERR_NOMEM;
            return;
        }
        p->rules = more;
        p->room = room;
    }
    p->rules[p->n++] = (struct paths_rule){.path = path, .rights = rights};
}

void paths_allow_taken(struct paths *p, char *path, unsigned rights)
{
    if (path != NULL)
        keep(p, path, rights);
    else
        p->err = ERR_NOMEM;
}

void paths_allow(struct paths *p, const char *path, unsigned rights)
{
    if (path != NULL)
        paths_allow_taken(p, strdup(path), rights);
}

void paths_allow_named(struct paths *p, const char *path, const char *rest, unsigned rights)
{
    char *whole;

    if (path != NULL)
        paths_allow_taken(p, asprintf(&whole, "%s%s", path, rest) < 0 ? NULL : whole, rights);
}

void paths_allow_beside(struct paths *p, const char *path, unsigned rights)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    char *folder;

    if (path == NULL)
        return;
    if (slash == NULL)
        folder = strdup(".");
    else
        folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    paths_allow_taken(p, folder, rights);
}

void paths_fini(struct paths *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->rules[i].path);
    free(p->rules);
    *p = (struct paths){0};
}

/* ---- the kernel ---- */

int paths_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

    return abi < 1 ? 0 : (int)abi;
}

static uint64_t known(int abi)
{
    uint64_t all = FS_REFER - 1;

    if (abi >= 2)
        all |= FS_REFER;
    if (abi >= 3)
        all |= FS_TRUNCATE;
    if (abi >= 5)
        all |= FS_IOCTL_DEV;
    return all;
}

static uint64_t access_of(unsigned rights)
{
    uint64_t a = 0;

    if (rights & PATHS_READ)
        a |= FS_READ_FILE | FS_READ_DIR;
    if (rights & PATHS_WRITE)
        a |= FS_WRITE_FILE | FS_TRUNCATE;
    if (rights & PATHS_MAKE)
        a |= FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE | FS_REFER;
    if (rights & PATHS_REMOVE)
        a |= FS_REMOVE_FILE;
    if (rights & PATHS_EXECUTE)
        a |= FS_EXECUTE;
    return a;
}

uint64_t paths_access(unsigned given_up, int abi)
{
    uint64_t a = access_of(given_up);

    if (given_up & PATHS_MAKE)
        a |= NEVER;
    if (given_up & PATHS_WRITE)
        a |= FS_IOCTL_DEV;
    return a & known(abi);
}

/* What is not there needs no rule. */
static enum err add_rule(int set, const struct paths_rule *r, uint64_t handled, struct errinfo *ei)
{
    struct rule rule = {.access = access_of(r->rights) & handled,
                        .parent = open(r->path, O_PATH | O_CLOEXEC)};
    struct stat st;
    enum err e = ERR_OK;

    if (rule.parent < 0)
        return ERR_OK;
    if (fstat(rule.parent, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.access &= OF_FILES;
    if (rule.access != 0 && syscall(SYS_landlock_add_rule, set, RULE_PATH_BENEATH, &rule, 0) != 0)
        e = err_fail_errno(ei, errno, "make a Landlock rule for %s", r->path);
    close(rule.parent);
    return e;
}

static enum err restrict_self(int set, struct errinfo *ei)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_fail_errno(ei, errno, "set NO_NEW_PRIVS");
    if (syscall(SYS_landlock_restrict_self, set, 0) != 0)
        return err_fail_errno(ei, errno, "restrict this process by Landlock");
    return ERR_OK;
}

static size_t ruleset_size(int abi)
{
    return abi >= 6   ? sizeof(struct ruleset)
           : abi >= 4 ? offsetof(struct ruleset, scoped)
                      : offsetof(struct ruleset, net);
}

enum err paths_give_up(const struct paths *p, struct errinfo *ei)
{
    int abi = paths_abi(), set;
    struct ruleset s = {.fs = paths_access(p->given_up, abi),
                        .net =
                            (p->no_bind ? NET_BIND_TCP : 0) | (p->no_connect ? NET_CONNECT_TCP : 0),
                        .scoped = SCOPE_ABSTRACT};
    enum err e = ERR_OK;

    if (p->err != ERR_OK)
        return err_nomem(ei);
    if (abi == 0)
        return err_fail(ei, ERR_NOTFOUND,
                        "the kernel offers no Landlock (%s); use one with CONFIG_SECURITY_LANDLOCK "
                        "and \"landlock\" among lsm= of its command line",
                        strerror(errno));
    set = (int)syscall(SYS_landlock_create_ruleset, &s, ruleset_size(abi), 0);
    if (set < 0)
        return err_fail_errno(ei, errno, "make a Landlock rule set");
    for (size_t i = 0; e == ERR_OK && i < p->n; i++)
        e = add_rule(set, &p->rules[i], s.fs, ei);
#ifdef ADBAD_COVERAGE_DIR
    if (e == ERR_OK)
        e = add_rule(set, &(struct paths_rule){ADBAD_COVERAGE_DIR, PATHS_ALL}, s.fs, ei);
#endif
    if (e == ERR_OK)
        e = restrict_self(set, ei);
    close(set);
    return e;
}
