#include "daemon/coverage.h"

#include <pthread.h>
#include <stdlib.h>

struct coverage {
    pthread_rwlock_t lock;
    struct covered *ids;
    size_t n;
    int64_t seen_at;
    int64_t max_stale;
};

struct coverage *coverage_new(int64_t max_stale)
{
    struct coverage *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    pthread_rwlock_init(&c->lock, NULL);
    c->max_stale = max_stale;
    return c;
}

void coverage_set_max_stale(struct coverage *c, int64_t max_stale)
{
    pthread_rwlock_wrlock(&c->lock);
    c->max_stale = max_stale;
    pthread_rwlock_unlock(&c->lock);
}

void coverage_free(struct coverage *c)
{
    if (c == NULL)
        return;
    pthread_rwlock_destroy(&c->lock);
    free(c->ids);
    free(c);
}

void coverage_publish(struct coverage *c, struct covered *ids, size_t n, int64_t seen_at)
{
    struct covered *old;

    pthread_rwlock_wrlock(&c->lock);
    old = c->ids;
    c->ids = ids;
    c->n = n;
    c->seen_at = seen_at;
    pthread_rwlock_unlock(&c->lock);
    free(old);
}

bool coverage_has(struct coverage *c, const struct guid *kms_id, int64_t now)
{
    bool has = false;

    pthread_rwlock_rdlock(&c->lock);
    for (size_t i = 0; !has && i < c->n && now - c->seen_at <= c->max_stale; i++)
        has = guid_equal(&c->ids[i].kms_id, kms_id) && now < c->ids[i].not_after;
    pthread_rwlock_unlock(&c->lock);
    return has;
}
