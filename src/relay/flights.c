#include "relay/flights.h"

#include <string.h>

/* FNV-1a from a secret basis: the set is as small as what may be under way, so a bucket that
 * somebody fills on purpose costs little. */
static struct relay_flight **bucket(struct relay_flights *all, const uint8_t *data, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u ^ all->seed;

    for (size_t i = 0; i < n; i++)
        h = (h ^ data[i]) * 0x100000001b3u;
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
