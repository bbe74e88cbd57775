#include "members/sync.h"

#include <stdlib.h>
#include <string.h>

struct members_work {
    const struct roster *old;
    struct roster *next; /* NULL until something changes */
    struct members_sync out;
    uint64_t unusable;
    size_t set_cap, removed_cap;
    uint8_t *seen; /* a bit for each place that the directory named */
    size_t seen_bytes;
};

static const struct roster *current(const struct members_work *w)
{
    return w->next != NULL ? w->next : w->old;
}

static bool open_next(struct members_work *w)
{
    if (w->next == NULL)
        w->next = roster_copy(w->old);
    return w->next != NULL;
}

/* ---- what the directory named ---- */

static bool mark_seen(struct members_work *w, uint32_t place)
{
    size_t at = place / 8;

    if (at >= w->seen_bytes) {
        size_t bytes = at * 2 + 64;
        uint8_t *grown = realloc(w->seen, bytes);

        if (grown == NULL)
            return false;
        memset(grown + w->seen_bytes, 0, bytes - w->seen_bytes);
        w->seen = grown;
        w->seen_bytes = bytes;
    }
    w->seen[at] = (uint8_t)(w->seen[at] | 1u << place % 8);
    return true;
}

static bool was_seen(const struct members_work *w, uint32_t place)
{
    return place / 8 < w->seen_bytes && (w->seen[place / 8] & 1u << place % 8) != 0;
}

/* ---- the list of changes ---- */

static bool note_set(struct members_work *w, uint32_t place)
{
    struct members_sync *o = &w->out;

    if (o->set_n == w->set_cap) {
        size_t cap = w->set_cap == 0 ? 64 : w->set_cap * 2;
        uint32_t *grown = realloc(o->set, cap * sizeof(*grown));

        if (grown == NULL)
            return false;
        o->set = grown;
        w->set_cap = cap;
    }
    o->set[o->set_n++] = place;
    return true;
}

static bool note_removed(struct members_work *w, const struct guid *id)
{
    struct members_sync *o = &w->out;

    if (o->removed_n == w->removed_cap) {
        size_t cap = w->removed_cap == 0 ? 64 : w->removed_cap * 2;
        struct guid *grown = realloc(o->removed, cap * sizeof(*grown));

        if (grown == NULL)
            return false;
        o->removed = grown;
        w->removed_cap = cap;
    }
    o->removed[o->removed_n++] = *id;
    return true;
}

static bool take_out(struct members_work *w, const struct guid *id)
{
    struct guid copy = *id; /* it may lie in the roster */

    if (roster_place(current(w), &copy) == UINT32_MAX)
        return true;
    return open_next(w) && note_removed(w, &copy) && roster_remove(w->next, &copy) == ERR_OK;
}

/* ---- entries ---- */

static enum err on_put(struct members_work *w, const struct member *m)
{
    uint32_t place;
    enum err e;

    if (roster_has(current(w), m, &place)) /* changed in what does not matter here, or told again */
        return mark_seen(w, place) ? ERR_OK : ERR_NOMEM;
    if (!open_next(w))
        return ERR_NOMEM;
    e = roster_set(w->next, m, &place);
    if (e == ERR_LIMIT) {
        w->unusable++;
        return take_out(w, &m->id) ? ERR_OK : ERR_NOMEM;
    }
    return e == ERR_OK && (!mark_seen(w, place) || !note_set(w, place)) ? ERR_NOMEM : e;
}

static enum err rename_at(struct members_work *w, uint32_t place, const char *dn)
{
    char name[ROSTER_NAME_MAX + 1], dns[ROSTER_DNS_MAX + 1];
    uint8_t sid[ROSTER_SID_MAX];
    struct member m;
    enum err e;

    if (!open_next(w) || !roster_at(w->next, place, &m))
        return ERR_NOMEM;
    /* What m points to may move while it is set. */
    m.name = strcpy(name, m.name);
    m.dns_name = strcpy(dns, m.dns_name);
    m.sid = memcpy(sid, m.sid, m.sid_len);
    m.dn = dn;
    e = roster_set(w->next, &m, &place);
    if (e == ERR_LIMIT)
        return ERR_OK;
    return e == ERR_OK && !note_set(w, place) ? ERR_NOMEM : e;
}

/* A parent that was renamed or moved changes the names below it and tells nobody; a list shows. */
static enum err on_same(struct members_work *w, const struct guid *id, const char *dn)
{
    uint32_t place = roster_place(current(w), id);
    struct member m;

    if (place == UINT32_MAX)
        return ERR_OK;
    if (!mark_seen(w, place))
        return ERR_NOMEM;
    if (dn == NULL || !roster_at(current(w), place, &m) || strcmp(m.dn, dn) == 0)
        return ERR_OK;
    return rename_at(w, place, dn);
}

enum err members_take(void *work, const struct members_note *note, struct errinfo *ei)
{
    struct members_work *w = work;
    enum err e = ERR_OK;

    switch (note->what) {
    case MEMBERS_PUT:
        e = on_put(w, &note->member);
        break;
    case MEMBERS_SAME:
        e = on_same(w, &note->member.id, note->member.dn);
        break;
    case MEMBERS_GONE:
        e = take_out(w, &note->member.id) ? ERR_OK : ERR_NOMEM;
        break;
    }
    return e == ERR_OK ? ERR_OK : err_nomem(ei);
}

/* Everything was named: what was not is no more. */
static bool remove_unseen(struct members_work *w)
{
    uint32_t places = roster_places(current(w));
    struct member m;

    for (uint32_t i = 0; i < places; i++)
        if (!was_seen(w, i) && roster_at(current(w), i, &m) && !take_out(w, &m.id))
            return false;
    return true;
}

/* A place may have been set and then emptied, or given to another account. */
static void tidy_set(struct members_work *w)
{
    struct members_sync *o = &w->out;
    size_t kept = 0;
    struct member m;

    for (size_t i = 0; i < o->set_n; i++)
        if (roster_at(current(w), o->set[i], &m))
            o->set[kept++] = o->set[i];
    o->set_n = kept;
}

/* ---- life ---- */

struct members_work *members_work_new(const struct roster *r)
{
    struct members_work *w = calloc(1, sizeof(*w));

    if (w != NULL)
        w->old = r;
    return w;
}

enum err members_work_end(struct members_work *w, struct members_reading *r,
                          struct members_sync *out, struct errinfo *ei)
{
    memset(out, 0, sizeof(*out));
    if (r->complete && !remove_unseen(w)) {
        members_reading_fini(r);
        members_work_free(w);
        return err_nomem(ei);
    }
    tidy_set(w);
    *out = w->out;
    out->roster = w->next != NULL ? w->next : roster_ref(w->old);
    out->reading = *r;
    out->reading.unusable += w->unusable;
    memset(r, 0, sizeof(*r));
    free(w->seen);
    free(w);
    return ERR_OK;
}

void members_work_free(struct members_work *w)
{
    if (w == NULL)
        return;
    roster_unref(w->next);
    members_sync_fini(&w->out);
    free(w->seen);
    free(w);
}

void members_reading_fini(struct members_reading *r)
{
    buf_fini(&r->cookie);
    memset(r, 0, sizeof(*r));
}

void members_sync_fini(struct members_sync *s)
{
    roster_unref(s->roster);
    members_reading_fini(&s->reading);
    free(s->set);
    free(s->removed);
    memset(s, 0, sizeof(*s));
}
