#include "daemon/refusals.h"

#include <stdio.h>
#include <string.h>

#define RESERVE 16 /* rows for reasons whose source is not told apart any more */

static struct store_refusal *find(struct refusals *all, const struct store_refusal *r)
{
    for (size_t i = 0; i < all->n; i++) {
        struct store_refusal *had = &all->rows[i];

        if (had->when / 60 == r->when / 60 && strcmp(had->source, r->source) == 0 &&
            strcmp(had->reason, r->reason) == 0)
            return had;
    }
    return NULL;
}

void refusals_add(struct refusals *all, const struct store_refusal *r)
{
    struct store_refusal given = *r;
    struct store_refusal *had = find(all, r);

    given.times = r->times == 0 ? 1 : r->times;
    if (had == NULL && all->n >= REFUSALS_MAX - RESERVE) {
        snprintf(given.source, sizeof(given.source), "(others)");
        had = find(all, &given);
        if (had == NULL && all->n == REFUSALS_MAX)
            had = &all->rows[REFUSALS_MAX - 1];
    }
    if (had != NULL)
        had->times += given.times;
    else
        all->rows[all->n++] = given;
}

void refusals_merge(struct refusals *all, struct refusals *from)
{
    for (size_t i = 0; i < from->n; i++)
        refusals_add(all, &from->rows[i]);
    from->n = 0;
}

uint64_t refusals_times(const struct refusals *all)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < all->n; i++)
        sum += all->rows[i].times;
    return sum;
}
