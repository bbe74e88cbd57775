/* deadline: many connections, few kinds of time limit. All limits of one kind last equally long,
 * so each kind is a queue that is sorted by itself: arming, moving and ending one cost a few
 * pointer writes, and only the heads are looked at. Private to this room. */
#ifndef ADBAD_NET_DEADLINE_H
#define ADBAD_NET_DEADLINE_H

#include <stdint.h>

enum deadline_kind {
    DEADLINE_NONE,
    DEADLINE_BIND,
    DEADLINE_EXCHANGE,
    DEADLINE_IDLE,
    DEADLINE_WRITE,
    DEADLINE_LINGER,
    DEADLINE_KINDS
};

struct deadline {
    struct deadline *prev, *next;
    uint64_t at; /* milliseconds on the loop's clock */
    enum deadline_kind kind;
};

struct deadlines {
    struct deadline head[DEADLINE_KINDS]; /* circular */
    unsigned ms[DEADLINE_KINDS];
};

void deadlines_init(struct deadlines *all);
/* Puts d at the end of its kind's queue, from wherever it was. DEADLINE_NONE: no limit. */
void deadline_set(struct deadlines *all, struct deadline *d, enum deadline_kind kind, uint64_t now);
void deadline_clear(struct deadline *d);
/* Limits of this kind last ms from now on, those that run already too. */
void deadlines_change(struct deadlines *all, enum deadline_kind kind, unsigned ms);
/* One whose time has come, or NULL. It stays queued. */
struct deadline *deadline_due(struct deadlines *all, uint64_t now);
/* When the next one is due; UINT64_MAX: none is set. */
uint64_t deadline_next(const struct deadlines *all);

#endif
