/* logsink: where the log goes, as [log] target and file say: the journal, a file, or stderr.
 *
 * Its descriptors belong to the process that opened it. A child of ours, which may have closed
 * them, opens what it needs for each of its few lines, and if it may not, says them on its stderr.
 * Any thread may write. */
#ifndef ADBAD_DAEMON_LOGSINK_H
#define ADBAD_DAEMON_LOGSINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/log.h"
#include "settings/settings.h"

struct logsink {
    int journal; /* -1: not there */
    int file;    /* -1: not a file */
    char *path;  /* of the file; NULL */
    pid_t owner;
    atomic_ullong lost; /* lines that the journal did not take, not told yet */
};

/* Whether what s says can be opened; nothing is made. */
MUST_CHECK enum err logsink_check(const struct settings *s, struct errinfo *ei);
/* Opens what s says and makes *dest lead there. */
MUST_CHECK enum err logsink_open(struct logsink *k, const struct settings *s, struct log_dest *dest,
                                 struct errinfo *ei);
/* What is written afterwards goes to stderr. */
void logsink_close(struct logsink *k, struct log_dest *dest);

bool logsink_is_file(const struct logsink *k);
/* Writes on to fd, which it takes, after the file was renamed (logrotate(8)). On failure the old
 * one is written on. */
MUST_CHECK enum err logsink_take(struct logsink *k, int fd, struct errinfo *ei);

#endif
