/* policy: which upstream a relayed request goes to, as arithmetic: priority and weight, what each
 * may have under way, and a circuit breaker that leaves a failing one alone for a while.
 *
 * No sockets, no clock, no lock: milliseconds of a clock that does not go back and randomness come
 * in, decisions go out. Upstreams are known by an id below RELAY_TARGETS_MAX, which is theirs as
 * long as they are wanted or anything is under way to them. */
#ifndef ADBAD_RELAY_POLICY_H
#define ADBAD_RELAY_POLICY_H

#include "base/relaytarget.h"
#include "base/rng.h"

#define RELAY_WORKERS_MAX 64
#define RELAY_WHY_MAX     160

/* Through an upstream's addresses: where it began, how many it has tried, which one it is at. */
struct relay_walk {
    unsigned first, tried, at;
};

struct relay_policy_conf {
    unsigned workers; /* 1 … RELAY_WORKERS_MAX; each has its share of connections, at least 1 */
    uint32_t connections;  /* most requests under way to one upstream */
    unsigned failures;     /* so many in a row open the breaker */
    uint32_t pause_ms;     /* how long it then stays open; twice as long after each failed trial */
    uint32_t pause_max_ms; /* … but no longer */
};

/* What is known of the way to an upstream. */
enum relay_reach {
    RELAY_UNRESOLVED, /* its name was not looked up yet */
    RELAY_REACHABLE,  /* it has addresses */
    RELAY_NO_ADDRESS,
    RELAY_OURSELVES, /* its only addresses are our own: never asked */
};

enum relay_breaker {
    RELAY_CLOSED, /* it works, or nothing else is known */
    RELAY_OPEN,   /* it failed; it is left alone until its pause is over */
    RELAY_TRIAL,  /* one request is trying whether it works again */
};

struct relay_upstream {
    struct relay_target target;
    uint32_t serial; /* tells him from whoever had the id before */
    bool used;       /* the id is somebody's */
    bool wanted;     /* still configured */
    enum relay_reach reach;
    enum relay_breaker breaker;
    unsigned failures; /* in a row */
    uint32_t pause_ms;
    uint64_t open_until; /* ms; with RELAY_OPEN */
    uint32_t busy;       /* requests under way */
    uint32_t share_busy[RELAY_WORKERS_MAX];
    uint64_t answered, faults, failed; /* since it became known */
    uint64_t checked;                  /* ms; when a health check last ended, 0: never */
    bool healthy;                      /* it ended well */
    char why[RELAY_WHY_MAX];           /* the last failure; "" if there was none since it worked */
};

struct relay_policy {
    struct relay_policy_conf conf;
    uint32_t serial; /* the last one given */
    bool undecided;  /* who is wanted is still to be told: a request waits for that */
    struct relay_upstream upstreams[RELAY_TARGETS_MAX];
};

/* Copies conf. */
void relay_policy_init(struct relay_policy *p, const struct relay_policy_conf *conf);
/* What is wanted from now on; who stays keeps what is known of him, but takes the new priority and
 * weight. n up to RELAY_TARGETS_MAX; those for which no id is free yet are left out until the next
 * call. Returns how many were left out. */
size_t relay_policy_want(struct relay_policy *p, const struct relay_target *targets, size_t n);
/* The id of a wanted target, or -1. */
int relay_policy_find(const struct relay_policy *p, const struct relay_target *t);
void relay_policy_reach(struct relay_policy *p, unsigned id, enum relay_reach reach);

enum relay_pick {
    RELAY_PICKED,
    RELAY_WAIT, /* whoever may be asked has all he may have, is on trial or not known yet */
    RELAY_NONE, /* nobody is left who may be asked */
};

/* Chooses for a request of a worker, which has tried the upstreams whose bits are set, and takes a
 * place there; relay_policy_release gives it back. Only the lowest priority at which somebody works
 * is looked at: one who is busy is waited for. */
enum relay_pick relay_policy_pick(struct relay_policy *p, unsigned worker, uint32_t tried,
                                  uint64_t now, const struct rng *rng, unsigned *id);
/* True: other workers' requests may get on now, too. */
bool relay_policy_release(struct relay_policy *p, unsigned worker, unsigned id);

/* What became of a request there. A fault is an answer: the host works. */
void relay_policy_answered(struct relay_policy *p, unsigned id, bool fault);
/* No answer: why in words. */
void relay_policy_failed(struct relay_policy *p, unsigned id, uint64_t now, const char *why);
/* A health check ended, why NULL: well, which lets a request try an open breaker; else the breaker
 * opens at once. True: the last one ended otherwise, or there was none. */
bool relay_policy_checked(struct relay_policy *p, unsigned id, uint64_t now, const char *why);

/* Whether requests go to it now. */
bool relay_upstream_serves(const struct relay_upstream *u, uint64_t now);
/* "up", "down", "trial", "unknown", "unresolved", "no-address" or "ourselves". */
const char *relay_upstream_state(const struct relay_upstream *u, uint64_t now);

#endif
