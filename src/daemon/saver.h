/* saver: writes what changed in a roster to the ledger, some rows with each commit, so that no
 * commit takes long. What waits survives a failed commit and is tried again. */
#ifndef ADBAD_DAEMON_SAVER_H
#define ADBAD_DAEMON_SAVER_H

#include "daemon/ledger.h"
#include "members/sync.h"
#include "store/members.h"

/* How far the registry is; written after the last row. */
struct saver_state {
    struct buf cookie;
    int64_t synced_at, listed_at;
    bool full;
    uint64_t entries;
    uint8_t origin[STORE_ORIGIN_LEN];
};

struct saver;

/* On the loop of port, which outlives it. NULL: out of memory. */
struct saver *saver_new(struct ledger_port *port);
/* Adds what sync changed; roster and state become what is to be saved in the end. */
MUST_CHECK enum err saver_add(struct saver *s, const struct members_sync *sync,
                              const struct saver_state *state, struct errinfo *ei);
/* Rows that are not in the ledger yet. */
size_t saver_waiting(const struct saver *s);
/* Everything is, the state too. */
bool saver_done(const struct saver *s);
/* Writes no more after the commit under way. It may be freed once that has ended. */
void saver_stop(struct saver *s);
bool saver_stopped(const struct saver *s);
void saver_free(struct saver *s);

#endif
