#include "kms/host.h"

#include <stdlib.h>
#include <string.h>

#include "base/filetime.h"

#define SKEW_MAX ((uint64_t)(4 * CLK_HOUR) * FILETIME_PER_SECOND)

struct served_group {
    const struct cat_group *group;
    bool activated;
};

struct kms_host {
    struct kms_host_conf conf;
    struct kms_count *count;
    struct served_group *groups;
    size_t group_count;
};

static const struct {
    const char *name;
    uint32_t hresult;
} reasons[KMS_REASONS] = {
    [KMS_ANSWERED] = {"answered", 0},
    [KMS_BAD_VERSION] = {"bad-version", 0x8007000d},
    [KMS_BAD_SIZE] = {"bad-size", 0x8007000d},
    [KMS_FOREIGN] = {"foreign", 0xc004f042},
    [KMS_BAD_NPOLICY] = {"bad-npolicy", 0x8007000d},
    [KMS_CLOCK_SKEW] = {"clock-skew", 0xc004f06c},
    [KMS_NOT_SERVED] = {"not-served", 0xc004f042},
    [KMS_NOT_ACTIVATED] = {"not-activated", 0xc004f041},
    [KMS_FAILED] = {"failed", 0x80004005}, /* E_FAIL; it never leaves */
};

const char *kms_reason_name(enum kms_reason reason)
{
    return (unsigned)reason < KMS_REASONS ? reasons[reason].name : "unknown";
}

static uint32_t within_bounds(uint32_t minutes)
{
    if (minutes < KMS_INTERVAL_MIN)
        return KMS_INTERVAL_MIN;
    return minutes > KMS_INTERVAL_MAX ? KMS_INTERVAL_MAX : minutes;
}

void kms_host_set_intervals(struct kms_host *h, uint32_t activation, uint32_t renewal)
{
    h->conf.activation_interval = within_bounds(activation);
    h->conf.renewal_interval = within_bounds(renewal);
}

struct kms_host *kms_host_new(const struct kms_host_conf *conf)
{
    struct kms_host *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return NULL;
    h->conf = *conf;
    kms_host_set_intervals(h, conf->activation_interval, conf->renewal_interval);
    h->count = kms_count_new();
    if (h->count == NULL) {
        kms_host_free(h);
        return NULL;
    }
    return h;
}

void kms_host_free(struct kms_host *h)
{
    if (h == NULL)
        return;
    kms_count_free(h->count);
    free(h->groups);
    free(h);
}

enum err kms_host_set_groups(struct kms_host *h, const struct cat_group *const *groups,
                             const bool *activated, size_t n)
{
    struct served_group *copy = calloc(n > 0 ? n : 1, sizeof(*copy));

    if (copy == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        copy[i] = (struct served_group){groups[i], activated[i]};
    free(h->groups);
    h->groups = copy;
    h->group_count = n;
    return ERR_OK;
}

/* Any activated group that serves the KMS id will do; else it matters whether one would. */
static enum kms_reason judge_groups(const struct kms_host *h, const struct guid *kms_id)
{
    enum kms_reason reason = KMS_NOT_SERVED;

    for (size_t i = 0; i < h->group_count; i++) {
        if (!cat_group_serves(h->groups[i].group, kms_id))
            continue;
        if (h->groups[i].activated)
            return KMS_ANSWERED;
        reason = KMS_NOT_ACTIVATED;
    }
    return reason;
}

static bool clock_skewed(uint64_t client_time, int64_t now)
{
    uint64_t host_time = filetime_from_unix(now);

    return (client_time > host_time ? client_time - host_time : host_time - client_time) > SKEW_MAX;
}

static enum kms_reason judge_fields(const struct kms_host *h, const struct kms_request *m,
                                    int64_t now)
{
    if (m->required_count > KMS_NPOLICY_MAX)
        return KMS_BAD_NPOLICY;
    if (clock_skewed(m->client_time, now))
        return KMS_CLOCK_SKEW;
    return judge_groups(h, &m->kms_id);
}

static enum kms_reason reason_of_opening(enum err e)
{
    switch (e) {
    case ERR_OK:
        return KMS_ANSWERED;
    case ERR_VERSION:
        return KMS_BAD_VERSION;
    case ERR_TRUNCATED:
    case ERR_MALFORMED:
        return KMS_BAD_SIZE;
    case ERR_FOREIGN:
        return KMS_FOREIGN;
    default:
        return KMS_FAILED;
    }
}

/* Seals first and counts then, so that nobody is counted whose answer could not be made. */
static enum kms_reason answer(struct kms_host *h, const struct kms_exchange *x, int64_t now,
                              struct kms_decision *out)
{
    const struct kms_request *m = &out->request;
    struct kms_response response = {
        .version = m->version,
        .client_id = m->client_id,
        .client_time = m->client_time,
        .activation_interval = h->conf.activation_interval,
        .renewal_interval = h->conf.renewal_interval,
    };
    enum err e = kms_count_preview(h->count, &m->application_id, &m->client_id, m->required_count,
                                   now, &response.count);

    if (e == ERR_LIMIT)
        return KMS_NOT_SERVED;
    kms_text_set(response.epid, KMS_EPID_UNITS, h->conf.epid);
    if (e == ERR_OK)
        e = kms_seal_response(h->conf.keys, x, &response, &h->conf.rng, &out->response, NULL);
    if (e == ERR_OK)
        e = kms_count_touch(h->count, &m->application_id, &m->client_id, m->required_count, now,
                            &out->count);
    if (e != ERR_OK)
        buf_fini(&out->response);
    return e == ERR_OK ? KMS_ANSWERED : KMS_FAILED;
}

void kms_host_decide(struct kms_host *h, const void *request, size_t len, int64_t now,
                     struct kms_decision *out)
{
    struct kms_exchange x;
    enum err e;

    memset(out, 0, sizeof(*out));
    (void)!kms_peek_version(request, len, &out->version); /* opening judges it */
    e = kms_open_request(h->conf.keys, request, len, &out->request, &x, NULL);
    out->request_known = e == ERR_OK;
    out->reason = reason_of_opening(e);
    if (out->request_known) {
        out->product =
            catalog_product_by_activation_id(h->conf.catalog, &out->request.activation_id);
        out->reason = judge_fields(h, &out->request, now);
    }
    if (out->reason == KMS_ANSWERED)
        out->reason = answer(h, &x, now, out);
    out->hresult = reasons[out->reason].hresult;
}

void kms_host_forget(struct kms_host *h)
{
    kms_count_clear(h->count);
}

enum err kms_host_remember(struct kms_host *h, const struct guid *application,
                           const struct guid *client_id, uint32_t n_policy, int64_t when)
{
    uint32_t count;

    return kms_count_touch(h->count, application, client_id, n_policy, when, &count);
}

uint32_t kms_host_count(const struct kms_host *h, const struct guid *application, int64_t now)
{
    return kms_count_get(h->count, application, now);
}

uint32_t kms_host_capacity(const struct kms_host *h, const struct guid *application)
{
    return kms_count_capacity(h->count, application);
}
