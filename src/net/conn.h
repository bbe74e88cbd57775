/* conn: one connection, and its calls that wait for their answers. Private to this room. */
#ifndef ADBAD_NET_CONN_H
#define ADBAD_NET_CONN_H

#include "net/worker.h"

enum conn_state {
    CONN_OPEN,
    CONN_FINISHING, /* our last words go out; what comes in is ignored */
    CONN_LINGERING, /* they are out; waiting for the peer to close */
    CONN_CLOSED,    /* memory until libuv lets go of the handle */
};

struct net_call {
    struct net_call *prev, *next; /* of the connection */
    struct net_worker *worker;
    struct net_conn *conn; /* NULL: it has gone */
    struct rpc_call *rpc;
    net_gone_fn *on_gone; /* or NULL */
    void *gone_arg;
};

struct net_conn {
    uv_tcp_t tcp;
    int fd; /* tcp's */
    struct deadline deadline;
    struct net_worker *worker;
    struct net_conn *prev, *next;
    struct net_conn **wait_at, *wait_next; /* among the worker's waiting; NULL: it is not */
    struct rpc_server *rpc_server;         /* its listener's */
    struct rpc_conn *rpc;
    struct net_call *calls; /* circular list without a head; NULL: none open */
    uint32_t open_calls;
    union address peer;              /* the client; a balancer's own until it has told */
    char peer_text[NET_ADDRESS_MAX]; /* once a call asked for it */
    struct buf header;               /* of a balancer, while it comes in pieces */
    uint32_t fed;                    /* bytes since the last progress */
    enum conn_state state;
    bool awaits_header; /* a balancer's, which has not told yet for whom */
    bool admitted;      /* counted with peer's connections */
    bool feeding;       /* inside feed(): it settles at its end */
    bool reading;
    bool writing;  /* a uv_write is under way */
    bool eof;      /* the peer will send no more */
    bool progress; /* something was completed since the deadline was set */
};

/* Ends the connection after the output that waits and the answers to calls that came whole;
 * conn_settle carries it through. */
void conn_finish(struct net_conn *c, unsigned reason, const char *detail);
/* Does what follows from the state: writes, reads on or not, sets the deadline, ends. c may be
 * gone from the loop afterwards, but not from memory. */
void conn_settle(struct net_conn *c);
/* Before output is made: gives the connection the worker's spare buffer if it has none. */
void conn_lend(struct net_conn *c);

/* ---- call.c ---- */

/* A whole request was fed: hands it to the handler. */
void call_dispatch(struct net_conn *c);
/* When the worker ends. */
void call_forget_spares(struct net_worker *w);
/* The connection goes: its calls will be answered into nothing. */
void call_orphan_all(struct net_conn *c);
/* The peer sends nothing more; c may be closed when it returns, but its memory stays until the loop
 * turns. */
void call_tell_gone(struct net_conn *c);

#endif
