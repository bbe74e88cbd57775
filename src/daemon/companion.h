/* companion: a process that was forked to work for this one, the steward or the dialler: its end is
 * noticed, and waited for. */
#ifndef ADBAD_DAEMON_COMPANION_H
#define ADBAD_DAEMON_COMPANION_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "base/err.h"

struct companion {
    pid_t pid;   /* 0: there is none */
    int control; /* a socket that says nothing: it closes at one's end as the other ends */
    uv_poll_t watch;
    void (*lost)(struct companion *c); /* on the loop */
    void *arg;                         /* lost's */
};

/* Calls lost when it ends before companion_end. */
MUST_CHECK enum err companion_watch(struct companion *c, uv_loop_t *loop, struct errinfo *ei);
void companion_unwatch(struct companion *c);
/* Closes control and waits until it has ended, if need be by killing it; there is none then. False:
 * it did not end by itself, or had not. Of none, true. */
bool companion_end(struct companion *c);

#endif
