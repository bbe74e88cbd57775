/* source: how many connections each address has open. Private to this room. */
#ifndef ADBAD_NET_SOURCE_H
#define ADBAD_NET_SOURCE_H

#include <stdint.h>

#include "base/address.h"
#include "base/err.h"

struct source_slot {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint32_t open;       /* 0: the slot is free */
};

/* Open addressing, at most half full. All zero is an empty table. */
struct sources {
    struct source_slot *slots;
    uint32_t size, used;
    uint64_t seed; /* random, so that nobody can aim at one slot */
};

void sources_fini(struct sources *s);
/* Counts one more; ERR_LIMIT (and nothing counted) if it has max already, or ERR_NOMEM. */
MUST_CHECK enum err source_add(struct sources *s, const union address *a, uint32_t max);
void source_drop(struct sources *s, const union address *a);
uint32_t source_open(const struct sources *s, const union address *a);

#endif
