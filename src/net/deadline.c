#include "net/deadline.h"

#include <stddef.h>

void deadlines_init(struct deadlines *all)
{
    for (int i = 0; i < DEADLINE_KINDS; i++)
        all->head[i].prev = all->head[i].next = &all->head[i];
}

void deadline_clear(struct deadline *d)
{
    if (d->kind == DEADLINE_NONE)
        return;
    d->prev->next = d->next;
    d->next->prev = d->prev;
    d->kind = DEADLINE_NONE;
}

void deadline_set(struct deadlines *all, struct deadline *d, enum deadline_kind kind, uint64_t now)
{
    struct deadline *head = &all->head[kind];

    deadline_clear(d);
    if (kind == DEADLINE_NONE)
        return;
    d->kind = kind;
    d->at = now + all->ms[kind];
    d->next = head;
    d->prev = head->prev;
    d->prev->next = d;
    head->prev = d;
}

void deadlines_change(struct deadlines *all, enum deadline_kind kind, unsigned ms)
{
    struct deadline *head = &all->head[kind];

    for (struct deadline *d = head->next; d != head; d = d->next)
        d->at = d->at - all->ms[kind] + ms;
    all->ms[kind] = ms;
}

struct deadline *deadline_due(struct deadlines *all, uint64_t now)
{
    for (int i = 0; i < DEADLINE_KINDS; i++) {
        struct deadline *first = all->head[i].next;

        if (first != &all->head[i] && first->at <= now)
            return first;
    }
    return NULL;
}

uint64_t deadline_next(const struct deadlines *all)
{
    uint64_t next = UINT64_MAX;

    for (int i = 0; i < DEADLINE_KINDS; i++) {
        const struct deadline *first = all->head[i].next;

        if (first != &all->head[i] && first->at < next)
            next = first->at;
    }
    return next;
}
