/* checkpointer: moves the write-ahead log into the ledger beside the writer.
 *
 * A commit appends to the log; sooner or later the log's pages must be written into the database
 * file and flushed, which takes as long as many commits. A thread does that with a connection of
 * its own whenever the log has grown by STORE_LOG_PAGES pages of 4 KiB. What is committed
 * meanwhile it cannot move: that small rest the writer moves before its next transaction, two
 * flushes long, and then the log is used again from its beginning.
 *
 * The log's bound: the writer waits for a move under way once the log passed STORE_LOG_PAGES_MAX.
 * Only a reader in the middle of a long read can make it longer: while one looks at the log it
 * cannot begin again. After a kill the log is read once at the next start: its bound is that
 * delay's too. */
#ifndef ADBAD_STORE_CHECKPOINTER_H
#define ADBAD_STORE_CHECKPOINTER_H

#include "store/store.h"

#define STORE_LOG_PAGES     2048
#define STORE_LOG_PAGES_MAX 8192

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
