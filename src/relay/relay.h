/* relay: requests that are not ours to answer go, byte for byte, to a KMS host that Microsoft
 * activated, and its answers come back unchanged. Nothing of a message is understood here but where
 * its byte array lies in the call's parameters.
 *
 * A struct relay belongs to the main loop, which has the upstreams' names looked up and checks
 * their health. Another process connects to them: the dialler (relay/dialler.h). Each worker's loop
 * has a struct relay_worker with connections of its own; what is known of the upstreams they share
 * under one lock. */
#ifndef ADBAD_RELAY_RELAY_H
#define ADBAD_RELAY_RELAY_H

#include <uv.h>

#include "base/buf.h"
#include "base/log.h"
#include "relay/flights.h"
#include "relay/outcome.h"
#include "relay/policy.h"

struct relay_conf {
    const struct conf_list *upstream; /* as relay_targets_parse takes it; outlives the relay */
    const char *domain;               /* with "auto": whose _vlmcs._tcp records are asked for */
    const int *channels; /* to the dialler (relay/dialler.h): the main loop's, then each worker's;
                            the caller's, until all is closed */
    unsigned workers;
    uint32_t connections; /* most requests under way to one upstream */
    uint32_t queue;       /* most that wait for a place, of all workers; of one source half of it */
    unsigned patience_ms; /* from a request's coming to its answer, whatever happens */
    unsigned attempt_ms;  /* below patience_ms; for a bound connection to one upstream by any of its
                             addresses, and for its answer */
    unsigned check_ms;    /* between two looks at each upstream's health, and at DNS */
    uv_loop_t *loop;      /* the main loop */
    /* On the main loop: relay_health is known, or another. May be NULL. */
    void (*on_health)(void *arg);
    void *arg;
    struct log log;
};

struct relay_answer {
    enum relay_outcome outcome;
    uint32_t status;      /* RELAY_ANSWERED: the result; else the fault for the client */
    const uint8_t *stub;  /* RELAY_ANSWERED: the parameters in the request's syntax */
    size_t stub_len, len; /* len: of the byte array in it */
    const struct relay_target *upstream; /* who answered, or was asked last; NULL: nobody */
    uint32_t elapsed_us;                 /* since relay_forward */
    const char *why;                     /* in words; "" if there is nothing to say */
};

struct relay_link;
struct relay_worker;

/* One request. Zero it, fill the first fields; the rest is the relay's until done is called. */
struct relay_request {
    struct buf stub;     /* the parameters as the client sent them; the caller frees */
    const uint8_t *data; /* the byte array, inside stub */
    size_t n;
    bool big, ndr64;    /* what the client speaks */
    uint8_t source[16]; /* the client's address, as address_key gives it */
    /* Called once, on the worker's loop, and possibly from inside relay_forward. */
    void (*done)(struct relay_request *r, const struct relay_answer *a);

    struct relay_worker *worker;
    struct relay_flight flight;
    struct relay_request *prev, *next;             /* of all, oldest first */
    struct relay_request *queue_prev, *queue_next; /* of those that wait */
    bool waiting;
    unsigned crowd; /* its source's, among those that wait */
    uint64_t begun_ns;
    uint64_t deadline; /* ms on the loop's clock */
    uint32_t tried;    /* upstreams, as bits */
    int id;            /* the upstream that is being asked, -1: none */
    uint32_t serial;   /* … the policy's */
    struct relay_target target;
    uint64_t asked, until;  /* ms: when its turn came; by when a connection must be there */
    struct relay_walk walk; /* through its addresses */
    bool again;             /* a pooled connection turned out to be closed; once is enough */
    struct relay_link *link;
    uint32_t fault; /* of the last upstream that answered with one; 0: none did */
    struct relay_target fault_target;
    char why[RELAY_WHY_MAX];
};

struct relay;

/* conf is copied. ERR_CONFIG for an upstream that is malformed. */
MUST_CHECK enum err relay_new(const struct relay_conf *conf, struct relay **out,
                              struct errinfo *ei);
/* Begins to look up and to check. own: the addresses that we listen on, as net_server_addresses
 * tells them: they are never asked. */
MUST_CHECK enum err relay_start(struct relay *r, const char *own, struct errinfo *ei);
/* Once every worker has closed. Free when relay_closed, which some turns of the loop bring. */
void relay_close(struct relay *r);
bool relay_closed(const struct relay *r);
void relay_free(struct relay *r);

/* What is known of each wanted upstream, in the order of priority: called under the lock. */
typedef void relay_upstream_fn(void *arg, const struct relay_upstream *u, uint64_t now);
void relay_each_upstream(struct relay *r, relay_upstream_fn *each, void *arg);
enum relay_health {
    RELAY_HEALTH_UNKNOWN, /* names are being looked up, or no check has ended */
    RELAY_HEALTH_GOOD,    /* an upstream's last check ended well and requests go there now */
    RELAY_HEALTH_BAD,
};

enum relay_health relay_health(struct relay *r);
/* Requests that wait for a place now. */
uint32_t relay_waiting(struct relay *r);

/* ---- workers; each belongs to the thread of its loop ---- */

MUST_CHECK enum err relay_worker_open(struct relay *r, unsigned number, uv_loop_t *loop,
                                      struct relay_worker **out, struct errinfo *ei);
/* Ends what is under way (RELAY_DOWN) and closes; the memory goes with relay_worker_free, once the
 * loop has let go of all handles. NULL is fine. */
void relay_worker_close(struct relay_worker *w);
void relay_worker_free(struct relay_worker *w);

void relay_forward(struct relay_worker *w, struct relay_request *r);
/* The client is gone. A request that still waits for a place ends (RELAY_LEFT); one that is on its
 * way goes on, since the upstream may count it. */
void relay_left(struct relay_request *r);

#endif
