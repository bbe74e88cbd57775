/* ledger: the one writer of the store. What is decided during one turn of the loop is committed
 * together at its end, and only then do the answers go out: group commit by construction.
 *
 * The interface is asynchronous (ledger_add, then a call to done), so that a writer thread can
 * take the place of the commit on the loop. After a failed commit nothing of it is answered, and
 * nothing is taken until the store was reopened, checked, and the count rebuilt from it. */
#ifndef ADBAD_DAEMON_LEDGER_H
#define ADBAD_DAEMON_LEDGER_H

#include <uv.h>

#include "base/clk.h"
#include "base/log.h"
#include "store/store.h"

/* e is ERR_OK once a is durable; else it was not recorded and nobody may be told. */
typedef void ledger_done_fn(void *arg, const struct store_activation *a, enum err e);

struct ledger_conf {
    uv_loop_t *loop;
    struct store *store; /* the caller's; used by the ledger alone until ledger_close */
    struct log log;
    /* Rebuilds what was derived from the store, which lost its latest requests. */
    enum err (*rebuild)(void *arg, struct errinfo *ei);
    void *arg;
};

struct ledger_stats {
    bool up;
    char why[256]; /* the last failure while it is not */
    uint64_t commits;
    uint64_t recorded;
    uint64_t lost;     /* decided, not recorded, not answered */
    uint64_t failures; /* failed commits */
    uint64_t refusals; /* since start */
    uint64_t waiting;  /* refusals that are not in the store yet */
};

struct ledger;

/* NULL: out of memory. */
struct ledger *ledger_new(const struct ledger_conf *conf);
/* False between a failed commit and recovery: take no request. */
bool ledger_ready(const struct ledger *l);
/* Records a (copied) with the next commit. Exactly one call to done follows, never before this
 * returns, unless this fails. */
MUST_CHECK enum err ledger_add(struct ledger *l, const struct store_activation *a,
                               ledger_done_fn *done, void *arg);
/* Writes something of another kind, now: write runs in a transaction of its own, committed before
 * this returns. It only writes; what there is to decide was decided before. On failure nothing of
 * it is recorded and the ledger is down, as after any failed commit; ERR_NOT_NOW while it is. */
typedef enum err ledger_write_fn(void *arg, struct store *s, struct errinfo *ei);
MUST_CHECK enum err ledger_write(struct ledger *l, ledger_write_fn *write, void *arg,
                                 struct errinfo *ei);
/* Records a refusal, aggregated, some time soon; its answer need not wait. */
void ledger_refuse(struct ledger *l, const struct store_refusal *r);
/* Somebody whose rows need no commit of their own, and must not make one long: write is asked for
 * some of them in each commit while it rides, and done tells how that commit ended. */
struct ledger_rider {
    enum err (*write)(void *arg, struct store *s, struct errinfo *ei);
    void (*done)(void *arg, enum err e);
    void *arg;
};
/* One at most; NULL: none any more. */
void ledger_set_rider(struct ledger *l, const struct ledger_rider *rider);
/* Takes the rider along with the next commit, which comes soon whoever else needs it. */
void ledger_ride(struct ledger *l);
void ledger_stats(const struct ledger *l, struct ledger_stats *out);
/* Commits what waits and closes its handles; free once ledger_closed. */
void ledger_close(struct ledger *l);
bool ledger_closed(const struct ledger *l);
void ledger_free(struct ledger *l);

#endif
