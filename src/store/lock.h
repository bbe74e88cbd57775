/* lock: at most one process writes a ledger. The lock is a flock on a file beside it, so that it
 * never meets SQLite's own locks (closing any descriptor of the database would drop those). */
#ifndef ADBAD_STORE_LOCK_H
#define ADBAD_STORE_LOCK_H

#include "base/err.h"

/* Takes the lock of the ledger at path. ERR_BUSY names the process that has it. */
MUST_CHECK enum err lock_take(const char *path, int *fd, struct errinfo *ei);
/* Releases it, and removes the file if it may: a free lock is one that nobody holds, whether there
 * is a file or not. fd -1 is a no-op. */
void lock_release(const char *path, int fd);

#endif
