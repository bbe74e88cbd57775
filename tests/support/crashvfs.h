/* crashvfs: a SQLite VFS for tests that knows what a power loss would leave behind, and that can
 * make the n-th write or flush fail.
 *
 * Files are written as ever, and so their content is what any process sees; nothing is ever flushed
 * to the disk below. What a disk would hold is kept in memory beside it: of each file what was
 * flushed, and what was written, cut, made or deleted since. A power loss can take any part of the
 * latter. A failed flush leaves what it should have flushed readable and not durable, and later
 * flushes do not catch up on it, as on Linux.
 *
 * One per process, for all its threads; in force for connections opened after it was installed. */
#ifndef ADBAD_TESTS_CRASHVFS_H
#define ADBAD_TESTS_CRASHVFS_H

#include <stdbool.h>

#include "base/rng.h"

/* Becomes the default VFS. */
void crashvfs_install(void);
/* The system's is the default again, and all that it knew is forgotten. No connection may be open
 * through it. */
void crashvfs_remove(void);

/* ---- power loss ---- */

/* What becomes of everything that was not flushed. */
enum crashvfs_loss {
    CRASH_DROP,    /* all of it is gone */
    CRASH_SCATTER, /* each sector of 512 bytes reached the disk or did not */
    CRASH_TEAR,    /* it got there in order up to some write, the last one cut in the middle */
    CRASH_LOSSES
};

/* Writes into folder (which exists) the files that a power loss at this moment would leave, by
 * their own names. Files that it has not seen are not among them. */
void crashvfs_image(const char *folder, enum crashvfs_loss loss, const struct rng *rng);

/* Called at each flush before it takes effect, on the thread that wants it; NULL: no more. */
typedef void crashvfs_sync_fn(void *arg);
void crashvfs_on_sync(crashvfs_sync_fn *fn, void *arg);

/* ---- failures ---- */

enum crashvfs_op {
    CRASH_WRITE,
    CRASH_SYNC,
    CRASH_TRUNCATE,
    CRASH_CHECKPOINT, /* the lock that a checkpoint begins with */
    CRASH_OPS
};

/* The nth call (from 1) of this kind from now on fails with a result code of SQLite's; a write
 * leaves half of its bytes. Lasting: so do all that follow, until nth is 0. */
void crashvfs_fail(enum crashvfs_op op, unsigned nth, int code, bool lasting);
/* Whether the failure last asked for has happened. */
bool crashvfs_failed(void);

#endif
