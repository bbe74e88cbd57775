#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "daemon/relaying.h"
#include "realm/hostkey.h"

/* What an installed key has beside it until the host has taken what it needs. */
struct loading {
    struct installation beside;
    struct kms_hostkind kind;
};

static void describe(const struct hostkey *k, const struct cat_group *g,
                     const struct installation *i, struct installed_key *out)
{
    out->group = g;
    memcpy(out->pid, k->pid, sizeof(out->pid));
    memcpy(out->partial, k->key + HOSTKEY_TEXT_LEN - 5, sizeof(out->partial));
    out->how = i->how;
    out->activated_at = i->when;
}

/* What makes a key useless is told, and the others serve on. */
static const struct cat_group *usable(struct daemon *d, const struct hostkey *k)
{
    const struct cat_group *g = catalog_group(d->catalog, k->group);
    struct errinfo ei = {0};

    if (g == NULL) {
        log_as(&d->log, LOGL_WARN, LOGK_HOSTKEY_BAD, "no-group",
               "host key for \"%s\" is not used: the catalogue has no such group", k->group);
        return NULL;
    }
    if (hostkey_verify(&d->bundle, k->cert, k->group, daemon_now(d), &ei) != ERR_OK) {
        log_as(&d->log, LOGL_WARN, LOGK_HOSTKEY_BAD, "not-valid",
               "host key for \"%s\" is not used: %s", k->group, ei.text);
        return NULL;
    }
    return g;
}

/* How much of its group a key serves on this host, and what else it would take. s: the settings it
 * is loaded for. */
static void judge(struct daemon *d, const struct settings *s, const struct kms_hostkind *kind,
                  struct installed_key *key)
{
    const struct cat_group *g = key->group;
    struct kms_hosting_verdict v;

    for (size_t i = 0; i < g->kms_id_count; i++) {
        v = kms_hostkind_serves(d->catalog, kind, g, &g->kms_ids[i]);
        if (v.hosting == KMS_HOSTING_OK)
            key->served++;
        else if (*key->lacks == '\0' || v.hosting == KMS_HOSTING_NO_UPDATE)
            kms_hosting_text(&v, kind, key->lacks);
    }
    if (*key->lacks != '\0')
        log_as(&d->log, LOGL_WARN, LOGK_HOSTKEY_BAD, "partial",
               "host key \"%s\" serves %zu of %zu KMS ids: %s", g->name, key->served,
               g->kms_id_count, key->lacks);
    if (key->how == INSTALLATION_NOT && !relaying_everything(s))
        log_as(&d->log, LOGL_WARN, LOGK_HOSTKEY_BAD, "not-activated",
               "host key \"%s\" is not activated on this host: its clients are refused with "
               "0xC004F041; run \"adbactl hostkey activate\"",
               g->name);
}

static struct kms_keyring *make_keyring(const struct daemon *d, const struct installed_key *keys,
                                        const struct loading *with, size_t n)
{
    struct kms_key *all = calloc(n + 1, sizeof(*all));
    struct kms_keyring *ring = NULL;

    if (all != NULL) {
        for (size_t i = 0; i < n; i++)
            all[i] = (struct kms_key){.group = keys[i].group,
                                      .activated = keys[i].how != INSTALLATION_NOT,
                                      .kind = &with[i].kind};
        ring = kms_keyring_new(d->catalog, all, n);
    }
    free(all);
    return ring;
}

/* The host as it is, with the updates that it had when the key was installed. */
static enum err load_one(const struct daemon *d, const struct settings *s, const struct hostkey *k,
                         const char *host, struct loading *with, struct errinfo *ei)
{
    enum err e = installation_load(s->state_dir, k, host, &with->beside, ei);

    with->kind = (struct kms_hostkind){.updates = (const char *const *)with->beside.updates.v,
                                       .update_count = with->beside.updates.n,
                                       .packs = (const char *const *)s->packs.v,
                                       .pack_count = s->packs.n};
    return e == ERR_OK ? kms_hostkind_read(d->catalog, s->host_os, &with->kind, ei) : e;
}

/* remedy: of a group that the catalogue does not have. */
static enum err check_names(const struct daemon *d, const struct settings *s, const char *remedy,
                            struct errinfo *ei)
{
    const struct cat_group *g;
    struct kms_hostkind kind = {.updates = (const char *const *)s->updates.v,
                                .update_count = s->updates.n,
                                .packs = (const char *const *)s->packs.v,
                                .pack_count = s->packs.n};

    for (size_t i = 0; i < s->adba_groups.n; i++)
        if (catalog_group_named(d->catalog, s->adba_groups.v[i], &g, ei) != ERR_OK)
            return err_fail(ei, ERR_CONFIG, "[adba] groups: %s%s", ei->text, remedy);
    return kms_hostkind_read(d->catalog, s->host_os, &kind, ei);
}

enum err groups_check(const struct daemon *d, const struct settings *s, struct errinfo *ei)
{
    return check_names(d, s, "; restart adbad if a catalogue overlay was added", ei);
}

/* Fills keys and with from what is installed and usable; *used counts them. */
static enum err load_all(struct daemon *d, const struct settings *s,
                         const struct hostkey *installed, size_t n, struct installed_key *keys,
                         struct loading *with, size_t *used, struct errinfo *ei)
{
    char name[GUID_TEXT_MAX];
    const char *host = name;
    enum err e = installation_host(s->state_dir, NULL, name, ei);

    if (e == ERR_NOTFOUND)
        host = NULL;
    else if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < n; i++) {
        const struct cat_group *g = usable(d, &installed[i]);

        if (g == NULL)
            continue;
        e = load_one(d, s, &installed[i], host, &with[*used], ei);
        if (e != ERR_OK)
            return e;
        describe(&installed[i], g, &with[*used].beside, &keys[*used]);
        log_as(&d->log, LOGL_INFO, LOGK_HOSTKEY, NULL, "host key installed: \"%s\", %zu KMS ids",
               g->name, g->kms_id_count);
        judge(d, s, &with[*used].kind, &keys[*used]);
        ++*used;
    }
    return ERR_OK;
}

enum err groups_read(struct daemon *d, const struct settings *s, struct groups *out,
                     struct errinfo *ei)
{
    struct loading *with = NULL;
    struct hostkey *installed = NULL;
    size_t n = 0;
    enum err e = check_names(d, s, "", ei);

    if (e == ERR_OK)
        e = hostkey_installed(s->state_dir, NULL, &installed, &n, ei);
    if (e != ERR_OK)
        return e;
    out->keys = calloc(n + 1, sizeof(*out->keys));
    with = calloc(n + 1, sizeof(*with));
    e = out->keys == NULL || with == NULL
            ? err_nomem(ei)
            : load_all(d, s, installed, n, out->keys, with, &out->n, ei);
    if (e == ERR_OK) {
        out->keyring = make_keyring(d, out->keys, with, out->n);
        e = out->keyring == NULL ? err_nomem(ei) : ERR_OK;
    }
    for (size_t i = 0; with != NULL && i < n; i++)
        installation_fini(&with[i].beside);
    for (size_t i = 0; i < n; i++)
        hostkey_fini(&installed[i]);
    free(with);
    free(installed);
    if (e != ERR_OK)
        groups_fini(out);
    return e;
}

void groups_use(struct daemon *d, struct groups *g)
{
    kms_host_set_keyring(d->host, g->keyring);
    free(d->keys);
    d->keys = g->keys;
    d->key_count = g->n;
    *g = (struct groups){0};
    groups_warn(d);
}

void groups_warn(struct daemon *d)
{
    if (d->key_count == 0 && !relaying_everything(&d->settings))
        log_as(&d->log, LOGL_WARN, LOGK_HOSTKEY_BAD, "none",
               "no host key is installed in %s: every request is refused with 0xC004F042; run "
               "\"adbactl hostkey issue\", then \"adbactl hostkey install\"",
               d->settings.state_dir);
}

void groups_fini(struct groups *g)
{
    kms_keyring_free(g->keyring);
    free(g->keys);
    *g = (struct groups){0};
}

enum err groups_load(struct daemon *d, struct errinfo *ei)
{
    struct groups g = {0};
    enum err e = groups_read(d, &d->settings, &g, ei);

    if (e == ERR_OK)
        groups_use(d, &g);
    return e;
}
