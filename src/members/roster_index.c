#include "members/roster_index.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 64

static uint32_t *make_slots(uint32_t n)
{
    uint32_t *slots = malloc(n * sizeof(*slots));

    if (slots != NULL)
        memset(slots, 0xff, n * sizeof(*slots));
    return slots;
}

bool roster_index_init(struct roster_index *x)
{
    *x = (struct roster_index){.slots = make_slots(FIRST_SLOTS), .mask = FIRST_SLOTS - 1};
    return x->slots != NULL;
}

bool roster_index_copy(struct roster_index *to, const struct roster_index *from)
{
    size_t bytes = ((size_t)from->mask + 1) * sizeof(*from->slots);

    *to = *from;
    to->slots = malloc(bytes);
    if (to->slots != NULL)
        memcpy(to->slots, from->slots, bytes);
    return to->slots != NULL;
}

void roster_index_fini(struct roster_index *x)
{
    free(x->slots);
    x->slots = NULL;
}

void roster_index_add(struct roster_index *x, uint32_t hash, uint32_t place)
{
    uint32_t i = hash & x->mask;

    while (x->slots[i] != ROSTER_NONE)
        i = (i + 1) & x->mask;
    x->slots[i] = place;
    x->used++;
}

bool roster_index_reserve(struct roster_index *x, roster_hash_fn *hash, const void *owner)
{
    struct roster_index bigger = {.mask = x->mask * 2 + 1};

    if (x->used < (x->mask + 1) / 2)
        return true;
    bigger.slots = make_slots(bigger.mask + 1);
    if (bigger.slots == NULL)
        return false;
    for (uint32_t i = 0; i <= x->mask; i++)
        if (x->slots[i] != ROSTER_NONE)
            roster_index_add(&bigger, hash(owner, x->slots[i]), x->slots[i]);
    free(x->slots);
    *x = bigger;
    return true;
}

/* Moves later places of the same run up, so that no search ends early at the gap. */
void roster_index_remove(struct roster_index *x, uint32_t hash, uint32_t place,
                         roster_hash_fn *hash_of, const void *owner)
{
    uint32_t gap = hash & x->mask;

    while (x->slots[gap] != place) {
        if (x->slots[gap] == ROSTER_NONE)
            return;
        gap = (gap + 1) & x->mask;
    }
    for (uint32_t i = (gap + 1) & x->mask; x->slots[i] != ROSTER_NONE; i = (i + 1) & x->mask) {
        uint32_t home = hash_of(owner, x->slots[i]) & x->mask;

        if (((i - home) & x->mask) >= ((i - gap) & x->mask)) {
            x->slots[gap] = x->slots[i];
            gap = i;
        }
    }
    x->slots[gap] = ROSTER_NONE;
    x->used--;
}
