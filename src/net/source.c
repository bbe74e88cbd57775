#include "net/source.h"

#include <stdlib.h>
#include <string.h>

static uint32_t slot_of(const struct sources *s, const uint8_t key[16])
{
    uint64_t h = s->seed;
    uint64_t half[2];

    memcpy(half, key, sizeof(half));
    for (int i = 0; i < 2; i++) {
        h = (h ^ half[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return (uint32_t)h & (s->size - 1);
}

/* The slot that holds key, or the free one where it would go. */
static struct source_slot *find(const struct sources *s, const uint8_t key[16])
{
    uint32_t i = slot_of(s, key);

    while (s->slots[i].open != 0 && memcmp(s->slots[i].address, key, 16) != 0)
        i = (i + 1) & (s->size - 1);
    return &s->slots[i];
}

static enum err grow(struct sources *s)
{
    struct sources bigger = {.size = s->size == 0 ? 64 : s->size * 2, .seed = s->seed};

    bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < s->size; i++) {
        if (s->slots[i].open != 0)
            *find(&bigger, s->slots[i].address) = s->slots[i];
    }
    bigger.used = s->used;
    free(s->slots);
    *s = bigger;
    return ERR_OK;
}

enum err source_add(struct sources *s, const union address *a, uint32_t max)
{
    struct source_slot *slot;
    uint8_t key[16];

    if (s->used * 2 >= s->size && grow(s) != ERR_OK)
        return ERR_NOMEM;
    address_key(a, key);
    slot = find(s, key);
    if (slot->open >= max)
        return ERR_LIMIT;
    if (slot->open++ == 0) {
        memcpy(slot->address, key, 16);
        s->used++;
    }
    return ERR_OK;
}

/* Closes the gap, so that no look-up stops early: what follows moves up if it may. */
static void vacate(struct sources *s, uint32_t gap)
{
    uint32_t mask = s->size - 1;

    for (uint32_t i = (gap + 1) & mask; s->slots[i].open != 0; i = (i + 1) & mask) {
        uint32_t home = slot_of(s, s->slots[i].address);

        if (((i - home) & mask) >= ((i - gap) & mask)) {
            s->slots[gap] = s->slots[i];
            gap = i;
        }
    }
    s->slots[gap].open = 0;
}

void source_drop(struct sources *s, const union address *a)
{
    struct source_slot *slot;
    uint8_t key[16];

    if (s->size == 0)
        return;
    address_key(a, key);
    slot = find(s, key);
    if (slot->open == 0 || --slot->open != 0)
        return;
    s->used--;
    vacate(s, (uint32_t)(slot - s->slots));
}

uint32_t source_open(const struct sources *s, const union address *a)
{
    uint8_t key[16];

    if (s->size == 0)
        return 0;
    address_key(a, key);
    return find(s, key)->open;
}

void sources_fini(struct sources *s)
{
    free(s->slots);
    memset(s, 0, sizeof(*s));
}
