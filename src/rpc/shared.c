#include "rpc/shared.h"

#include <pthread.h>
#include <stdlib.h>

#include "rpc/internal.h"

#define GROUP_BUCKETS 256

/* Ids start here by default: small numbers are what probing clients try. */
#define FIRST_GROUP 0x00010001u

/* Taken at bind, at the end of a connection and for statistics; never for a call. */
struct rpc_shared {
    pthread_mutex_t lock;
    uint32_t next_group;
    struct rpc_group *groups[GROUP_BUCKETS];
    struct rpc_server *servers;
};

struct rpc_shared *rpc_shared_new(uint32_t first_group)
{
    struct rpc_shared *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->next_group = first_group;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void rpc_shared_free(struct rpc_shared *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < GROUP_BUCKETS; i++) {
        while (s->groups[i] != NULL) {
            struct rpc_group *g = s->groups[i];

            s->groups[i] = g->next;
            free(g);
        }
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- association groups ---- */

static struct rpc_group **find(struct rpc_shared *s, uint32_t id)
{
    struct rpc_group **at = &s->groups[id % GROUP_BUCKETS];

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

struct rpc_group *rpc_group_join(struct rpc_shared *s, uint32_t id)
{
    struct rpc_group *g;

    pthread_mutex_lock(&s->lock);
    g = *find(s, id);
    if (g != NULL)
        g->members++;
    pthread_mutex_unlock(&s->lock);
    return g;
}

static uint32_t fresh_id(struct rpc_shared *s)
{
    uint32_t id;

    do {
        if (s->next_group == 0)
            s->next_group = FIRST_GROUP;
        id = s->next_group++;
    } while (*find(s, id) != NULL);
    return id;
}

struct rpc_group *rpc_group_new(struct rpc_shared *s)
{
    struct rpc_group *g = malloc(sizeof(*g));
    struct rpc_group **bucket;

    if (g == NULL)
        return NULL;
    pthread_mutex_lock(&s->lock);
    *g = (struct rpc_group){.id = fresh_id(s), .members = 1};
    bucket = &s->groups[g->id % GROUP_BUCKETS];
    g->next = *bucket;
    *bucket = g;
    pthread_mutex_unlock(&s->lock);
    return g;
}

void rpc_group_leave(struct rpc_shared *s, struct rpc_group *g)
{
    bool last;

    if (g == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    last = --g->members == 0;
    if (last)
        *find(s, g->id) = g->next;
    pthread_mutex_unlock(&s->lock);
    if (last)
        free(g);
}

size_t rpc_shared_groups(struct rpc_shared *s)
{
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < GROUP_BUCKETS; i++) {
        for (const struct rpc_group *g = s->groups[i]; g != NULL; g = g->next)
            n++;
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* ---- servers ---- */

void rpc_server_init(struct rpc_server *server, struct rpc_shared *shared)
{
    server->shared = shared;
    pthread_mutex_lock(&shared->lock);
    server->next = shared->servers;
    shared->servers = server;
    pthread_mutex_unlock(&shared->lock);
}

void rpc_server_fini(struct rpc_server *server)
{
    struct rpc_shared *shared = server->shared;
    struct rpc_server **at = &shared->servers;

    pthread_mutex_lock(&shared->lock);
    while (*at != server)
        at = &(*at)->next;
    *at = server->next;
    pthread_mutex_unlock(&shared->lock);
    while (server->spare != NULL) {
        struct call_node *n = server->spare;

        server->spare = n->next;
        free(n);
    }
}

void rpc_shared_stats(struct rpc_shared *shared, struct rpc_stats *out)
{
    *out = (struct rpc_stats){0};
    pthread_mutex_lock(&shared->lock);
    for (const struct rpc_server *s = shared->servers; s != NULL; s = s->next) {
        out->calls_in += counter_read(&s->calls_in);
        out->calls_out += counter_read(&s->calls_out);
        out->pdus_in += counter_read(&s->pdus_in);
        out->pdus_out += counter_read(&s->pdus_out);
    }
    pthread_mutex_unlock(&shared->lock);
}
