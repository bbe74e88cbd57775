/* channel: a loop's line to the dialler (relay/dialler.h): connected sockets and the upstreams'
 * addresses are asked for here. Of one loop's thread. Private to this room. */
#ifndef ADBAD_RELAY_CHANNEL_H
#define ADBAD_RELAY_CHANNEL_H

#include <uv.h>

#include "relay/dialling.h"

/* A connection that is asked for. All zero, or the channel's until done is called. */
struct channel_call {
    struct channel *channel; /* NULL: nothing is asked for */
    struct channel_call *prev, *next;
    struct dialling_request request;
    bool sent;
    /* Called on the loop. error: of libuv, or 0; fd is then a connected socket and the callee's. */
    void (*done)(struct channel_call *c, int error, int fd);
};

struct channel {
    uv_poll_t poll;
    int fd;
    bool open;
    bool look; /* is to be sent */
    uint32_t ticket;
    struct channel_call *first, *last; /* oldest first: those that were sent, the others */
    struct buf out;
    /* On the loop: FOUND and LOOKED of a look-up. May be NULL. */
    void (*on_found)(void *arg, const struct dialling_answer *a);
    void *arg;
};

/* Zero *c but for on_found and arg. fd stays the caller's, who closes it after channel_close.
 * Returns 0 or an error of libuv. */
int channel_open(struct channel *c, uv_loop_t *loop, int fd);
/* Nothing is called back any more, but closed (NULL: nothing), which may then free c. */
void channel_close(struct channel *c, uv_close_cb closed);
/* Asks for a connection to an address that was found; done is not called from here. Returns 0 or
 * an error of libuv: nothing was asked for. */
int channel_connect(struct channel *c, struct channel_call *call, uint32_t number,
                    unsigned limit_ms);
/* Nobody waits for it any more. Of one that is not asked for, nothing. */
void channel_forget(struct channel_call *call);
/* Has all upstreams looked up; not while a look-up is under way. */
int channel_look(struct channel *c);

#endif
