#include "dashboard/timeline.h"

#include <string.h>

#include "base/clk.h"
#include "store/relayed.h"
#include "store/selfreports.h"

/* Refusals are recorded by the minute, and some while after they happened. */
#define SETTLED_HOURS 2

static int64_t hour_of(int64_t when)
{
    return when >= 0 ? when / CLK_HOUR : (when - CLK_HOUR + 1) / CLK_HOUR;
}

static uint32_t *place(struct timeline *t, unsigned series, int64_t when)
{
    int64_t at = hour_of(when) - t->first;

    return at >= 0 && at < TIMELINE_HOURS && series < TIMELINE_SERIES ? &t->n[series][at] : NULL;
}

static void add(struct timeline *t, unsigned series, int64_t when, uint64_t times)
{
    uint32_t *n = place(t, series, when);

    if (n != NULL)
        *n = times > UINT32_MAX - *n ? UINT32_MAX : *n + (uint32_t)times;
}

static enum err add_answered(void *arg, const struct store_activation *a)
{
    struct timeline *t = arg;

    if (a->id > t->newest_answered)
        t->newest_answered = a->id;
    add(t, a->channel, a->when, 1);
    return ERR_OK;
}

struct relayed_walk {
    struct timeline *t;
    int64_t known, newest;
};

/* Newest first: what is known ends the walk. */
static enum err add_relayed(void *arg, const struct store_relayed *r)
{
    struct relayed_walk *w = arg;

    if (r->id <= w->known)
        return ERR_LIMIT;
    if (r->id > w->newest)
        w->newest = r->id;
    add(w->t, STORE_RELAY, r->when, 1);
    return ERR_OK;
}

static enum err add_refusal(void *arg, const struct store_refusal *r)
{
    add(arg, TIMELINE_REFUSED, r->when, r->times);
    return ERR_OK;
}

static enum err add_told(void *arg, const struct store_self_report *r)
{
    struct timeline *t = arg;

    t->newest_told = r->id;
    add(t, TIMELINE_SELF, r->activated_at, 1);
    return ERR_OK;
}

static void begin_anew(struct timeline *t, int64_t first)
{
    memset(t, 0, sizeof(*t));
    t->first = first;
    t->begun = true;
}

/* Moves the window to begin at first. */
static void shift(struct timeline *t, int64_t first)
{
    int64_t by = first - t->first;

    for (unsigned s = 0; s < TIMELINE_SERIES && by > 0; s++) {
        size_t kept = by < TIMELINE_HOURS ? (size_t)(TIMELINE_HOURS - by) : 0;

        memmove(t->n[s], t->n[s] + (TIMELINE_HOURS - kept), kept * sizeof(t->n[s][0]));
        memset(t->n[s] + kept, 0, (TIMELINE_HOURS - kept) * sizeof(t->n[s][0]));
    }
    t->first = first;
}

static enum err read_refusals(struct timeline *t, struct store *s, struct errinfo *ei)
{
    int64_t from = t->refused_from > t->first ? t->refused_from : t->first;

    for (int64_t hour = from; hour < t->first + TIMELINE_HOURS; hour++)
        t->n[TIMELINE_REFUSED][hour - t->first] = 0;
    return store_each_refusal(s, from * CLK_HOUR, add_refusal, t, ei);
}

static enum err read_relayed(struct timeline *t, struct store *s, struct errinfo *ei)
{
    struct relayed_walk w = {.t = t, .known = t->newest_relayed, .newest = t->newest_relayed};
    enum err e = store_each_relayed(s, t->first * CLK_HOUR, 0, add_relayed, &w, ei);

    if (e == ERR_OK || e == ERR_LIMIT) {
        t->newest_relayed = w.newest;
        return ERR_OK;
    }
    memset(t->n[STORE_RELAY], 0, sizeof(t->n[STORE_RELAY])); /* newest first: there is a gap now */
    t->newest_relayed = 0;
    return e;
}

enum err timeline_read(struct timeline *t, struct store *s, int64_t now, struct errinfo *ei)
{
    int64_t first = hour_of(now) - TIMELINE_HOURS + 1;
    enum err e;

    if (!t->begun || first < t->first)
        begin_anew(t, first);
    else
        shift(t, first);
    e = store_each_from(s, first * CLK_HOUR, t->newest_answered, add_answered, t, ei);
    if (e == ERR_OK)
        e = read_relayed(t, s, ei);
    if (e == ERR_OK)
        e = store_each_self_report(s, first * CLK_HOUR, t->newest_told, add_told, t, ei);
    if (e == ERR_OK)
        e = read_refusals(t, s, ei);
    if (e == ERR_OK)
        t->refused_from = hour_of(now) - SETTLED_HOURS;
    return e;
}

uint32_t timeline_sum(const struct timeline *t, unsigned series, int64_t hour, unsigned hours)
{
    uint64_t sum = 0;

    for (int64_t at = hour - t->first; hours > 0; at++, hours--)
        sum += at >= 0 && at < TIMELINE_HOURS ? t->n[series][at] : 0;
    return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}
