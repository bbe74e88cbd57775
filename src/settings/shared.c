/* shared: settings that threads hold together. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings.h"

struct settings_shared {
    struct settings settings;
    atomic_uint holders;
};

enum err settings_share(struct settings *s, struct errinfo *ei)
{
    struct settings_shared *sh = malloc(sizeof(*sh));

    if (sh == NULL)
        return err_nomem(ei);
    s->shared = sh;
    sh->settings = *s;
    atomic_init(&sh->holders, 1);
    return ERR_OK;
}

const struct settings *settings_hold(const struct settings *shared)
{
    atomic_fetch_add_explicit(&shared->shared->holders, 1, memory_order_relaxed);
    return &shared->shared->settings;
}

void settings_drop(const struct settings *shared)
{
    struct settings_shared *sh;

    if (shared == NULL)
        return;
    sh = shared->shared;
    if (atomic_fetch_sub_explicit(&sh->holders, 1, memory_order_acq_rel) != 1)
        return;
    settings_free(&sh->settings);
    free(sh);
}

void settings_cell_init(struct settings_cell *c, const struct settings *shared)
{
    pthread_mutex_init(&c->lock, NULL);
    c->now = settings_hold(shared);
    atomic_init(&c->serial, 1);
}

void settings_cell_fini(struct settings_cell *c)
{
    settings_drop(c->now);
    c->now = NULL;
    pthread_mutex_destroy(&c->lock);
}

void settings_cell_put(struct settings_cell *c, const struct settings *shared)
{
    const struct settings *old;

    pthread_mutex_lock(&c->lock);
    old = c->now;
    c->now = settings_hold(shared);
    atomic_fetch_add(&c->serial, 1);
    pthread_mutex_unlock(&c->lock);
    settings_drop(old);
}

const struct settings *settings_look(struct settings_look *l, struct settings_cell *c)
{
    const struct settings *old = l->settings;

    if (old != NULL && atomic_load_explicit(&c->serial, memory_order_acquire) == l->serial)
        return old;
    pthread_mutex_lock(&c->lock);
    l->settings = settings_hold(c->now);
    l->serial = atomic_load(&c->serial);
    pthread_mutex_unlock(&c->lock);
    settings_drop(old);
    return l->settings;
}
