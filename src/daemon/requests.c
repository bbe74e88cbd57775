#include "daemon/requests.h"

#include <stdlib.h>
#include <string.h>

#include "report/json.h"

/* A key, from its low end: 1 (in use), version 3 bits, channel 2, result 6, product 20. */
#define VERSION_AT 1
#define CHANNEL_AT 4
#define RESULT_AT  6
#define PRODUCT_AT 12

#define PRODUCT_UNKNOWN 0u
#define PRODUCT_OTHER   1u
#define PRODUCT_FIRST   2u /* + its row in the catalogue */
#define PRODUCT_MAX     ((1u << (32 - PRODUCT_AT)) - 1)

#define VERSION_UNKNOWN 0u
#define VERSION_OTHER   1u /* 4, 5 and 6 are themselves */

/* The rest is for what is counted without its product, which is never more. */
#define ROOM (REQUESTS_SLOTS * 3 / 4)

_Static_assert(REQUESTS_RESULTS <= 1 << (PRODUCT_AT - RESULT_AT), "6 bits for a result");

static uint32_t version_of(unsigned version)
{
    if (version == 0)
        return VERSION_UNKNOWN;
    return version >= 4 && version <= 6 ? version : VERSION_OTHER;
}

/* Editions of one product count together: the first row of that name stands for it. */
static uint32_t product_of(const struct catalog *c, const struct cat_product *p)
{
    const struct cat_product *first;
    size_t n = catalog_products(c, &first);

    if (p == NULL || p < first || p >= first + n)
        return PRODUCT_UNKNOWN;
    while (p > first && strcmp(p[-1].product, p->product) == 0)
        p--;
    return (size_t)(p - first) > PRODUCT_MAX - PRODUCT_FIRST
               ? PRODUCT_OTHER
               : PRODUCT_FIRST + (uint32_t)(p - first);
}

/* The slot of key, or the free one where it would go. There is always one. */
static struct requests_slot *slot_of(struct requests *r, uint32_t key, bool *is_free)
{
    uint32_t i = key * UINT32_C(2654435761) >> 16; /* Knuth's multiplicative hash */

    for (;; i++) {
        struct requests_slot *s = &r->slots[i % REQUESTS_SLOTS];
        uint32_t has = atomic_load_explicit(&s->key, memory_order_relaxed);

        if (has == key || has == 0) {
            *is_free = has == 0;
            return s;
        }
    }
}

void requests_add(struct requests *r, const struct catalog *c, unsigned version,
                  const struct cat_product *product, enum store_channel channel, int result)
{
    uint32_t key = 1 | version_of(version) << VERSION_AT | (uint32_t)channel << CHANNEL_AT |
                   (uint32_t)result << RESULT_AT;
    bool is_free;
    struct requests_slot *s = slot_of(r, key | product_of(c, product) << PRODUCT_AT, &is_free);

    if (!is_free) {
        counter_add(&s->n, 1);
        return;
    }
    if (r->used >= ROOM) {
        key |= PRODUCT_OTHER << PRODUCT_AT;
        s = slot_of(r, key, &is_free);
    } else {
        key |= product_of(c, product) << PRODUCT_AT;
    }
    r->used += is_free;
    counter_add(&s->n, 1);
    atomic_store_explicit(&s->key, key, memory_order_release);
}

/* ---- reading ---- */

static const char *version_name(uint32_t v)
{
    static const char *const names[8] = {
        [VERSION_UNKNOWN] = "unknown", [VERSION_OTHER] = "other", [4] = "4", [5] = "5", [6] = "6"};

    return names[v & 7];
}

static const char *product_name(const struct catalog *c, uint32_t p)
{
    const struct cat_product *first;

    (void)catalog_products(c, &first);
    if (p < PRODUCT_FIRST)
        return p == PRODUCT_OTHER ? "other" : "unknown";
    return first[p - PRODUCT_FIRST].product;
}

static const char *result_name(int result)
{
    if (result < KMS_REASONS)
        return kms_reason_name((enum kms_reason)result);
    if (result == REQUESTS_BAD_STUB)
        return "bad-stub";
    if (result == REQUESTS_NOT_RECORDED)
        return "not-recorded";
    if (result == REQUESTS_RELAYED + RELAY_ANSWERED)
        return "answered";
    return relay_outcome_name((enum relay_outcome)(result - REQUESTS_RELAYED));
}

static struct requests_count describe(const struct catalog *c, uint32_t key)
{
    return (struct requests_count){
        .version = version_name(key >> VERSION_AT),
        .channel = report_channel_name((enum store_channel)(key >> CHANNEL_AT & 3)),
        .result = result_name((int)(key >> RESULT_AT & ((1u << (PRODUCT_AT - RESULT_AT)) - 1))),
        .product = product_name(c, key >> PRODUCT_AT)};
}

static bool is_same(const struct requests_count *a, const struct requests_count *b)
{
    return strcmp(a->version, b->version) == 0 && strcmp(a->product, b->product) == 0 &&
           strcmp(a->channel, b->channel) == 0 && strcmp(a->result, b->result) == 0;
}

static struct requests_count *count_of(struct requests_counts *sum, const struct requests_count *as)
{
    for (size_t i = 0; i < sum->n; i++) {
        if (is_same(&sum->v[i], as))
            return &sum->v[i];
    }
    if (sum->n == sum->cap) {
        size_t cap = sum->cap == 0 ? 32 : sum->cap * 2;
        struct requests_count *bigger = realloc(sum->v, cap * sizeof(*bigger));

        if (bigger == NULL)
            return NULL;
        sum->v = bigger;
        sum->cap = cap;
    }
    sum->v[sum->n] = *as;
    return &sum->v[sum->n++];
}

enum err requests_sum(const struct requests *r, const struct catalog *c,
                      struct requests_counts *sum)
{
    for (size_t i = 0; i < REQUESTS_SLOTS; i++) {
        uint32_t key = atomic_load_explicit(&r->slots[i].key, memory_order_acquire);
        struct requests_count as, *count;

        if (key == 0)
            continue;
        as = describe(c, key);
        count = count_of(sum, &as);
        if (count == NULL)
            return ERR_NOMEM;
        count->n += counter_read(&r->slots[i].n);
    }
    return ERR_OK;
}

void requests_counts_free(struct requests_counts *sum)
{
    free(sum->v);
    *sum = (struct requests_counts){0};
}
