#include "kms/host.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/filetime.h"

#define SKEW_MAX ((uint64_t)(4 * CLK_HOUR) * FILETIME_PER_SECOND)

struct kms_host {
    struct kms_host_conf conf;       /* intervals under policy_lock */
    pthread_rwlock_t policy_lock;    /* what answers are decided by; replaced by one thread */
    struct kms_protector *protector; /* for kms_host_decide alone */
    struct kms_keyring *keyring;
    bool refusing;
    pthread_mutex_t count_lock; /* one thread counts, others may look */
    struct kms_count *count;
};

static uint32_t within_bounds(uint32_t minutes)
{
    if (minutes < KMS_INTERVAL_MIN)
        return KMS_INTERVAL_MIN;
    return minutes > KMS_INTERVAL_MAX ? KMS_INTERVAL_MAX : minutes;
}

void kms_host_set_intervals(struct kms_host *h, uint32_t activation, uint32_t renewal)
{
    pthread_rwlock_wrlock(&h->policy_lock);
    h->conf.activation_interval = within_bounds(activation);
    h->conf.renewal_interval = within_bounds(renewal);
    pthread_rwlock_unlock(&h->policy_lock);
}

struct kms_host *kms_host_new(const struct kms_host_conf *conf)
{
    struct kms_host *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return NULL;
    h->conf = *conf;
    pthread_rwlock_init(&h->policy_lock, NULL);
    pthread_mutex_init(&h->count_lock, NULL);
    kms_host_set_intervals(h, conf->activation_interval, conf->renewal_interval);
    h->count = kms_count_new();
    h->keyring = kms_keyring_new(conf->catalog, NULL, 0);
    if (h->count == NULL || h->keyring == NULL ||
        kms_protector_new(conf->keys, conf->rng, &h->protector, NULL) != ERR_OK) {
        kms_host_free(h);
        return NULL;
    }
    return h;
}

void kms_host_free(struct kms_host *h)
{
    if (h == NULL)
        return;
    pthread_rwlock_destroy(&h->policy_lock);
    pthread_mutex_destroy(&h->count_lock);
    kms_count_free(h->count);
    kms_protector_free(h->protector);
    kms_keyring_free(h->keyring);
    free(h);
}

void kms_host_set_keyring(struct kms_host *h, struct kms_keyring *ring)
{
    struct kms_keyring *old;

    pthread_rwlock_wrlock(&h->policy_lock);
    old = h->keyring;
    h->keyring = ring;
    pthread_rwlock_unlock(&h->policy_lock);
    kms_keyring_free(old);
}

enum err kms_host_set_keys(struct kms_host *h, const struct kms_key *keys, size_t n)
{
    struct kms_keyring *ring = kms_keyring_new(h->conf.catalog, keys, n);

    if (ring == NULL)
        return ERR_NOMEM;
    kms_host_set_keyring(h, ring);
    return ERR_OK;
}

enum err kms_host_set_groups(struct kms_host *h, const struct cat_group *const *groups,
                             const bool *activated, size_t n)
{
    struct kms_key *keys = calloc(n + 1, sizeof(*keys));
    enum err e;

    if (keys == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        keys[i] = (struct kms_key){.group = groups[i], .activated = activated[i]};
    e = kms_host_set_keys(h, keys, n);
    free(keys);
    return e;
}

void kms_host_set_refusing(struct kms_host *h, bool refusing)
{
    pthread_rwlock_wrlock(&h->policy_lock);
    h->refusing = refusing;
    pthread_rwlock_unlock(&h->policy_lock);
}

static bool clock_skewed(uint64_t client_time, int64_t now)
{
    uint64_t host_time = filetime_from_unix(now);

    return (client_time > host_time ? client_time - host_time : host_time - client_time) > SKEW_MAX;
}

/* Under policy_lock. */
static enum kms_reason judge_fields(const struct kms_host *h, const struct kms_request *m,
                                    int64_t now, const char **missing)
{
    if (h->refusing)
        return KMS_REFUSING;
    if (m->required_count > KMS_NPOLICY_MAX)
        return KMS_BAD_NPOLICY;
    if (clock_skewed(m->client_time, now))
        return KMS_CLOCK_SKEW;
    return kms_keyring_judge(h->keyring, &m->kms_id, missing);
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

void kms_decision_refuse(struct kms_decision *d, enum kms_reason reason)
{
    d->reason = reason;
    d->hresult = kms_reason_hresult(reason);
}

void kms_host_open(struct kms_host *h, struct kms_protector *p, const void *request, size_t len,
                   int64_t now, struct kms_decision *out)
{
    enum err e;

    memset(out, 0, sizeof(*out));
    out->missing = "";
    (void)!kms_peek_version(request, len, &out->version); /* opening judges it */
    e = kms_open_request(p, request, len, &out->request, &out->opened.exchange, NULL);
    out->request_known = e == ERR_OK;
    out->reason = reason_of_opening(e);
    if (out->request_known) {
        out->product =
            catalog_product_by_activation_id(h->conf.catalog, &out->request.activation_id);
        out->opened.client_id = out->request.client_id;
        out->opened.client_time = out->request.client_time;
        pthread_rwlock_rdlock(&h->policy_lock);
        out->reason = judge_fields(h, &out->request, now, &out->missing);
        pthread_rwlock_unlock(&h->policy_lock);
    }
    out->hresult = kms_reason_hresult(out->reason);
}

enum err kms_host_touch(struct kms_host *h, const struct guid *application,
                        const struct guid *client_id, uint32_t n_policy, int64_t now,
                        uint32_t *count)
{
    enum err e;

    pthread_mutex_lock(&h->count_lock);
    e = kms_count_touch(h->count, application, client_id, n_policy, now, count);
    pthread_mutex_unlock(&h->count_lock);
    return e;
}

enum err kms_host_seal(struct kms_host *h, struct kms_protector *p, const struct kms_opened *o,
                       uint32_t count, struct buf *out)
{
    struct kms_response response = {
        .version = o->exchange.version,
        .client_id = o->client_id,
        .client_time = o->client_time,
        .count = count,
    };

    pthread_rwlock_rdlock(&h->policy_lock);
    response.activation_interval = h->conf.activation_interval;
    response.renewal_interval = h->conf.renewal_interval;
    pthread_rwlock_unlock(&h->policy_lock);
    kms_text_set(response.epid, KMS_EPID_UNITS, h->conf.epid);
    return kms_seal_response(p, &o->exchange, &response, out, NULL);
}

void kms_host_decide(struct kms_host *h, const void *request, size_t len, int64_t now,
                     struct kms_decision *out)
{
    const struct kms_request *m = &out->request;
    enum err e;

    kms_host_open(h, h->protector, request, len, now, out);
    if (out->reason != KMS_ANSWERED)
        return;
    e = kms_host_touch(h, &m->application_id, &m->client_id, m->required_count, now, &out->count);
    if (e == ERR_OK)
        e = kms_host_seal(h, h->protector, &out->opened, out->count, &out->response);
    if (e == ERR_OK)
        return;
    buf_fini(&out->response);
    kms_decision_refuse(out, e == ERR_LIMIT ? KMS_NOT_SERVED : KMS_FAILED);
}

void kms_host_forget(struct kms_host *h)
{
    pthread_mutex_lock(&h->count_lock);
    kms_count_clear(h->count);
    pthread_mutex_unlock(&h->count_lock);
}

enum err kms_host_remember(struct kms_host *h, const struct guid *application,
                           const struct guid *client_id, uint32_t n_policy, int64_t when)
{
    uint32_t count;

    return kms_host_touch(h, application, client_id, n_policy, when, &count);
}

enum err kms_host_export(struct kms_host *h, kms_count_fn *each, void *arg)
{
    enum err e;

    pthread_mutex_lock(&h->count_lock);
    e = kms_count_export(h->count, each, arg);
    pthread_mutex_unlock(&h->count_lock);
    return e;
}

enum err kms_host_import(struct kms_host *h, const struct kms_count_application *a)
{
    enum err e;

    pthread_mutex_lock(&h->count_lock);
    e = kms_count_import(h->count, a);
    pthread_mutex_unlock(&h->count_lock);
    return e;
}

uint32_t kms_host_count(struct kms_host *h, const struct guid *application, int64_t now)
{
    uint32_t count;

    pthread_mutex_lock(&h->count_lock);
    count = kms_count_get(h->count, application, now);
    pthread_mutex_unlock(&h->count_lock);
    return count;
}

uint32_t kms_host_capacity(struct kms_host *h, const struct guid *application)
{
    uint32_t room;

    pthread_mutex_lock(&h->count_lock);
    room = kms_count_capacity(h->count, application);
    pthread_mutex_unlock(&h->count_lock);
    return room;
}
