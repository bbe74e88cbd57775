/* ledger: the one writer of the store, on a thread of its own. It counts and writes everything that
 * was handed over since its last commit, commits that together, and only then do the answers go
 * out: group commit by construction. What arrives meanwhile is the next commit.
 *
 * Each loop has a port. What is added to a port in one turn of its loop is handed over before the
 * loop waits again; what became of it is told on that loop, in the order of adding. After a failed
 * commit nothing of it is answered, and nothing is taken until the writer has reopened and checked
 * the store and rebuilt the count from it. */
#ifndef ADBAD_DAEMON_LEDGER_H
#define ADBAD_DAEMON_LEDGER_H

#include <uv.h>

#include "base/log.h"
#include "base/timing.h"
#include "store/refused.h"
#include "store/store.h"

/* Works on the store, on the writer's thread. */
typedef enum err ledger_fn(void *arg, struct store *s, struct errinfo *ei);

struct ledger_conf {
    struct store *store; /* the caller's; the writer's alone from ledger_open to ledger_close */
    struct log log;      /* of a destination that several threads may write to */
    size_t room;         /* activations under way at which ports are told to hold */
    size_t save_every;   /* activations */
    /* These run on the writer's thread. count gives row->count to a client that is recorded next;
     * an error fails that row alone. save (may be NULL) writes down, in the commit that is open,
     * what count works on: about every save_every activations and at the end. rebuild makes it
     * anew from that and the rows since. */
    enum err (*count)(void *arg, struct store_activation *row);
    ledger_fn *save, *rebuild;
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

/* Starts the writer. */
MUST_CHECK enum err ledger_open(const struct ledger_conf *conf, struct ledger **out,
                                struct errinfo *ei);
/* Once every port is closed: writes what waits, ends the writer and frees. NULL is fine. */
void ledger_close(struct ledger *l);

/* These may be called from any thread but the writer's; ledger_write and ledger_read wait for it.
 */

/* False between a failed commit and recovery: take no request. */
bool ledger_ready(const struct ledger *l);
void ledger_stats(struct ledger *l, struct ledger_stats *out);
/* How long commits took that were made, writing and flushing; lives as long as the ledger. */
const struct timing *ledger_commit_times(const struct ledger *l);
/* Run fn on the writer's thread. Write: in a transaction of its own, committed before this
 * returns; it may read what it decides by, and any error of it is a failed commit: nothing is
 * recorded and the ledger is down. ERR_NOT_NOW while it is down.
 * ERR_TIMEOUT: the writer is busy for more than five seconds, with a commit that the disk holds up;
 * fn is not run, and nobody else waits before that has ended. A write that has begun is waited
 * for. */
MUST_CHECK enum err ledger_write(struct ledger *l, ledger_fn *write, void *arg, struct errinfo *ei);
MUST_CHECK enum err ledger_read(struct ledger *l, ledger_fn *read, void *arg, struct errinfo *ei);

/* ---- ports; each belongs to the thread of its loop ---- */

struct ledger_port;

/* One activation to record. The caller's memory until done is called. */
struct ledger_entry {
    struct store_activation row; /* count is filled in by the writer */
    /* ERR_OK: the row is durable. Else it was not recorded (as store_commit says) and nobody may be
     * told: the error of count, or of the commit. */
    void (*done)(struct ledger_entry *entry, enum err e);
    /* The ledger's. */
    struct ledger_entry *next;
    enum err e;
};

/* Something of another kind that needs no commit of its own and must not make one long: written in
 * the next one, whoever else is in it; an error of write is that of all. The caller's memory until
 * done is called. */
struct ledger_job {
    ledger_fn *write;                    /* on the writer's thread */
    void (*done)(void *arg, enum err e); /* on the port's loop */
    void *arg;
    /* The ledger's. */
    struct ledger_job *next;
    struct ledger_port *port;
    enum err e;
};

/* hold (may be NULL) is told on the loop when too much is under way: read no further requests; and
 * when there is room again. What is added in between is taken all the same. */
MUST_CHECK enum err ledger_port_open(struct ledger *l, uv_loop_t *loop,
                                     void (*hold)(void *arg, bool on), void *arg,
                                     struct ledger_port **out, struct errinfo *ei);
/* Exactly one call to done follows each of these, never before it returns. */
void ledger_add(struct ledger_port *p, struct ledger_entry *entry);
void ledger_post(struct ledger_port *p, struct ledger_job *job);
/* These two record a refusal some time soon; its answer need not wait. Summed up per minute, source
 * and reason. */
void ledger_refuse(struct ledger_port *p, const struct store_refusal *r);
/* With a row of its own; when very many wait for theirs it is summed up likewise. */
void ledger_refuse_request(struct ledger_port *p, const struct store_refused *r);
/* Closes once all that was added was told; free once ledger_port_closed. NULL is closed. */
void ledger_port_close(struct ledger_port *p);
bool ledger_port_closed(const struct ledger_port *p);
void ledger_port_free(struct ledger_port *p);

#endif
