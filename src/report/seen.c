#include "report/seen.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 1024 /* powers of two */

/* FNV-1a. Whoever finds keys that collide makes this tool slow, for those who ask for his rows. */
static size_t hash(const struct seen_key *k)
{
    const uint8_t *p = k->client_id.b;
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < sizeof(k->client_id.b); i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    p = k->activation_id.b;
    for (size_t i = 0; i < sizeof(k->activation_id.b); i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return (size_t)(h ^ h >> 32);
}

static size_t slot_of(const struct seen *s, const struct seen_key *k)
{
    size_t i = hash(k) & (s->size - 1);

    while (s->numbers[i] != 0 && memcmp(&s->slots[i], k, sizeof(*k)) != 0)
        i = (i + 1) & (s->size - 1);
    return i;
}

static enum err grow(struct seen *s)
{
    struct seen bigger = {.size = s->size == 0 ? SIZE_FIRST : s->size * 2, .n = s->n};

    bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
    bigger.numbers = calloc(bigger.size, sizeof(*bigger.numbers));
    if (bigger.slots == NULL || bigger.numbers == NULL) {
        seen_free(&bigger);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < s->size; i++) {
        size_t to;

        if (s->numbers[i] == 0)
            continue;
        to = slot_of(&bigger, &s->slots[i]);
        bigger.slots[to] = s->slots[i];
        bigger.numbers[to] = s->numbers[i];
    }
    seen_free(s);
    *s = bigger;
    return ERR_OK;
}

enum err seen_add(struct seen *s, const struct guid *client_id, const struct guid *activation_id,
                  uint32_t *number, bool *is_new)
{
    const struct seen_key k = {*client_id, *activation_id};
    size_t i;

    if (s->n * 4 >= s->size * 3) {
        enum err e = grow(s);

        if (e != ERR_OK)
            return e;
    }
    i = slot_of(s, &k);
    *is_new = s->numbers[i] == 0;
    if (*is_new) {
        s->slots[i] = k;
        s->numbers[i] = (uint32_t)++s->n;
    }
    if (number != NULL)
        *number = s->numbers[i] - 1;
    return ERR_OK;
}

void seen_free(struct seen *s)
{
    free(s->slots);
    free(s->numbers);
    memset(s, 0, sizeof(*s));
}
