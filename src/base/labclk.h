/* labclk: the lab clock, one small file that daemon, steward and simulated clients share.
 *
 * It holds one line, "offset SECONDS" (real time plus SECONDS) or "fixed SECONDS" (stands still at
 * that Unix time until it is moved). It is replaced atomically, so a reader sees the old line or
 * the new one. The clock never goes backwards: a move by a negative amount is refused. No link is
 * followed at either file's place, and root moves the clock with its folder's owner's rights. */
#ifndef ADBAD_BASE_LABCLK_H
#define ADBAD_BASE_LABCLK_H

#include "base/clk.h"
#include "base/err.h"

struct labclk;

/* Opens the lab clock in file path; a missing file means offset 0. real is the clock under it.
 * ERR_MALFORMED if the file holds anything else than its one line. */
MUST_CHECK enum err labclk_open(const char *path, struct clk real, struct labclk **out,
                                struct errinfo *ei);
void labclk_free(struct labclk *l);

/* Reads through to the file at every call. If the file became unreadable the last good value
 * goes on. The result lives as long as l. */
struct clk labclk_clk(struct labclk *l);

/* Moves the clock forward by seconds (>= 0) for everybody, under a lock beside the file.
 * Writes the new time to *now if now is not NULL. */
MUST_CHECK enum err labclk_advance(struct labclk *l, int64_t seconds, int64_t *now,
                                   struct errinfo *ei);

/* Makes the clock stand still at unix time when (>= the present lab time), or where it is now. */
MUST_CHECK enum err labclk_freeze(struct labclk *l, int64_t when, struct errinfo *ei);
MUST_CHECK enum err labclk_freeze_now(struct labclk *l, struct errinfo *ei);

#endif
