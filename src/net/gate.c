#include "net/gate.h"

#include <stdlib.h>

/* ---- limits ---- */

enum err net_limits_new(const struct net_conf *conf, struct net_limits **out, struct errinfo *ei)
{
    struct net_limits *l = calloc(1, sizeof(*l));
    enum err e;

    if (l == NULL)
        return err_nomem(ei);
    l->max_connections = conf->max_connections;
    l->max_per_source = conf->max_per_source;
    l->idle_ms = conf->idle_ms;
    e = cidr_set_parse(conf->allow, "[kms] allow", &l->allow, ei);
    if (e == ERR_OK)
        e = cidr_set_parse(conf->deny, "[kms] deny", &l->deny, ei);
    if (e == ERR_OK)
        e = cidr_set_parse(conf->proxies, "[kms] proxies", &l->proxies, ei);
    if (e == ERR_OK)
        *out = l;
    else
        net_limits_free(l);
    return e;
}

void net_limits_free(struct net_limits *l)
{
    if (l == NULL)
        return;
    cidr_set_fini(&l->allow);
    cidr_set_fini(&l->deny);
    cidr_set_fini(&l->proxies);
    free(l);
}

/* ---- the gate ---- */

void gate_init(struct gate *g, struct net_limits *limits)
{
    *g = (struct gate){.limits = limits, .sources = {.seed = uv_hrtime() ^ (uint64_t)(uintptr_t)g}};
    pthread_rwlock_init(&g->limits_lock, NULL);
    pthread_mutex_init(&g->lock, NULL);
}

void gate_fini(struct gate *g)
{
    net_limits_free(g->limits);
    sources_fini(&g->sources);
    pthread_mutex_destroy(&g->lock);
    pthread_rwlock_destroy(&g->limits_lock);
}

bool gate_change(struct gate *g, struct net_limits *limits)
{
    struct net_limits *old;
    bool waiting;

    pthread_rwlock_wrlock(&g->limits_lock);
    old = g->limits;
    g->limits = limits;
    pthread_rwlock_unlock(&g->limits_lock);
    pthread_mutex_lock(&g->lock);
    waiting = g->waiting;
    g->waiting = false;
    pthread_mutex_unlock(&g->lock);
    net_limits_free(old);
    return waiting;
}

bool gate_enter(struct gate *g)
{
    bool room;

    pthread_rwlock_rdlock(&g->limits_lock);
    pthread_mutex_lock(&g->lock);
    room = g->open < g->limits->max_connections;
    if (room)
        g->open++;
    else
        g->waiting = true;
    pthread_mutex_unlock(&g->lock);
    pthread_rwlock_unlock(&g->limits_lock);
    return room;
}

bool gate_leave(struct gate *g, const union address *source)
{
    bool waiting;

    pthread_mutex_lock(&g->lock);
    if (source != NULL)
        source_drop(&g->sources, source);
    g->open--;
    waiting = g->waiting;
    g->waiting = false;
    pthread_mutex_unlock(&g->lock);
    return waiting;
}

bool gate_trusts(struct gate *g, const union address *a)
{
    bool trusts;

    pthread_rwlock_rdlock(&g->limits_lock);
    trusts = cidr_set_has(&g->limits->proxies, a);
    pthread_rwlock_unlock(&g->limits_lock);
    return trusts;
}

/* With limits_lock. */
static enum err count(struct gate *g, const union address *source)
{
    enum err e;

    pthread_mutex_lock(&g->lock);
    e = source_add(&g->sources, source, g->limits->max_per_source);
    pthread_mutex_unlock(&g->lock);
    return e;
}

enum err gate_count(struct gate *g, const union address *source)
{
    enum err e;

    pthread_rwlock_rdlock(&g->limits_lock);
    e = count(g, source);
    pthread_rwlock_unlock(&g->limits_lock);
    return e;
}

static bool served(const struct net_limits *l, const union address *source)
{
    return !cidr_set_has(&l->deny, source) && (l->allow.n == 0 || cidr_set_has(&l->allow, source));
}

enum err gate_admit(struct gate *g, const union address *source)
{
    enum err e;

    pthread_rwlock_rdlock(&g->limits_lock);
    e = served(g->limits, source) ? count(g, source) : ERR_REFUSED;
    pthread_rwlock_unlock(&g->limits_lock);
    return e;
}

uint32_t gate_open(struct gate *g)
{
    uint32_t open;

    pthread_mutex_lock(&g->lock);
    open = g->open;
    pthread_mutex_unlock(&g->lock);
    return open;
}

uint32_t gate_per_source(struct gate *g)
{
    uint32_t most;

    pthread_rwlock_rdlock(&g->limits_lock);
    most = g->limits->max_per_source;
    pthread_rwlock_unlock(&g->limits_lock);
    return most;
}
