#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "realm/hostkey.h"

static void describe(const struct hostkey *k, const struct cat_group *g, struct installed_key *out)
{
    out->group = g;
    memcpy(out->pid, k->pid, sizeof(out->pid));
    memcpy(out->partial, k->key + HOSTKEY_TEXT_LEN - 5, sizeof(out->partial));
}

/* What makes a key useless is told, and the others serve on. */
static const struct cat_group *usable(struct daemon *d, const struct hostkey *k)
{
    const struct cat_group *g = catalog_group(d->catalog, k->group);
    struct errinfo ei = {0};

    if (g == NULL) {
        log_warn(&d->log, "host key for \"%s\" is not used: the catalogue has no such group",
                 k->group);
        return NULL;
    }
    if (hostkey_verify(&d->bundle, k->cert, k->group, daemon_now(d), &ei) != ERR_OK) {
        log_warn(&d->log, "host key for \"%s\" is not used: %s", k->group, ei.text);
        return NULL;
    }
    return g;
}

static enum err apply(struct daemon *d, const struct installed_key *keys, size_t n,
                      struct errinfo *ei)
{
    const struct cat_group **groups = calloc(n > 0 ? n : 1, sizeof(const struct cat_group *));
    bool *activated = calloc(n > 0 ? n : 1, sizeof(*activated));
    enum err e = ERR_NOMEM;

    if (groups != NULL && activated != NULL) {
        for (size_t i = 0; i < n; i++) {
            groups[i] = keys[i].group;
            activated[i] = true;
        }
        e = kms_host_set_groups(d->host, groups, activated, n);
    }
    free(groups);
    free(activated);
    return e == ERR_OK ? ERR_OK : err_nomem(ei);
}

enum err groups_load(struct daemon *d, struct errinfo *ei)
{
    struct installed_key *keys = NULL;
    struct hostkey *installed = NULL;
    size_t n = 0, used = 0;
    enum err e = hostkey_installed(d->settings.state_dir, false, &installed, &n, ei);

    if (e != ERR_OK)
        return e;
    keys = calloc(n > 0 ? n : 1, sizeof(*keys));
    if (keys == NULL) {
        e = err_nomem(ei);
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        const struct cat_group *g = usable(d, &installed[i]);

        if (g == NULL)
            continue;
        describe(&installed[i], g, &keys[used++]);
        log_info(&d->log, "host key installed: \"%s\", %zu KMS ids", g->name, g->kms_id_count);
    }
    e = apply(d, keys, used, ei);
    if (e != ERR_OK)
        goto out;
    free(d->keys);
    d->keys = keys;
    d->key_count = used;
    keys = NULL;
    if (used == 0)
        log_warn(&d->log,
                 "no host key is installed in %s: every request is refused with 0xC004F042; run "
                 "\"adbactl hostkey issue\", then \"adbactl hostkey install\"",
                 d->settings.state_dir);
out:
    free(keys);
    for (size_t i = 0; i < n; i++)
        hostkey_fini(&installed[i]);
    free(installed);
    return e;
}
