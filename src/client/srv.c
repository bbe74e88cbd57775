#include "client/srv.h"

#include <stdlib.h>
#include <string.h>

static int by_priority_then_weight(const void *a, const void *b)
{
    const struct srv_target *x = a, *y = b;

    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    if (x->weight != y->weight) /* zero weights stand first, as the algorithm wants them */
        return x->weight < y->weight ? -1 : 1;
    return strcmp(x->host, y->host); /* the answer's order must not matter */
}

/* Index in t[0 … n-1] of the one that the draw selects: the first whose running sum of weights
 * reaches a number drawn from 0 to the sum inclusive (RFC 2782, "Usage rules"). */
static size_t draw(const struct srv_target *t, size_t n, const struct rng *rng)
{
    uint64_t sum = 0, mark, run = 0;

    for (size_t i = 0; i < n; i++)
        sum += t[i].weight;
    mark = rng_below(rng, sum + 1);
    for (size_t i = 0; i < n; i++) {
        run += t[i].weight;
        if (run >= mark)
            return i;
    }
    return n - 1;
}

void srv_order(struct srv_target *t, size_t n, const struct rng *rng)
{
    if (n == 0)
        return;
    qsort(t, n, sizeof(*t), by_priority_then_weight);
    for (size_t i = 0; i < n; i++) {
        size_t same = 1;
        struct srv_target chosen;

        while (i + same < n && t[i + same].priority == t[i].priority)
            same++;
        same = draw(t + i, same, rng);
        chosen = t[i + same];
        memmove(t + i + 1, t + i, same * sizeof(*t)); /* the rest keeps its order */
        t[i] = chosen;
    }
}
