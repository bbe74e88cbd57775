#include "fleet/site.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "kms/count.h"
#include "kms/keyring.h"

#define EPOCH INT64_C(1767571200) /* 2026-01-05T00:00:00Z, a Monday */

const uint32_t fleet_hresult[FLEET_CODES] = {
    [FLEET_BELOW] = LIC_HR_BELOW,      [FLEET_NOT_SERVED] = 0xC004F042u,
    [FLEET_UNREACHABLE] = 0xC004F074u, [FLEET_NO_OBJECT] = LIC_HR_NO_OBJECT,
    [FLEET_DC_DOWN] = 0x8007203Au,
};

struct fleet_site {
    const struct fleet_conf *conf;
    struct kms_count *count[FLEET_HOSTS_MAX];
    /* By mix entry; every host has the same keys. */
    enum kms_reason verdict[FLEET_MIX_MAX];
    bool object[FLEET_MIX_MAX]; /* an activation object covers it */
};

int64_t site_time(uint32_t minute)
{
    return EPOCH + minute * CLK_MINUTE;
}

uint32_t site_minute(int64_t when)
{
    int64_t last = site_time(FLEET_NEVER - 1);

    if (when > last)
        return FLEET_NEVER;
    return when <= EPOCH ? 0 : (uint32_t)((when - EPOCH + CLK_MINUTE - 1) / CLK_MINUTE);
}

/* The groups whose keys and objects there are. */
static size_t groups_of(const struct fleet_conf *conf, const struct cat_group **group, size_t i)
{
    const struct cat_group *all;
    size_t n = catalog_groups(conf->catalog, &all);

    if (conf->group_count == 0) {
        if (i < n)
            *group = &all[i];
        return n;
    }
    if (i < conf->group_count)
        *group = conf->group[i];
    return conf->group_count;
}

static enum err learn_keys(struct fleet_site *s)
{
    const struct fleet_conf *conf = s->conf;
    const struct cat_group *g = NULL;
    size_t n = groups_of(conf, &g, 0);
    struct kms_key *keys = calloc(n + 1, sizeof(*keys));
    struct kms_keyring *ring = NULL;

    for (size_t i = 0; keys != NULL && i < n; i++) {
        groups_of(conf, &g, i);
        keys[i] = (struct kms_key){.group = g, .activated = true};
        for (size_t p = 0; p < conf->mix_count; p++)
            s->object[p] |= cat_group_serves(g, &conf->mix[p].product->kms_id);
    }
    if (keys != NULL)
        ring = kms_keyring_new(conf->catalog, keys, n);
    for (size_t p = 0; ring != NULL && p < conf->mix_count; p++)
        s->verdict[p] = kms_keyring_judge(ring, &conf->mix[p].product->kms_id, NULL);
    free(keys);
    if (ring == NULL)
        return ERR_NOMEM;
    kms_keyring_free(ring);
    return ERR_OK;
}

struct fleet_site *site_new(const struct fleet_conf *conf)
{
    struct fleet_site *s = calloc(1, sizeof(*s));
    bool ok = s != NULL;

    if (!ok)
        return NULL;
    s->conf = conf;
    for (uint32_t i = 0; i < conf->hosts; i++) {
        s->count[i] = kms_count_new();
        ok = ok && s->count[i] != NULL;
    }
    if (ok && learn_keys(s) == ERR_OK)
        return s;
    site_free(s);
    return NULL;
}

void site_free(struct fleet_site *s)
{
    if (s == NULL)
        return;
    for (uint32_t i = 0; i < FLEET_HOSTS_MAX; i++)
        kms_count_free(s->count[i]);
    free(s);
}

/* host counts from 1 as in an outage; of meaning for FLEET_KMS. */
static bool is_down(const struct fleet_site *s, enum fleet_part part, uint32_t host,
                    uint32_t minute)
{
    for (size_t i = 0; i < s->conf->outage_count; i++) {
        const struct fleet_outage *o = &s->conf->outage[i];

        if (o->part == part && (o->host == 0 || o->host == host) && minute >= o->from &&
            minute < o->until)
            return true;
    }
    return false;
}

struct lic_event site_ask_ad(const struct fleet_site *s, size_t product, uint32_t minute)
{
    if (is_down(s, FLEET_DC, 0, minute))
        return (struct lic_event){.type = LIC_EV_AD_FAILED,
                                  .hresult = fleet_hresult[FLEET_DC_DOWN]};
    if (!s->object[product] || is_down(s, FLEET_OBJECT, 0, minute))
        return (struct lic_event){.type = LIC_EV_AD_FAILED,
                                  .hresult = fleet_hresult[FLEET_NO_OBJECT]};
    return (struct lic_event){
        .type = LIC_EV_AD_GRANTED, .validity = LIC_VALIDITY, .renewal = LIC_RENEWAL_DEFAULT};
}

static struct guid client_id(uint32_t machine)
{
    struct guid id = {0};

    memcpy(&id, &machine, sizeof(machine)); /* only ever compared for equality */
    return id;
}

/* Asks one host; a host that is away leaves the event as it was, so that a refusal said before
 * stands. */
static enum err ask(struct fleet_site *s, const struct site_asker *who, uint32_t host,
                    uint32_t minute, struct site_answer *out)
{
    const struct cat_product *p = s->conf->mix[who->product].product;
    enum kms_reason verdict = s->verdict[who->product];
    const struct guid id = client_id(who->machine);

    if (is_down(s, FLEET_KMS, host + 1, minute)) {
        out->silent++;
        return ERR_OK;
    }
    out->spoke |= 1u << host;
    if (verdict != KMS_ANSWERED) {
        out->event =
            (struct lic_event){.type = LIC_EV_KMS_REFUSED, .hresult = kms_reason_hresult(verdict)};
        return ERR_OK;
    }
    out->event = (struct lic_event){.type = LIC_EV_KMS_ANSWERED,
                                    .activation = LIC_ACTIVATION_DEFAULT,
                                    .renewal = LIC_RENEWAL_DEFAULT};
    *who->host = (uint8_t)host;
    return kms_count_touch(s->count[host], &p->application_id, &id, p->required_count,
                           site_time(minute), &out->event.count);
}

enum err site_ask_kms(struct fleet_site *s, const struct site_asker *who, uint32_t minute,
                      const struct rng *rng, struct site_answer *out)
{
    uint32_t hosts = s->conf->hosts, first, cached = *who->host;
    enum err e = ERR_OK;

    *out = (struct site_answer){
        .event = {.type = LIC_EV_KMS_UNREACHABLE, .hresult = fleet_hresult[FLEET_UNREACHABLE]}};
    *who->host = SITE_NO_HOST;
    if (cached != SITE_NO_HOST)
        e = ask(s, who, cached, minute, out);
    if (*who->host != SITE_NO_HOST || hosts == 0)
        return e;
    first = (uint32_t)rng_below(rng, hosts);
    for (uint32_t i = 0; i < hosts && *who->host == SITE_NO_HOST && e == ERR_OK; i++) {
        uint32_t host = (first + i) % hosts;

        if (host != cached)
            e = ask(s, who, host, minute, out);
    }
    return e;
}

uint32_t site_count(const struct fleet_site *s, uint32_t host, enum fleet_app app, uint32_t minute)
{
    return kms_count_get(s->count[host], app == FLEET_WINDOWS ? &cat_app_windows : &cat_app_office,
                         site_time(minute));
}
