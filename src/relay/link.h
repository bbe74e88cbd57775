/* link: one pooled RPC connection to an upstream, bound to the activation interface, on a loop. One
 * call at a time. Private to this room. */
#ifndef ADBAD_RELAY_LINK_H
#define ADBAD_RELAY_LINK_H

#include <uv.h>

#include "base/err.h"
#include "relay/channel.h"
#include "rpc/client.h"

struct relay_link;

enum link_event {
    LINK_BOUND,  /* calls may follow */
    LINK_ANSWER, /* relay_link_rpc has it */
    LINK_FAULT,  /* likewise */
    LINK_LOST,   /* the link is closing and no longer its owner's; why says why */
};

struct link_conf {
    uv_loop_t *loop;
    struct channel *channel; /* of that loop: who connects */
    unsigned limit_ms;       /* for each call */
    unsigned idle_ms;        /* bound and without a call so long: lost */
    /* Whoever reads uses it; size of one read. */
    char *read_buffer;
    size_t read_size;
    /* Called on the loop, never from relay_link_open or relay_link_call. */
    void (*on_event)(void *arg, void *owner, struct relay_link *l, enum link_event event,
                     const char *why);
    void *arg;
};

/* To the address that the dialler knows by that number. conf must outlive the link; limit_ms: until
 * it is bound. NULL: no memory. */
struct relay_link *relay_link_open(const struct link_conf *conf, uint32_t address,
                                   unsigned limit_ms, void *owner);
void relay_link_own(struct relay_link *l, void *owner);
/* Sends a request; once bound, and not while one is unanswered. */
void relay_link_call(struct relay_link *l, const void *stub, size_t len);
/* What it agreed on and what came. */
const struct rpc_client *relay_link_rpc(const struct relay_link *l);
/* Also right after LINK_LOST: whether it was bound; whether it lost because of a time limit;
 * whether anything was answered on it; whether it was lost because we lack memory or descriptors,
 * which says nothing of the host. */
bool relay_link_bound(const struct relay_link *l);
bool relay_link_late(const struct relay_link *l);
bool relay_link_used(const struct relay_link *l);
bool relay_link_ours(const struct relay_link *l);
/* No event follows; the memory goes when the loop lets go of it. NULL is fine. */
void relay_link_close(struct relay_link *l);

#endif
