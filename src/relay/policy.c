#include "relay/policy.h"

#include <stdio.h>
#include <string.h>

/* RFC 2782: a weight of 0 has a very small chance beside others. */
#define WEIGHT_UNIT 1000u

void relay_policy_init(struct relay_policy *p, const struct relay_policy_conf *conf)
{
    memset(p, 0, sizeof(*p));
    p->conf = *conf;
}

/* ---- who is wanted ---- */

static struct relay_upstream *unused(struct relay_policy *p)
{
    for (size_t i = 0; i < RELAY_TARGETS_MAX; i++) {
        struct relay_upstream *u = &p->upstreams[i];

        if (!u->used || (!u->wanted && u->busy == 0))
            return u;
    }
    return NULL;
}

static struct relay_upstream *known(struct relay_policy *p, const struct relay_target *t)
{
    for (size_t i = 0; i < RELAY_TARGETS_MAX; i++) {
        struct relay_upstream *u = &p->upstreams[i];

        if (u->used && relay_target_same(&u->target, t))
            return u;
    }
    return NULL;
}

size_t relay_policy_want(struct relay_policy *p, const struct relay_target *targets, size_t n)
{
    size_t left_out = 0;

    for (size_t i = 0; i < RELAY_TARGETS_MAX; i++)
        p->upstreams[i].wanted = false;
    for (size_t i = 0; i < n; i++) {
        struct relay_upstream *u = known(p, &targets[i]);

        if (u != NULL) {
            u->target = targets[i];
            u->wanted = true;
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct relay_upstream *u = known(p, &targets[i]);

        if (u != NULL)
            continue;
        u = unused(p);
        if (u == NULL)
            left_out++;
        else
            *u = (struct relay_upstream){
                .target = targets[i], .serial = ++p->serial, .used = true, .wanted = true};
    }
    return left_out;
}

int relay_policy_find(const struct relay_policy *p, const struct relay_target *t)
{
    for (int i = 0; i < RELAY_TARGETS_MAX; i++) {
        const struct relay_upstream *u = &p->upstreams[i];

        if (u->wanted && relay_target_same(&u->target, t))
            return i;
    }
    return -1;
}

void relay_policy_reach(struct relay_policy *p, unsigned id, enum relay_reach reach)
{
    p->upstreams[id].reach = reach;
}

/* ---- choosing ---- */

/* With fewer connections than workers whoever comes first has one. */
static uint32_t share(const struct relay_policy *p, unsigned worker)
{
    uint32_t n = p->conf.connections / p->conf.workers +
                 (worker < p->conf.connections % p->conf.workers ? 1 : 0);

    return n > 0 ? n : 1;
}

bool relay_upstream_serves(const struct relay_upstream *u, uint64_t now)
{
    return u->wanted && u->reach == RELAY_REACHABLE &&
           (u->breaker == RELAY_CLOSED || (u->breaker == RELAY_OPEN && now >= u->open_until));
}

static bool has_place(const struct relay_policy *p, const struct relay_upstream *u, unsigned worker)
{
    return u->share_busy[worker] < share(p, worker) && u->busy < p->conf.connections;
}

struct level {
    uint32_t free, full; /* bits of ids that serve at the best priority */
    bool undecided;      /* a name is still to be looked up, or a trial to end */
};

static struct level best_level(const struct relay_policy *p, unsigned worker, uint32_t tried,
                               uint64_t now)
{
    struct level l = {.undecided = p->undecided};
    unsigned best = UINT16_MAX + 1u;

    for (unsigned i = 0; i < RELAY_TARGETS_MAX; i++) {
        const struct relay_upstream *u = &p->upstreams[i];

        if (!u->wanted || (tried >> i & 1) != 0)
            continue;
        l.undecided = l.undecided || u->reach == RELAY_UNRESOLVED ||
                      (u->reach == RELAY_REACHABLE && u->breaker == RELAY_TRIAL);
        if (!relay_upstream_serves(u, now) || u->target.priority > best)
            continue;
        if (u->target.priority < best)
            l.free = l.full = 0;
        best = u->target.priority;
        *(has_place(p, u, worker) ? &l.free : &l.full) |= 1u << i;
    }
    return l;
}

static uint32_t chance(const struct relay_upstream *u)
{
    return u->target.weight == 0 ? 1 : u->target.weight * WEIGHT_UNIT;
}

static unsigned by_weight(const struct relay_policy *p, uint32_t among, const struct rng *rng)
{
    uint64_t sum = 0, at;
    unsigned last = 0;

    for (unsigned i = 0; i < RELAY_TARGETS_MAX; i++) {
        if ((among >> i & 1) != 0) {
            sum += chance(&p->upstreams[i]);
            last = i;
        }
    }
    if ((among & (among - 1)) == 0)
        return last;
    at = rng_below(rng, sum);
    for (unsigned i = 0; i < last; i++) {
        if ((among >> i & 1) == 0)
            continue;
        if (at < chance(&p->upstreams[i]))
            return i;
        at -= chance(&p->upstreams[i]);
    }
    return last;
}

static void take(struct relay_upstream *u, unsigned worker)
{
    u->busy++;
    u->share_busy[worker]++;
}

enum relay_pick relay_policy_pick(struct relay_policy *p, unsigned worker, uint32_t tried,
                                  uint64_t now, const struct rng *rng, unsigned *id)
{
    struct level l = best_level(p, worker, tried, now);
    struct relay_upstream *u;

    if (l.free == 0)
        return l.full != 0 || l.undecided ? RELAY_WAIT : RELAY_NONE;
    *id = by_weight(p, l.free, rng);
    u = &p->upstreams[*id];
    if (u->breaker == RELAY_OPEN)
        u->breaker = RELAY_TRIAL;
    take(u, worker);
    return RELAY_PICKED;
}

bool relay_policy_release(struct relay_policy *p, unsigned worker, unsigned id)
{
    struct relay_upstream *u = &p->upstreams[id];
    bool was_full = u->busy == p->conf.connections;

    u->busy--;
    u->share_busy[worker]--;
    if (u->breaker == RELAY_TRIAL && u->busy == 0) { /* a trial that told nothing */
        u->breaker = RELAY_OPEN;
        return true;
    }
    return was_full && p->conf.connections < p->conf.workers;
}

/* ---- what became of it ---- */

static void works(struct relay_upstream *u)
{
    u->breaker = RELAY_CLOSED;
    u->failures = 0;
    u->pause_ms = 0;
    u->why[0] = '\0';
}

static void open_breaker(struct relay_policy *p, struct relay_upstream *u, uint64_t now)
{
    uint32_t pause = u->pause_ms == 0 ? p->conf.pause_ms : u->pause_ms * 2;

    u->pause_ms = pause < p->conf.pause_max_ms ? pause : p->conf.pause_max_ms;
    u->breaker = RELAY_OPEN;
    u->open_until = now + u->pause_ms;
}

void relay_policy_answered(struct relay_policy *p, unsigned id, bool fault)
{
    struct relay_upstream *u = &p->upstreams[id];

    if (fault)
        u->faults++;
    else
        u->answered++;
    works(u);
}

void relay_policy_failed(struct relay_policy *p, unsigned id, uint64_t now, const char *why)
{
    struct relay_upstream *u = &p->upstreams[id];

    u->failed++;
    u->failures++;
    snprintf(u->why, sizeof(u->why), "%s", why);
    if (u->breaker == RELAY_TRIAL ||
        (u->breaker == RELAY_CLOSED && u->failures >= p->conf.failures))
        open_breaker(p, u, now);
}

bool relay_policy_checked(struct relay_policy *p, unsigned id, uint64_t now, const char *why)
{
    struct relay_upstream *u = &p->upstreams[id];
    bool was = u->healthy, first = u->checked == 0;

    u->checked = now > 0 ? now : 1;
    u->healthy = why == NULL;
    if (why == NULL) {
        if (u->breaker == RELAY_OPEN)
            u->open_until = now; /* it takes calls; whether it answers them one request will tell */
        else if (u->failures == 0)
            u->why[0] = '\0';
    } else {
        snprintf(u->why, sizeof(u->why), "%s", why);
        open_breaker(p, u, now);
    }
    return first || was != u->healthy;
}

const char *relay_upstream_state(const struct relay_upstream *u, uint64_t now)
{
    static const char *const reach[] = {[RELAY_UNRESOLVED] = "unresolved",
                                        [RELAY_NO_ADDRESS] = "no-address",
                                        [RELAY_OURSELVES] = "ourselves"};

    if (u->reach != RELAY_REACHABLE)
        return reach[u->reach];
    if (u->breaker == RELAY_TRIAL || (u->breaker == RELAY_OPEN && now >= u->open_until))
        return "trial";
    if (u->breaker == RELAY_OPEN)
        return "down";
    return u->checked == 0 && u->answered + u->faults == 0 ? "unknown" : "up";
}
