/* retention: what is older than [store] keep leaves the ledger, oldest first and a few rows with a
 * commit, so that none takes long. The running totals stay, and so does what the count needs. */
#ifndef ADBAD_DAEMON_RETENTION_H
#define ADBAD_DAEMON_RETENTION_H

#include "base/clk.h"
#include "daemon/ledger.h"

struct retention_conf {
    uv_loop_t *loop;
    struct ledger_port *port; /* of that loop; outlives this */
    struct clk clk;
    struct log log;
    int64_t keep;    /* seconds; 0: for ever */
    ledger_fn *save; /* the ledger's: rows leave only once the saved count covers them */
    void *arg;
};

struct retention;

/* Looks for the first time soon, then every ten minutes. NULL: out of memory. */
struct retention *retention_new(const struct retention_conf *conf);
/* Holds from now on. */
void retention_set_keep(struct retention *r, int64_t keep);
/* Removes no more; free once retention_closed. */
void retention_close(struct retention *r);
bool retention_closed(const struct retention *r);
void retention_free(struct retention *r);

#endif
