#include <stdlib.h>
#include <string.h>

#include "catalog/internal.h"

void *vec_add(struct vec *v, size_t size)
{
    void *item;

    if (v->count == v->cap) {
        size_t cap = v->cap == 0 ? 16 : v->cap * 2;
        void *items = reallocarray(v->items, cap, size);

        if (items == NULL)
            return NULL;
        v->items = items;
        v->cap = cap;
    }
    item = (char *)v->items + v->count++ * size;
    return memset(item, 0, size);
}
