/* arena: memory of one request, dropped whole. */
#ifndef ADBAD_BASE_ARENA_H
#define ADBAD_BASE_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_block *blocks;
    size_t limit; /* most bytes it may hand out in all; 0: no limit */
    size_t used;
};

#define ARENA_INIT                                                                                 \
    {                                                                                              \
        0                                                                                          \
    }

/* n zeroed bytes, aligned for any type; NULL when out of memory or over the limit. */
void *arena_alloc(struct arena *a, size_t n);
/* A copy of n bytes followed by a NUL. */
char *arena_strndup(struct arena *a, const char *text, size_t n);
/* Frees everything that came from the arena; it can be used again. */
void arena_reset(struct arena *a);

#endif
