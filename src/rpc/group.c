#include "rpc/internal.h"

#include <stdlib.h>

/* Ids start here by default: small numbers are what probing clients try. */
#define FIRST_GROUP 0x00010001u

static struct rpc_group **find(struct rpc_server *s, uint32_t id)
{
    struct rpc_group **at = &s->groups[id % RPC_GROUP_BUCKETS];

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

struct rpc_group *rpc_group_join(struct rpc_server *s, uint32_t id)
{
    struct rpc_group *g = *find(s, id);

    if (g != NULL)
        g->members++;
    return g;
}

static uint32_t fresh_id(struct rpc_server *s)
{
    uint32_t id;

    do {
        if (s->next_assoc_group == 0)
            s->next_assoc_group = FIRST_GROUP;
        id = s->next_assoc_group++;
    } while (*find(s, id) != NULL);
    return id;
}

struct rpc_group *rpc_group_new(struct rpc_server *s)
{
    struct rpc_group *g = malloc(sizeof(*g));
    struct rpc_group **bucket;

    if (g == NULL)
        return NULL;
    g->id = fresh_id(s);
    g->members = 1;
    bucket = &s->groups[g->id % RPC_GROUP_BUCKETS];
    g->next = *bucket;
    *bucket = g;
    return g;
}

void rpc_group_leave(struct rpc_server *s, struct rpc_group *g)
{
    if (g == NULL || --g->members > 0)
        return;
    *find(s, g->id) = g->next;
    free(g);
}

void rpc_server_fini(struct rpc_server *s)
{
    for (unsigned i = 0; i < RPC_GROUP_BUCKETS; i++) {
        while (s->groups[i] != NULL) {
            struct rpc_group *g = s->groups[i];

            s->groups[i] = g->next;
            free(g);
        }
    }
}
