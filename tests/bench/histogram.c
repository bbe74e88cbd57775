#include "histogram.h"

#include <math.h>

#define SUB (UINT64_C(1) << HISTOGRAM_BITS)

/* Values below 128 have a bucket each; above, each power of two has 128. */
static unsigned bucket_of(uint64_t v)
{
    unsigned shift;

    if (v < SUB)
        return (unsigned)v;
    if (v >> HISTOGRAM_TOP != 0)
        return HISTOGRAM_BUCKETS - 1;
    shift = 63u - (unsigned)__builtin_clzll(v) - HISTOGRAM_BITS;
    return (unsigned)(((uint64_t)shift << HISTOGRAM_BITS) + (v >> shift));
}

/* The largest value of a bucket. */
static uint64_t top_of(unsigned bucket)
{
    unsigned shift = bucket < 2 * SUB ? 0 : (bucket >> HISTOGRAM_BITS) - 1;
    uint64_t mantissa = bucket - ((uint64_t)shift << HISTOGRAM_BITS);

    return ((mantissa + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t nanoseconds)
{
    h->count++;
    h->buckets[bucket_of(nanoseconds)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t histogram_at(const struct histogram *h, double fraction)
{
    uint64_t wanted = (uint64_t)ceil(fraction * (double)h->count), seen = 0;

    if (h->count == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= wanted && seen > 0)
            return top_of(i);
    }
    return top_of(HISTOGRAM_BUCKETS - 1);
}
