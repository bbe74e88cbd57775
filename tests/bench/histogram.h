/* histogram: latencies in constant memory: buckets of 1/128 of a power of two, so that a percentile
 * is wrong by less than 0.8 %. */
#ifndef ADBAD_BENCH_HISTOGRAM_H
#define ADBAD_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS    7  /* of precision */
#define HISTOGRAM_TOP     40 /* values from 2^40 ns (18 min) on count as that */
#define HISTOGRAM_BUCKETS ((HISTOGRAM_TOP - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

struct histogram {
    uint64_t count;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t nanoseconds);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The smallest value that at least this fraction (0 to 1) of the values does not exceed; 0 if there
 * are none. */
uint64_t histogram_at(const struct histogram *h, double fraction);

#endif
