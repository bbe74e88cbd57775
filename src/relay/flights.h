/* flights: the byte arrays that are on their way to an upstream. One that comes in again while it
 * is out has gone round a loop of relays. The same answer serves nobody else, so that nothing is
 * lost by refusing it. */
#ifndef ADBAD_RELAY_FLIGHTS_H
#define ADBAD_RELAY_FLIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_FLIGHT_BUCKETS 1024

/* Part of a request, whose bytes stay where they are until it is removed. */
struct relay_flight {
    const uint8_t *data;
    size_t n;
    struct relay_flight **at, *next; /* at NULL: it is not in a set */
};

/* All zero but for the seed, which makes buckets unpredictable. */
struct relay_flights {
    uint64_t seed;
    struct relay_flight *buckets[RELAY_FLIGHT_BUCKETS];
};

/* False: the same bytes are in the set already, and f was not added. */
bool relay_flights_add(struct relay_flights *all, struct relay_flight *f);
/* Of one that was not added, nothing. */
void relay_flights_remove(struct relay_flight *f);

#endif
