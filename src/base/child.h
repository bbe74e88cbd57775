/* child: runs another program to its end, from an argument array: no shell takes part. Blocks; the
 * child ends with the thread that started it, whatever ends that. */
#ifndef ADBAD_BASE_CHILD_H
#define ADBAD_BASE_CHILD_H

#include "base/buf.h"
#include "base/err.h"

#define CHILD_PATH    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define CHILD_MISSING 127 /* exit code: there is no such program in PATH */

struct child {
    const char *const *argv; /* NULL-terminated; argv[0] is searched in our PATH */
    const char *const *env;  /* NULL-terminated: all of its environment */
    const char *input;       /* NULL: none */
    struct buf *output;      /* what it says, stdout and stderr, is appended; NULL: dropped */
    int timeout_ms;
    /* Called in the child before it becomes the program, or NULL; may end it with _exit, and keeps
     * to what is allowed after a fork. */
    void (*enter)(const void *arg);
    const void *arg;
};

/* *status is the exit code, 128 and more for a signal. ERR_TIMEOUT: it was killed. ERR_IO: how it
 * ended is not known, as in a program that ignores SIGCHLD. */
MUST_CHECK enum err child_run(const struct child *c, int *status, struct errinfo *ei);

/* The last line of what a program said; text is cut up. Never NULL. */
const char *child_last_line(char *text);

#endif
