/* paths: what a process may still do in the file system, by Landlock (landlock(7); Linux 5.13 and
 * later). Rights are given up everywhere but where a rule allows them. For good: nobody gets them
 * back, neither the thread that gave them up nor what it starts from then on. Other threads that
 * are there already keep theirs. What is open stays open. */
#ifndef ADBAD_CONFINE_PATHS_H
#define ADBAD_CONFINE_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    PATHS_READ = 1,     /* open files for reading, list folders */
    PATHS_WRITE = 2,    /* open files that are there for writing */
    PATHS_MAKE = 4,     /* make, rename and remove files; make folders */
    PATHS_REMOVE = 8,   /* remove files */
    PATHS_EXECUTE = 16, /* become a program; its loader (PT_INTERP) needs a rule, too */
    PATHS_ALL = 31
};

struct paths_rule {
    char *path; /* a file, or a folder with all that is below */
    unsigned rights;
};

struct paths {
    unsigned given_up; /* PATHS_*; with PATHS_MAKE go device nodes, links, sockets and folders'
                        * removal, which no rule allows */
    bool no_connect;   /* to TCP ports (ABI 4) */
    bool no_bind;      /* to one (ABI 4) */
    struct paths_rule *rules;
    size_t n, room;
    enum err err; /* of a rule that could not be kept */
};

/* Allows rights at path, as it is when they are given up: a rule is about the file or folder
 * itself, wherever it is moved, and not about what takes its place. One that is not there by then,
 * or that we can't reach, allows nothing. NULL path: no rule. */
void paths_allow(struct paths *p, const char *path, unsigned rights);
/* The same of path with rest behind its name: "/keys" is below it, ".tmp" beside it. */
void paths_allow_named(struct paths *p, const char *path, const char *rest, unsigned rights);
/* The same of a path that is malloc'd and becomes p's; NULL: there was no memory for it. */
void paths_allow_taken(struct paths *p, char *path, unsigned rights);
/* The same of the folder that holds path. */
void paths_allow_beside(struct paths *p, const char *path, unsigned rights);
void paths_fini(struct paths *p);

/* Landlock's version in this kernel (1 and more); 0: it has none, or it is switched off. */
int paths_abi(void);

/* What a kernel of that version is asked to take away for the PATHS_* of given_up, as
 * LANDLOCK_ACCESS_FS_*: what it does not know yet is left out. */
uint64_t paths_access(unsigned given_up, int abi);

/* Gives them up, with NO_NEW_PRIVS. ERR_NOTFOUND: this kernel has no Landlock; ERR_DENIED and
 * others: it does not let us. Then all is as it was, NO_NEW_PRIVS apart. */
MUST_CHECK enum err paths_give_up(const struct paths *p, struct errinfo *ei);

#endif
