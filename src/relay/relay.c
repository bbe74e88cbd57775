#include "relay/relay.h"

#include <stdlib.h>
#include <string.h>

#include "relay/hub.h"

#define FAILURES_MAX 3     /* in a row */
#define PAUSE_MS     1000  /* after them */
#define PAUSE_MAX_MS 30000 /* after many failed trials */

uint64_t hub_now(void)
{
    return uv_hrtime() / 1000000;
}

/* FNV-1a from a secret basis: nobody can choose with whom he shares. */
unsigned hub_crowd(const struct relay *r, const uint8_t source[16])
{
    uint64_t h = 0xcbf29ce484222325u ^ r->flights.seed;

    for (size_t i = 0; i < 16; i++)
        h = (h ^ source[i]) * 0x100000001b3u;
    return (unsigned)((h ^ h >> 32) % CROWDS);
}

bool hub_queue(struct relay *r, unsigned crowd)
{
    if (r->waiting >= r->conf.queue || r->crowds[crowd] >= (r->conf.queue + 1) / 2)
        return false;
    r->waiting++;
    r->crowds[crowd]++;
    return true;
}

void hub_unqueue(struct relay *r, unsigned crowd)
{
    r->waiting--;
    r->crowds[crowd]--;
}

void hub_wake(struct relay *r)
{
    for (unsigned i = 0; r->waiting > 0 && i < r->conf.workers; i++) {
        if (r->workers[i] != NULL)
            worker_wake(r->workers[i]);
    }
}

bool hub_address(const struct relay *r, unsigned id, struct relay_walk *walk, unsigned *left)
{
    const struct addresses *a = &r->addresses[id];

    if (walk->tried >= a->n)
        return false;
    if (walk->tried == 0)
        walk->first = a->first;
    walk->at = (walk->first + walk->tried) % a->n;
    *left = a->n - walk->tried++;
    return true;
}

enum err relay_new(const struct relay_conf *conf, struct relay **out, struct errinfo *ei)
{
    const struct relay_policy_conf policy = {.workers = conf->workers,
                                             .connections = conf->connections,
                                             .failures = FAILURES_MAX,
                                             .pause_ms = PAUSE_MS,
                                             .pause_max_ms = PAUSE_MAX_MS};
    struct rng rng = rng_system();
    struct relay *r = calloc(1, sizeof(*r));
    enum err e;

    if (r == NULL)
        return err_nomem(ei);
    r->conf = *conf;
    e = relay_targets_parse(conf->upstream, &r->automatic, r->targets, &r->target_count, ei);
    relay_policy_init(&r->policy, &policy);
    (void)relay_policy_want(&r->policy, r->targets, r->target_count);
    r->policy.undecided = r->automatic;
    rng_fill(&rng, &r->flights.seed, sizeof(r->flights.seed));
    pthread_mutex_init(&r->lock, NULL);
    if (e == ERR_OK)
        e = monitor_new(r, ei);
    if (e == ERR_OK)
        *out = r;
    else
        relay_free(r);
    return e;
}

enum err relay_start(struct relay *r, const char *own, struct errinfo *ei)
{
    return monitor_start(r->monitor, own, ei);
}

void relay_close(struct relay *r)
{
    monitor_close(r->monitor);
}

bool relay_closed(const struct relay *r)
{
    return monitor_closed(r->monitor);
}

void relay_free(struct relay *r)
{
    if (r == NULL)
        return;
    monitor_free(r->monitor);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- what is known ---- */

static int by_priority(const void *a, const void *b)
{
    const struct relay_upstream *const *x = a, *const *y = b;
    int diff = (*x)->target.priority - (*y)->target.priority;

    if (diff == 0)
        diff = strcmp((*x)->target.host, (*y)->target.host);
    return diff != 0 ? diff : (*x)->target.port - (*y)->target.port;
}

void relay_each_upstream(struct relay *r, relay_upstream_fn *each, void *arg)
{
    const struct relay_upstream *wanted[RELAY_TARGETS_MAX];
    uint64_t now = hub_now();
    size_t n = 0;

    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < RELAY_TARGETS_MAX; i++) {
        if (r->policy.upstreams[i].wanted)
            wanted[n++] = &r->policy.upstreams[i];
    }
    qsort(wanted, n, sizeof(*wanted), by_priority);
    for (size_t i = 0; i < n; i++)
        each(arg, wanted[i], now);
    pthread_mutex_unlock(&r->lock);
}

enum relay_health relay_health(struct relay *r)
{
    bool good = false, undecided;

    pthread_mutex_lock(&r->lock);
    undecided = !r->looked;
    for (size_t i = 0; i < RELAY_TARGETS_MAX; i++) {
        const struct relay_upstream *u = &r->policy.upstreams[i];

        good = good || (u->healthy && relay_upstream_serves(u, hub_now()));
        undecided = undecided || (u->wanted && u->reach == RELAY_REACHABLE && u->checked == 0);
    }
    pthread_mutex_unlock(&r->lock);
    if (good)
        return RELAY_HEALTH_GOOD;
    return undecided ? RELAY_HEALTH_UNKNOWN : RELAY_HEALTH_BAD;
}

uint32_t relay_waiting(struct relay *r)
{
    uint32_t n;

    pthread_mutex_lock(&r->lock);
    n = r->waiting;
    pthread_mutex_unlock(&r->lock);
    return n;
}
