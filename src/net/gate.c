#include "net/gate.h"

enum err gate_init(struct gate *g, const struct net_conf *conf, struct errinfo *ei)
{
    enum err e;

    *g = (struct gate){
        .max_connections = conf->max_connections,
        .max_per_source = conf->max_per_source,
        .sources = {.seed = uv_hrtime() ^ (uint64_t)(uintptr_t)g},
    };
    pthread_mutex_init(&g->lock, NULL);
    e = cidr_set_parse(conf->allow, "[kms] allow", &g->allow, ei);
    if (e == ERR_OK)
        e = cidr_set_parse(conf->deny, "[kms] deny", &g->deny, ei);
    if (e == ERR_OK)
        e = cidr_set_parse(conf->proxies, "[kms] proxies", &g->proxies, ei);
    if (e != ERR_OK)
        gate_fini(g);
    return e;
}

void gate_fini(struct gate *g)
{
    cidr_set_fini(&g->allow);
    cidr_set_fini(&g->deny);
    cidr_set_fini(&g->proxies);
    sources_fini(&g->sources);
    pthread_mutex_destroy(&g->lock);
}

bool gate_enter(struct gate *g)
{
    bool room;

    pthread_mutex_lock(&g->lock);
    room = g->open < g->max_connections;
    if (room)
        g->open++;
    else
        g->waiting = true;
    pthread_mutex_unlock(&g->lock);
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

bool gate_trusts(const struct gate *g, const union address *a)
{
    return cidr_set_has(&g->proxies, a);
}

enum err gate_count(struct gate *g, const union address *source)
{
    enum err e;

    pthread_mutex_lock(&g->lock);
    e = source_add(&g->sources, source, g->max_per_source);
    pthread_mutex_unlock(&g->lock);
    return e;
}

enum err gate_admit(struct gate *g, const union address *source)
{
    if (cidr_set_has(&g->deny, source) || (g->allow.n > 0 && !cidr_set_has(&g->allow, source)))
        return ERR_REFUSED;
    return gate_count(g, source);
}

uint32_t gate_open(struct gate *g)
{
    uint32_t open;

    pthread_mutex_lock(&g->lock);
    open = g->open;
    pthread_mutex_unlock(&g->lock);
    return open;
}
