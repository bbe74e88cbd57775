#include "site/kmshost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HR_SKU_NOT_INSTALLED 0xC004F015u

/* A kms_hostkind over the texts of a host or key. */
struct view {
    const char *updates[KMSHOST_LIST_MAX];
    const char *packs[KMSHOST_LIST_MAX];
    struct kms_hostkind kind;
};

static enum err view(const struct catalog *c, const char *system, const struct kmshost_software *s,
                     struct view *out, struct errinfo *ei)
{
    for (size_t i = 0; i < s->updates; i++)
        out->updates[i] = s->update[i];
    for (size_t i = 0; i < s->packs; i++)
        out->packs[i] = s->pack[i];
    out->kind = (struct kms_hostkind){.updates = out->updates,
                                      .update_count = s->updates,
                                      .packs = out->packs,
                                      .pack_count = s->packs};
    return kms_hostkind_read(c, system[0] != '\0' ? system : NULL, &out->kind, ei);
}

enum err kmshost_new(const char *name, const struct catalog *c, const struct realm_keys *keys,
                     struct kmshost **out, struct errinfo *ei)
{
    struct kms_host_conf conf = {.keys = keys,
                                 .catalog = c,
                                 .rng = rng_system(),
                                 .activation_interval = 120,
                                 .renewal_interval = 10080};
    struct kmshost *h = calloc(1, sizeof(*h));

    snprintf(conf.epid, sizeof(conf.epid), "lab-%.50s", name);
    if (h != NULL)
        h->host = kms_host_new(&conf);
    if (h == NULL || h->host == NULL) {
        free(h);
        return err_nomem(ei);
    }
    snprintf(h->name, sizeof(h->name), "%s", name);
    h->catalog = c;
    h->activation = conf.activation_interval;
    h->renewal = conf.renewal_interval;
    *out = h;
    return ERR_OK;
}

void kmshost_free(struct kmshost *h)
{
    if (h == NULL)
        return;
    kms_host_free(h->host);
    free(h);
}

enum err kmshost_check(const struct kmshost *h, struct errinfo *ei)
{
    struct view v;

    return view(h->catalog, h->system, &h->software, &v, ei);
}

/* Hands the keys, each with the host it was installed on, to the engine. */
static enum err hand_over(struct kmshost *h, struct errinfo *ei)
{
    struct view views[KMSHOST_KEYS_MAX];
    struct kms_key keys[KMSHOST_KEYS_MAX];

    for (size_t i = 0; i < h->keys; i++) {
        const struct kmshost_key *k = &h->key[i];
        enum err e = view(h->catalog, k->system, &k->software, &views[i], ei);

        if (e != ERR_OK)
            return e;
        keys[i] =
            (struct kms_key){.group = k->group, .activated = k->activated, .kind = &views[i].kind};
    }
    return kms_host_set_keys(h->host, keys, h->keys) == ERR_OK ? ERR_OK : err_nomem(ei);
}

static struct kmshost_key *find(struct kmshost *h, const struct cat_group *g)
{
    for (size_t i = 0; i < h->keys; i++) {
        if (h->key[i].group == g)
            return &h->key[i];
    }
    return NULL;
}

enum err kmshost_install(struct kmshost *h, const struct cat_group *g, struct errinfo *ei)
{
    struct kms_hosting_verdict verdict;
    struct view v;
    char text[KMS_HOSTING_TEXT_MAX];
    struct kmshost_key *k;
    enum err e = view(h->catalog, h->system, &h->software, &v, ei);

    if (e != ERR_OK)
        return e;
    if (find(h, g) != NULL)
        return err_fail(ei, ERR_EXISTS, "install %s on %s: it is installed", g->name, h->name);
    if (h->keys == KMSHOST_KEYS_MAX)
        return err_fail(ei, ERR_LIMIT, "install %s on %s: it has %d keys", g->name, h->name,
                        KMSHOST_KEYS_MAX);
    verdict = kms_hostkind_takes(h->catalog, &v.kind, g);
    if (verdict.hosting != KMS_HOSTING_OK)
        return err_fail_hr(ei, ERR_REFUSED, HR_SKU_NOT_INSTALLED, "install %s on %s: %s", g->name,
                           h->name, kms_hosting_text(&verdict, &v.kind, text));
    k = &h->key[h->keys++];
    *k = (struct kmshost_key){.group = g, .software = h->software};
    memcpy(k->system, h->system, sizeof(k->system));
    return hand_over(h, ei);
}

static enum err not_installed(const struct kmshost *h, const struct cat_group *g,
                              struct errinfo *ei)
{
    return err_fail(ei, ERR_NOTFOUND, "%s has no host key of %s; install it first", h->name,
                    g->name);
}

enum err kmshost_uninstall(struct kmshost *h, const struct cat_group *g, struct errinfo *ei)
{
    struct kmshost_key *k = find(h, g);

    if (k == NULL)
        return not_installed(h, g, ei);
    *k = h->key[--h->keys];
    return hand_over(h, ei);
}

enum err kmshost_activated(struct kmshost *h, const struct cat_group *g, struct errinfo *ei)
{
    struct kmshost_key *k = find(h, g);

    if (k == NULL)
        return not_installed(h, g, ei);
    k->activated = true;
    return hand_over(h, ei);
}
