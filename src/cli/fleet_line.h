/* fleet_line: one connection of a fleet to a KMS host, kept for many requests. It never waits: its
 * owner polls. */
#ifndef ADBAD_CLI_FLEET_LINE_H
#define ADBAD_CLI_FLEET_LINE_H

#include "net/resolver.h"
#include "rpc/client.h"

enum fleet_line_state {
    LINE_CLOSED,
    LINE_OPENING, /* connecting, then binding */
    LINE_READY,
    LINE_BUSY,     /* a request is on its way */
    LINE_ANSWERED, /* rpc_client_stub(rpc) has the answer; fleet_line_next for another */
};

struct fleet_line {
    enum fleet_line_state state;
    int fd;
    bool connected;
    struct rpc_client *rpc; /* owned */
    /* The owner's. */
    size_t ask;
    uint64_t began; /* ns */
};

/* Begins to connect. ERR_UNREACHABLE, ERR_NOMEM. */
MUST_CHECK enum err fleet_line_open(struct fleet_line *l, const struct resolver_address *to,
                                    struct errinfo *ei);
void fleet_line_close(struct fleet_line *l);
/* Sends a request: of a ready line only. */
MUST_CHECK enum err fleet_line_call(struct fleet_line *l, const void *request, size_t len,
                                    struct errinfo *ei);
void fleet_line_next(struct fleet_line *l);
/* What poll shall wait for, and what follows from what it found. ERR_UNREACHABLE: the connection
 * ended (the line is closed); other errors are the host's protocol. */
short fleet_line_events(const struct fleet_line *l);
MUST_CHECK enum err fleet_line_advance(struct fleet_line *l, struct errinfo *ei);

#endif
