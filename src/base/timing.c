#include "base/timing.h"

const uint64_t timing_bounds_us[TIMING_BOUNDS] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000};

void timing_add(struct timing *t, uint64_t us)
{
    size_t i = 0;

    while (i < TIMING_BOUNDS && us > timing_bounds_us[i])
        i++;
    counter_add(&t->buckets[i], 1);
    counter_add(&t->sum_us, us);
}
