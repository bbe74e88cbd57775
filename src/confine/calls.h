/* calls: which system calls a process may still make, by a seccomp filter (seccomp(2)). What no
 * part of adbad does is refused always: to look into other processes, change the system's state,
 * keys, mounts and namespaces, io_uring, BPF, sockets of other families than those of the Internet,
 * Unix and netlink, input on behalf of a terminal. What is refused fails with EPERM; clone3 and
 * openat2, whose arguments a filter can't see, with ENOSYS, so that libc takes the older ones.
 * Calls by way of another architecture's numbers (x32, 32 bits) are ENOSYS, too. For good, as with
 * paths.h; here all threads are bound. */
#ifndef ADBAD_CONFINE_CALLS_H
#define ADBAD_CONFINE_CALLS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct sock_filter;

enum {
    CALLS_EXEC = 1,    /* become another program */
    CALLS_FORK = 2,    /* make processes; threads stay */
    CALLS_CONNECT = 4, /* connect, send to an address (one within sendmsg's message can't be seen:
                        * give up CALLS_SOCKET as well) */
    CALLS_LISTEN = 8,  /* listen; accept stays */
    CALLS_BIND = 16,   /* bind to an address */
    CALLS_SOCKET = 32, /* make sockets; socketpair stays */
    CALLS_SIGNAL = 64, /* send signals to other processes but those of may_signal */
    /* What Landlock leaves: modes, owners, times and attributes of files, truncation by open and
     * by name, renaming; links, nodes, folders and files in memory are not made. */
    CALLS_FILES = 128,
    CALLS_UNIX = 256, /* make Unix sockets; socketpair stays */
};

#define CALLS_PEERS 2

struct calls {
    unsigned given_up;             /* CALLS_* */
    pid_t may_signal[CALLS_PEERS]; /* beside ourselves; 0: nobody */
};

#define CALLS_FILTER_MAX 512

/* The filter's program, of a process with the id self, into CALLS_FILTER_MAX places; its length. 0:
 * there is none for this architecture (x86-64 and arm64 have one). */
size_t calls_filter(const struct calls *c, pid_t self, struct sock_filter *out);

/* Gives them up, with NO_NEW_PRIVS. ERR_NOTFOUND: there is no filter for this kernel or
 * architecture; ERR_DENIED and others: the system does not let us. */
MUST_CHECK enum err calls_give_up(const struct calls *c, struct errinfo *ei);

#endif
