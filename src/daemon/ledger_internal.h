/* ledger_internal: what ledger.c (the writer) and ledger_port.c (the loops) share. */
#ifndef ADBAD_DAEMON_LEDGER_INTERNAL_H
#define ADBAD_DAEMON_LEDGER_INTERNAL_H

#include <stdatomic.h>

#include "daemon/ledger.h"
#include "daemon/refusals.h"

/* Entries in order; moved as a whole. */
struct entries {
    struct ledger_entry *first, **end; /* end: where the next one goes */
    size_t n;
};

struct jobs {
    struct ledger_job *first, **end;
};

/* A refused request that gets a row of its own. */
struct refused_row {
    struct store_refused row;
    struct refused_row *next;
};

struct refused_rows {
    struct refused_row *first, **end;
    size_t n;
};

struct ledger_port {
    struct ledger *ledger;
    /* The loop's. */
    uv_prepare_t prepare; /* before the loop waits: hands over */
    uv_async_t async;     /* from the writer */
    uv_timer_t timer;     /* while refusals wait here */
    unsigned handles;
    void (*hold)(void *arg, bool on);
    void *arg;
    struct entries added; /* in this turn */
    struct jobs posted;
    struct refusals refusals;
    struct refused_rows refused;
    size_t owed; /* entries and jobs that were not told yet */
    bool closing;
    /* Under the ledger's lock. */
    struct ledger_port *next;
    struct entries waiting;  /* for the writer */
    struct entries finished; /* for the loop */
    struct jobs finished_jobs;
    bool held;
    /* The writer's. */
    struct entries taken;
    struct ledger_port *next_taken;
};

/* Somebody who waits for ledger_write or ledger_read; under the lock but for the call itself. */
struct ledger_call {
    ledger_fn *fn;
    void *arg;
    bool writes, begun, answered;
    enum err e;
    struct errinfo *ei;
    struct ledger_call *next;
};

struct ledger {
    struct ledger_conf conf;
    uv_thread_t thread;
    atomic_bool ready;
    atomic_uint_fast64_t refusals_seen, refusals_waiting;
    atomic_size_t refused_rows; /* that wait, wherever */
    uv_mutex_t lock;
    uv_cond_t work_cond;        /* the writer sleeps on it */
    uv_cond_t answer_cond;      /* callers of ledger_write and ledger_read */
    struct timing commit_times; /* the writer's to raise */
    /* Under the lock. */
    bool work, asleep, closing;
    bool stalled; /* a caller's patience was over, and the writer has not come back since */
    struct ledger_port *ports;
    size_t under_way; /* entries handed over and not finished */
    struct jobs jobs;
    struct ledger_call *calls;
    struct refusals refusals;
    struct refused_rows refused;
    struct ledger_stats stats;
    /* The writer's: what it is about to commit, and how it recovers. */
    struct ledger_port *taken;
    struct jobs taken_jobs;
    struct refusals writing;
    struct refused_rows writing_refused;
    size_t refused_written; /* of them in this commit, from the first on */
    size_t unsaved;         /* activations since conf.save */
    bool saving;            /* in this commit */
    bool up;
    uint64_t down_since, retry_at; /* ns */
    uint64_t looked_at;            /* after the file; ns; the writer's own */
    unsigned retry_ms;
};

static inline void entries_clear(struct entries *q)
{
    *q = (struct entries){.end = &q->first};
}

/* Appends all of from, which is empty then. */
static inline void entries_move(struct entries *q, struct entries *from)
{
    if (from->n == 0)
        return;
    *q->end = from->first;
    q->end = from->end;
    q->n += from->n;
    entries_clear(from);
}

static inline void jobs_clear(struct jobs *q)
{
    *q = (struct jobs){.end = &q->first};
}

static inline void jobs_add(struct jobs *q, struct ledger_job *j)
{
    j->next = NULL;
    *q->end = j;
    q->end = &j->next;
}

static inline void jobs_move(struct jobs *q, struct jobs *from)
{
    if (from->first == NULL)
        return;
    *q->end = from->first;
    q->end = from->end;
    jobs_clear(from);
}

static inline void refused_clear(struct refused_rows *q)
{
    *q = (struct refused_rows){.end = &q->first};
}

static inline void refused_add(struct refused_rows *q, struct refused_row *r)
{
    r->next = NULL;
    *q->end = r;
    q->end = &r->next;
    q->n++;
}

static inline void refused_move(struct refused_rows *q, struct refused_rows *from)
{
    if (from->n == 0)
        return;
    *q->end = from->first;
    q->end = from->end;
    q->n += from->n;
    refused_clear(from);
}

/* Frees the first n. */
void refused_drop(struct refused_rows *q, size_t n);

/* With the lock, which it releases: there is something for the writer. */
void ledger_wake(struct ledger *l);

#endif
