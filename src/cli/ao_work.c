#include "cli/ao_work.h"

#include <stdlib.h>
#include <string.h>

#include "cli/group.h"
#include "cli/session.h"
#include "cli/state.h"

void ao_work_fini(struct ao_work *w)
{
    dir_close(w->dir);
    catalog_free(w->cat);
    bundle_fini(&w->bundle);
}

enum err ao_work_open(struct cli *cli, bool with_realm, struct ao_work *w, struct errinfo *ei)
{
    enum err e = cli_settings(cli, &w->s, ei);

    if (e == ERR_OK)
        e = session_now(w->s, &w->now, ei);
    if (e == ERR_OK)
        e = catalog_load_overlays(w->s->catalog_dir, &w->cat, ei);
    if (e == ERR_OK && with_realm)
        e = bundle_load(w->s->realm_bundle, &w->bundle, ei);
    return e == ERR_OK ? session_open(w->s, &w->dir, ei) : e;
}

/* Moves the installed key of group into *out. */
static enum err installed_key(const struct settings *s, const char *what, const char *group,
                              struct hostkey *out, struct errinfo *ei)
{
    struct hostkey *keys = NULL;
    size_t n = 0;
    bool found = false;
    enum err e = state_hostkeys(s, true, &keys, &n, ei);

    for (size_t i = 0; i < n; i++) {
        if (!found && strcmp(keys[i].group, group) == 0) {
            *out = keys[i];
            found = true;
        } else {
            hostkey_fini(&keys[i]);
        }
    }
    free(keys);
    if (e == ERR_OK && !found)
        e = err_fail(ei, ERR_NOTFOUND,
                     "%s: no host key for \"%s\" is installed; make one with "
                     "adbactl hostkey issue --group \"%s\", then adbactl hostkey install FILE",
                     what, group, group);
    return e;
}

enum err ao_work_key(const struct ao_work *w, const char *what, const char *group,
                     const struct cat_group **g, struct hostkey *k, struct errinfo *ei)
{
    enum err e = group_named(w->cat, group, g, ei);

    return e == ERR_OK ? installed_key(w->s, what, (*g)->name, k, ei) : e;
}
