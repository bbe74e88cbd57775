#include "site/house.h"

#include <stdio.h>
#include <strings.h>

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

enum err house_activate(struct house *h, const struct cat_group *g, const char *host,
                        struct errinfo *ei)
{
    struct house_key *k = NULL;
    struct clearing_verdict v;
    size_t at = 0;
    enum err e = house_key(h, g, &k, ei);

    if (e != ERR_OK)
        return e;
    if (h->down)
        return err_fail_hr(ei, ERR_UNREACHABLE, HR_TIMEOUT,
                           "activate the key of %s on %s: the clearing house does not answer",
                           g->name, host);
    while (at < k->hosts && strcasecmp(k->host[at].name, host) != 0)
        at++;
    if (at == HOUSE_HOSTS_MAX)
        return refused(k, host, CLEARING_HOSTS_SPENT, ei);
    v = clearing_decide(&(struct clearing_use){.limits = k->limits,
                                               .blocked = k->blocked,
                                               .hosts = (uint32_t)k->hosts,
                                               .used = at < k->hosts ? k->host[at].used : 0});
    if (v.reason != CLEARING_GRANTED)
        return refused(k, host, v.reason, ei);
    if (at == k->hosts) {
        snprintf(k->host[at].name, sizeof(k->host[at].name), "%s", host);
        k->host[at].used = 0;
        k->hosts++;
    }
    k->host[at].used++;
    return ERR_OK;
}
