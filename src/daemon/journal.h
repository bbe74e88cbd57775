/* journal: log lines as datagrams of systemd's native journal protocol
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), one line each, with fields to search by:
 * MESSAGE_ID (base/logkind.h), ADBAD_KIND, ADBAD_REASON, ADBAD_COMPONENT.
 *
 * A line is far smaller than a datagram may be, so the protocol's memory files are not needed. */
#ifndef ADBAD_DAEMON_JOURNAL_H
#define ADBAD_DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

#define JOURNAL_SOCKET       "/run/systemd/journal/socket"
#define JOURNAL_DATAGRAM_MAX 2048

/* Whether stderr goes to the journal, which JOURNAL_STREAM says (systemd.exec(5)). */
bool journal_has_stderr(void);

/* A socket that leads to the journal at path. */
MUST_CHECK enum err journal_open(const char *path, int *fd, struct errinfo *ei);

/* The datagram of a line; returns its length. */
size_t journal_format(const struct log_line *line, char out[JOURNAL_DATAGRAM_MAX]);
/* False: the journal did not take it. Never waits. Any thread. */
bool journal_send(int fd, const struct log_line *line);

#endif
