#include "site/house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/guid.h"

#define HR_TIMEOUT 0x80072EE2u

enum err house_key(struct house *h, const struct cat_group *g, struct house_key **out,
                   struct errinfo *ei)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->key[i].group == g) {
            *out = &h->key[i];
            return ERR_OK;
        }
    }
    if (h->n == HOUSE_KEYS_MAX)
        return err_fail(ei, ERR_LIMIT, "host key of %s: a site has at most %d", g->name,
                        HOUSE_KEYS_MAX);
    *out = &h->key[h->n++];
    **out = (struct house_key){.group = g, .limits = CLEARING_LIMITS_DEFAULT};
    return ERR_OK;
}

static enum err refused(const struct house_key *k, const char *host, enum clearing_reason reason,
                        struct errinfo *ei)
{
    return err_fail_hr(ei, ERR_REFUSED, clearing_reason_hresult(reason),
                       "activate the key of %s on %s: %s", k->group->name, host,
                       clearing_reason_text(reason));
}

/* One more activation of k for host, which is one of its hosts from then on. */
static struct clearing_verdict count_host(struct house_key *k, const char *host)
{
    struct clearing_verdict v;
    size_t at = 0;

    while (at < k->hosts && strcasecmp(k->host[at].name, host) != 0)
        at++;
    if (at == HOUSE_HOSTS_MAX)
        return (struct clearing_verdict){.reason = CLEARING_HOSTS_SPENT};
    v = clearing_decide(&(struct clearing_use){.limits = k->limits,
                                               .blocked = k->blocked,
                                               .hosts = (uint32_t)k->hosts,
                                               .used = at < k->hosts ? k->host[at].used : 0});
    if (v.reason != CLEARING_GRANTED)
        return v;
    if (at == k->hosts) {
        snprintf(k->host[at].name, sizeof(k->host[at].name), "%s", host);
        k->host[at].used = 0;
        k->hosts++;
    }
    k->host[at].used++;
    return v;
}

enum err house_activate(struct house *h, const struct cat_group *g, const char *host,
                        struct errinfo *ei)
{
    struct house_key *k = NULL;
    struct clearing_verdict v;
    enum err e = house_key(h, g, &k, ei);

    if (e != ERR_OK)
        return e;
    if (h->down)
        return err_fail_hr(ei, ERR_UNREACHABLE, HR_TIMEOUT,
                           "activate the key of %s on %s: the clearing house does not answer",
                           g->name, host);
    v = count_host(k, host);
    return v.reason == CLEARING_GRANTED ? ERR_OK : refused(k, host, v.reason, ei);
}

/* ---- machines ---- */

void house_fini(struct house *h)
{
    for (size_t i = 0; i < h->maks; i++)
        free(h->mak[i]);
    h->maks = 0;
}

const char *house_key_text(struct house_key *k, const struct rng *rng)
{
    uint8_t values[HOSTKEY_FREE];

    for (size_t i = 0; i < HOSTKEY_FREE; i++)
        values[i] = (uint8_t)rng_below(rng, 31);
    if (k->text[0] == '\0')
        hostkey_text_from_values(values, k->text);
    return k->text;
}

enum err house_issue(struct house *h, enum labkey_kind kind, const struct cat_product *product,
                     uint32_t count, const struct rng *rng, struct house_mak **out,
                     struct errinfo *ei)
{
    struct house_mak *k;

    if (h->maks == HOUSE_KEYS_MAX)
        return err_fail(ei, ERR_LIMIT, "key for %s: a site has at most %d of its kind",
                        product->product, HOUSE_KEYS_MAX);
    k = calloc(1, sizeof(*k));
    if (k == NULL)
        return err_nomem(ei);
    k->kind = kind;
    k->product = product;
    k->pool.size = count;
    labkey_make(kind, &product->activation_id, rng, k->text);
    h->mak[h->maks++] = k;
    *out = k;
    return ERR_OK;
}

struct house_mak *house_mak(const struct house *h, const char *text)
{
    for (size_t i = 0; i < h->maks; i++) {
        if (strcmp(h->mak[i]->text, text) == 0)
            return h->mak[i];
    }
    return NULL;
}

static struct clearing_verdict decide(const struct house_mak *k, uint32_t used)
{
    struct clearing_pool pool = k->pool;

    if (k->kind == LABKEY_OEM)
        return (struct clearing_verdict){.reason = CLEARING_OEM};
    if (k->kind == LABKEY_RETAIL)
        return clearing_decide(
            &(struct clearing_use){.limits = {.hosts = 1, .per_host = CLEARING_PER_HOST},
                                   .blocked = k->blocked,
                                   .hosts = (uint32_t)k->machines,
                                   .used = used});
    pool.blocked = k->blocked;
    pool.machines = (uint32_t)k->machines;
    pool.had = used > 0;
    return clearing_decide_pool(&pool);
}

static struct clearing_verdict count_machine(struct house_mak *k, const struct guid *hardware)
{
    struct clearing_verdict v;
    size_t at = 0;

    while (at < k->machines && !guid_equal(&k->machine[at].hardware, hardware))
        at++;
    v = decide(k, at < k->machines ? k->machine[at].used : 0);
    if (v.reason != CLEARING_GRANTED)
        return v;
    k->pool.used++;
    if (at == k->machines && at < HOUSE_MACHINES_MAX) {
        k->machine[at].hardware = *hardware;
        k->machine[at].used = 0;
        k->machines++;
    }
    if (at < k->machines)
        k->machine[at].used++;
    return v;
}

enum err house_machine(struct house *h, const char *text, const struct guid *hardware,
                       const char *name, struct clearing_verdict *v, struct errinfo *ei)
{
    struct house_mak *k = house_mak(h, text);

    *v = (struct clearing_verdict){.reason = CLEARING_UNKNOWN_KEY};
    if (k != NULL)
        *v = count_machine(k, hardware);
    for (size_t i = 0; k == NULL && i < h->n; i++) {
        if (h->key[i].text[0] != '\0' && strcmp(h->key[i].text, text) == 0)
            *v = count_host(&h->key[i], name);
    }
    if (v->reason == CLEARING_GRANTED)
        return ERR_OK;
    return err_fail_hr(ei, ERR_REFUSED, clearing_reason_hresult(v->reason),
                       "activate %s with the key that ends in %s: %s", name,
                       text + HOSTKEY_TEXT_LEN - 5, clearing_reason_text(v->reason));
}
