#include "fleet/calendar.h"

#include <stdlib.h>
#include <string.h>

/* The queue of one minute; last is of meaning only while there is a first. */
struct slot {
    uint32_t first, last;
};

struct calendar {
    uint32_t minutes;
    struct slot *slot;
    uint32_t *next; /* by thing */
};

struct calendar *calendar_new(uint32_t things, uint32_t minutes)
{
    struct calendar *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->minutes = minutes;
    c->slot = malloc((minutes == 0 ? 1 : minutes) * sizeof(*c->slot));
    c->next = malloc((things == 0 ? 1 : things) * sizeof(*c->next));
    if (c->slot == NULL || c->next == NULL) {
        calendar_free(c);
        return NULL;
    }
    memset(c->slot, 0xff, minutes * sizeof(*c->slot)); /* CALENDAR_NONE */
    return c;
}

void calendar_free(struct calendar *c)
{
    if (c == NULL)
        return;
    free(c->slot);
    free(c->next);
    free(c);
}

void calendar_put(struct calendar *c, uint32_t thing, uint32_t minute)
{
    struct slot *s;

    if (minute >= c->minutes)
        return;
    s = &c->slot[minute];
    c->next[thing] = CALENDAR_NONE;
    if (s->first == CALENDAR_NONE)
        s->first = thing;
    else
        c->next[s->last] = thing;
    s->last = thing;
}

uint32_t calendar_take(struct calendar *c, uint32_t minute)
{
    struct slot *s = &c->slot[minute];
    uint32_t thing = s->first;

    if (thing != CALENDAR_NONE)
        s->first = c->next[thing];
    return thing;
}
