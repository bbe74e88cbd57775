/* shared: settings that threads hold together. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings.h"

struct shared {
    struct settings settings; /* first: it is what the holders know */
    atomic_uint holders;
};

const struct settings *settings_share(struct settings *s)
{
    struct shared *sh = malloc(sizeof(*sh));

    if (sh == NULL)
        return NULL;
    sh->settings = *s;
    atomic_init(&sh->holders, 1);
    memset(s, 0, sizeof(*s));
    return &sh->settings;
}

/* Each was made by settings_share. */
static struct shared *shared_of(const struct settings *s)
{
    return (struct shared *)(uintptr_t)s;
}

const struct settings *settings_hold(const struct settings *shared)
{
    atomic_fetch_add_explicit(&shared_of(shared)->holders, 1, memory_order_relaxed);
    return shared;
}

void settings_drop(const struct settings *shared)
{
    struct shared *sh;

    if (shared == NULL)
        return;
    sh = shared_of(shared);
    if (atomic_fetch_sub_explicit(&sh->holders, 1, memory_order_acq_rel) != 1)
        return;
    settings_free(&sh->settings);
    free(sh);
}
