/* checkpointer: moves the write-ahead log into the ledger beside the writer.
 *
 * A commit appends to the log; sooner or later the log's pages must be written into the database
 * file and flushed, which takes as long as many commits. A thread does that, with a connection of
 * its own, whenever the log has grown by STORE_LOG_STEP pages of 4 KiB. What is committed meanwhile
 * it cannot move. Once the log is STORE_LOG_FULL pages long it moves until little is left; that
 * rest the writer moves before its next transaction, which is two flushes long, and then the log is
 * used again from its beginning.
 *
 * A log that is in use has room in advance: writing over zeros needs no flush of the file system's
 * own journal, making a file longer does.
 *
 * The log's bound is STORE_LOG_MAX: the writer waits for a move that lasts longer than
 * STORE_LOG_AHEAD pages more. Only somebody in the middle of a long read can make it longer: the
 * log cannot begin again while one looks at it. After a kill it is read once at the next start. */
#ifndef ADBAD_STORE_CHECKPOINTER_H
#define ADBAD_STORE_CHECKPOINTER_H

#include "store/store.h"

#define STORE_LOG_STEP  2048
#define STORE_LOG_FULL  6144
#define STORE_LOG_AHEAD 4096
#define STORE_LOG_MAX   (STORE_LOG_FULL + STORE_LOG_STEP + STORE_LOG_AHEAD)

struct store_checkpointer;

/* Starts it for s, whose thread calls this. Stop it before store_close; store_reopen may come in
 * between. Without one the writer itself moves every 1000 pages, in the middle of a commit. */
MUST_CHECK enum err store_checkpointer_start(struct store *s, struct store_checkpointer **out,
                                             struct errinfo *ei);
/* Waits for a move under way. NULL is fine. */
void store_checkpointer_stop(struct store_checkpointer *c);

struct store_checkpointer_stats {
    uint64_t moves;    /* by the thread */
    uint64_t finished; /* rests that the writer moved */
    uint64_t waits;    /* of the writer for the thread */
    uint64_t failures; /* moves that failed; nothing is lost by that, the log grows */
    unsigned pages;    /* in the log now */
    unsigned longest;  /* pages it ever had */
};
/* On the writer's thread. */
void store_checkpointer_stats(const struct store_checkpointer *c,
                              struct store_checkpointer_stats *out);

#endif
