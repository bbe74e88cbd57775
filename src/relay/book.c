#include "relay/book.h"

#include <string.h>

static bool same(const union address *a, const union address *b)
{
    if (a->any.sa_family != b->any.sa_family || address_port(a) != address_port(b))
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
           memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

/* A free entry, or that which was not found for longest. */
static struct book_entry *place(struct book *b)
{
    struct book_entry *oldest = &b->v[0];

    if (b->n < BOOK_MAX)
        return &b->v[b->n++];
    for (size_t i = 1; i < BOOK_MAX; i++)
        if (b->v[i].round < oldest->round)
            oldest = &b->v[i];
    return oldest;
}

uint32_t book_number(struct book *b, const union address *at, uint64_t round)
{
    struct book_entry *e;

    for (size_t i = 0; i < b->n; i++)
        if (same(&b->v[i].at, at)) {
            b->v[i].round = round;
            return b->v[i].number;
        }
    e = place(b);
    *e = (struct book_entry){.number = ++b->last, .round = round, .at = *at};
    return e->number;
}

const union address *book_find(const struct book *b, uint32_t number)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i].number == number)
            return &b->v[i].at;
    return NULL;
}
