/* roster_index: hash tables of places; open addressing, linear probing, at most half full. */
#ifndef ADBAD_MEMBERS_ROSTER_INDEX_H
#define ADBAD_MEMBERS_ROSTER_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROSTER_NONE UINT32_MAX

struct roster_index {
    uint32_t *slots; /* places, or ROSTER_NONE */
    uint32_t mask;   /* number of slots - 1; a power of two */
    uint32_t used;
};

/* The hash of the account at a place, the one it was put in with. */
typedef uint32_t roster_hash_fn(const void *owner, uint32_t place);

bool roster_index_init(struct roster_index *x);
bool roster_index_copy(struct roster_index *to, const struct roster_index *from);
void roster_index_fini(struct roster_index *x);
/* Makes room for one more; false when out of memory. */
bool roster_index_reserve(struct roster_index *x, roster_hash_fn *hash, const void *owner);
void roster_index_add(struct roster_index *x, uint32_t hash, uint32_t place);
void roster_index_remove(struct roster_index *x, uint32_t hash, uint32_t place,
                         roster_hash_fn *hash_of, const void *owner);

/* Walks the places that may have this hash: start with *pos = hash. ROSTER_NONE ends. */
static inline uint32_t roster_index_next(const struct roster_index *x, uint32_t *pos)
{
    return x->slots[(*pos)++ & x->mask];
}

#endif
