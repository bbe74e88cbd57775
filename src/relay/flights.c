#include "relay/flights.h"

#include <string.h>

#define PRIME 0x100000001b3u

/* As FNV-1a from a secret basis, but eight bytes at a time: the set is as small as what may be
 * under way, so a bucket that somebody fills on purpose costs little. */
static struct relay_flight **bucket(struct relay_flights *all, const uint8_t *data, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u ^ all->seed;

    for (; n >= sizeof(h); n -= sizeof(h), data += sizeof(h)) {
        uint64_t word;

        memcpy(&word, data, sizeof(word));
        h = (h ^ word) * PRIME;
        h ^= h >> 32;
    }
    for (; n > 0; n--, data++)
        h = (h ^ *data) * PRIME;
    return &all->buckets[(h ^ h >> 32) % RELAY_FLIGHT_BUCKETS];
}

bool relay_flights_add(struct relay_flights *all, struct relay_flight *f)
{
    struct relay_flight **head = bucket(all, f->data, f->n);

    f->at = NULL;
    for (const struct relay_flight *o = *head; o != NULL; o = o->next) {
        if (o->n == f->n && memcmp(o->data, f->data, f->n) == 0)
            return false;
    }
    f->at = head;
    f->next = *head;
    if (f->next != NULL)
        f->next->at = &f->next;
    *head = f;
    return true;
}

void relay_flights_remove(struct relay_flight *f)
{
    if (f->at == NULL)
        return;
    *f->at = f->next;
    if (f->next != NULL)
        f->next->at = f->at;
    f->at = NULL;
}
