/* worker: one thread and its loop, with its listeners and its connections. Everything here belongs
 * to that thread once it runs, unless it says otherwise. Private to this room. */
#ifndef ADBAD_NET_WORKER_H
#define ADBAD_NET_WORKER_H

#include "base/address.h"
#include "base/counter.h"
#include "base/loglimit.h"
#include "net/deadline.h"
#include "net/mail.h"
#include "net/net.h"

#define READ_BUFFER_SIZE 65536

struct listener {
    struct listener *next;
    struct net_worker *worker;
    uv_poll_t poll;
    int fd;
    struct rpc_server rpc; /* its secondary address is this listener's port */
};

/* Any thread may read them. */
struct worker_stats {
    struct counter accepted, calls;
    struct counter closed[NET_CLOSE_REASONS];
    _Atomic bool accepting;
};

struct net_conn;

struct net_worker {
    struct net_server *server;
    unsigned number;
    uv_loop_t *loop; /* own_loop */
    uv_loop_t own_loop;
    uv_thread_t thread;
    bool running;     /* the main thread's: there is a thread */
    bool introduced;  /* conf.worker_start succeeded */
    struct mail mail; /* from other threads */
    struct listener *listeners;
    struct net_conn *conns;
    struct net_conn *current; /* is being fed; NULL: none */
    struct net_conn *waiting; /* have something to read, and the worker is held */
    bool held;
    uint32_t open; /* connections, until libuv has let go of them */
    uint32_t peak; /* most of them since memory was last given back */
    struct worker_stats stats;
    struct deadlines deadlines;
    uv_timer_t deadline_timer; /* runs while a deadline is set */
    uint64_t deadline_armed;   /* for when; UINT64_MAX: not running */
    uv_timer_t resume_timer;   /* runs while accepting waits for descriptors */
    uint64_t told_exhausted;   /* when the log last said so */
    uv_timer_t tell_timer;     /* runs while lines wait to be summed up */
    struct loglimit lines;     /* of connections that were closed or refused something */
    bool stopping;
    struct buf spare;                   /* an output buffer that no connection uses */
    struct net_call *spare_calls;       /* by next; never more than were open at a time */
    unsigned burst;                     /* how many are accepted in a row */
    char read_buffer[READ_BUFFER_SIZE]; /* of whichever connection is being read */
};

/* 0, or a negative error of libuv and there is nothing to close. */
MUST_CHECK int worker_init(struct net_worker *w, struct net_server *s, unsigned number);
/* After its loop has run to its end. */
void worker_fini(struct net_worker *w);
/* Starts the thread. 0, or a negative error of libuv. */
MUST_CHECK int worker_run(struct net_worker *w);
/* Listens on fd, which is the worker's from now on; its address is a. 0, or a negative error of
 * libuv and fd is still the caller's. */
MUST_CHECK int worker_listen(struct net_worker *w, int fd, const union address *a);
/* Stops accepting and reading; connections close once their answers are out. */
void worker_stop(struct net_worker *w);
/* Closes at once what is still open. */
void worker_abort(struct net_worker *w);
/* Accepts again if that had paused. */
void worker_resume(struct net_worker *w);

/* A connection is gone for good. source: whose place it had, NULL: nobody's. */
void worker_forget(struct net_worker *w, const union address *source);
void worker_set_deadline(struct net_worker *w, struct deadline *d, enum deadline_kind kind);
/* Counts the end of a connection and tells it in one line. */
void worker_record(struct net_worker *w, const union address *peer, unsigned reason,
                   const char *detail);
/* Why gate_admit or gate_count turned somebody away, as a reason and in words. */
unsigned worker_refusal(const struct net_worker *w, enum err e, char detail[64]);

/* ---- conn.c ---- */

/* Serves fd, which is the connection's from now on. awaits: a balancer's, which tells its client
 * first; else the peer was admitted. */
void conn_start(struct net_worker *w, struct listener *l, int fd, const union address *peer,
                bool awaits);
/* The worker stops: close, now or after the answers that are owed. */
void conn_stop(struct net_conn *c);
void conn_kill(struct net_conn *c);
/* The worker is not held any more: c reads on. Returns who waited behind it. */
struct net_conn *conn_read_on(struct net_conn *c);
struct net_conn *conn_next(struct net_conn *c);
void conn_expired(struct deadline *d);
/* The client as "address:port". Returns text. */
const char *conn_peer(const struct net_conn *c, char text[NET_ADDRESS_MAX]);

#endif
