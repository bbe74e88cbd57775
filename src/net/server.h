/* server: what listeners and connections share. Private to this room. */
#ifndef ADBAD_NET_SERVER_H
#define ADBAD_NET_SERVER_H

#include "net/address.h"
#include "net/deadline.h"
#include "net/net.h"
#include "net/source.h"

#define READ_BUFFER_SIZE 65536

struct listener {
    struct listener *next;
    struct net_server *server;
    uv_poll_t poll;
    int fd;
    union address address;
    struct rpc_server rpc; /* its secondary address is this listener's port */
};

struct net_server {
    struct net_conf conf;
    uv_loop_t *loop;
    struct listener *listeners;
    struct net_conn *conns;
    struct net_conn *current; /* is being fed; NULL: none */
    struct net_stats stats;
    struct rpc_shared *rpc;
    struct sources sources;
    struct deadlines deadlines;
    uv_timer_t deadline_timer; /* runs while a deadline is set */
    uint64_t deadline_armed;   /* for when; UINT64_MAX: not running */
    uv_timer_t resume_timer;   /* runs while accepting waits for descriptors */
    uint64_t told_exhausted;   /* when the log last said so */
    unsigned handles;          /* of ours that the loop still knows */
    bool stopping;
    char read_buffer[READ_BUFFER_SIZE]; /* of whichever connection is being read */
};

/* Serves fd, which is the connection's from now on. */
void conn_start(struct net_server *s, struct listener *l, int fd, const union address *peer);
/* The server stops: close, now or after the answers that are owed. */
void conn_stop(struct net_conn *c);
void conn_kill(struct net_conn *c);
struct net_conn *conn_next(struct net_conn *c);
void conn_expired(struct deadline *d);
/* Told by the rpc core while it is fed: refused, and the connection stays. arg: the listener. */
void conn_refused(void *arg, enum rpc_reason reason, const char *detail);

/* A connection is gone for good. */
void server_forget(struct net_server *s, const union address *peer);
void server_set_deadline(struct net_server *s, struct deadline *d, enum deadline_kind kind);
void server_count_close(struct net_server *s, unsigned reason);

#endif
