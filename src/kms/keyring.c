#include "kms/keyring.h"

#include <stdlib.h>
#include <string.h>

/* What one key says to one KMS id of its group. */
struct rule {
    enum kms_reason reason;
    const char *missing;
};

struct held {
    const struct cat_group *group;
    struct rule *rules; /* as group->kms_ids */
};

struct kms_keyring {
    size_t n;
    struct held *held;
};

static struct rule rule_of(const struct catalog *c, const struct kms_key *k,
                           const struct guid *kms_id)
{
    static const enum kms_reason meaning[] = {
        [KMS_HOSTING_OK] = KMS_ANSWERED,
        [KMS_HOSTING_UNLISTED] = KMS_NOT_SERVED,
        [KMS_HOSTING_EDITION] = KMS_NOT_SERVED,
        [KMS_HOSTING_DISPUTED] = KMS_NOT_SERVED,
        [KMS_HOSTING_CLIENT_HOST] = KMS_CLIENT_HOST,
        [KMS_HOSTING_NO_PACK] = KMS_NO_PACK,
        [KMS_HOSTING_NO_UPDATE] = KMS_NO_UPDATE,
        [KMS_HOSTING_IMPOSSIBLE] = KMS_NOT_SERVED,
    };
    struct kms_hosting_verdict v = {.hosting = KMS_HOSTING_OK, .missing = ""};

    if (k->kind != NULL)
        v = kms_hostkind_serves(c, k->kind, k->group, kms_id);
    if (v.hosting == KMS_HOSTING_OK && !k->activated)
        return (struct rule){KMS_NOT_ACTIVATED, ""};
    return (struct rule){meaning[v.hosting], v.missing};
}

static bool fill(struct held *h, const struct catalog *c, const struct kms_key *k)
{
    h->group = k->group;
    h->rules = calloc(k->group->kms_id_count + 1, sizeof(*h->rules));
    for (size_t i = 0; h->rules != NULL && i < k->group->kms_id_count; i++)
        h->rules[i] = rule_of(c, k, &k->group->kms_ids[i]);
    return h->rules != NULL;
}

struct kms_keyring *kms_keyring_new(const struct catalog *c, const struct kms_key *keys, size_t n)
{
    struct kms_keyring *r = calloc(1, sizeof(*r));

    if (r != NULL)
        r->held = calloc(n + 1, sizeof(*r->held));
    if (r == NULL || r->held == NULL) {
        kms_keyring_free(r);
        return NULL;
    }
    for (r->n = 0; r->n < n; r->n++) {
        if (!fill(&r->held[r->n], c, &keys[r->n])) {
            kms_keyring_free(r);
            return NULL;
        }
    }
    return r;
}

void kms_keyring_free(struct kms_keyring *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n; i++)
        free(r->held[i].rules);
    free(r->held);
    free(r);
}

enum kms_reason kms_keyring_judge(const struct kms_keyring *r, const struct guid *kms_id,
                                  const char **missing)
{
    struct rule best = {KMS_NOT_SERVED, ""};

    for (size_t i = 0; i < r->n && best.reason != KMS_ANSWERED; i++) {
        size_t at = cat_group_find(r->held[i].group, kms_id);
        struct rule rule;

        if (at == CAT_NOT_FOUND)
            continue;
        rule = r->held[i].rules[at];
        if (rule.reason == KMS_ANSWERED || rule.reason > best.reason)
            best = rule;
    }
    if (missing != NULL)
        *missing = best.missing;
    return best.reason;
}
