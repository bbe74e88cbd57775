#include "daemon/saver.h"

#include <stdlib.h>
#include <string.h>

#define SLICE 256 /* rows a commit */

/* What one commit holds: the writer's from posting to its end, so it shares nothing that changes.
 */
struct slice {
    struct ledger_job job;
    const struct roster *roster; /* a reference */
    struct guid removed[SLICE];
    uint32_t set[SLICE];
    size_t removed_n, set_n;
    struct saver_state state; /* with a cookie of its own, if it is the last one */
    bool last;
};

/* Places and ids, worked off from the front. */
struct saver {
    struct ledger_port *port;
    const struct roster *roster;
    struct guid *removed;
    size_t removed_n, removed_at;
    uint32_t *set;
    size_t set_n, set_at;
    struct saver_state state;
    bool state_waits;
    bool writing; /* slice is the writer's */
    bool changed; /* since it was posted */
    bool stopped;
    struct slice slice;
};

/* ---- what waits ---- */

static bool append(void *array, size_t *n, size_t *at, const void *more, size_t count, size_t size)
{
    uint8_t *old = *(void **)array, *grown;

    if (*at > 0) { /* what is done makes room */
        memmove(old, old + *at * size, (*n - *at) * size);
        *n -= *at;
        *at = 0;
    }
    if (count == 0)
        return true;
    grown = realloc(old, (*n + count) * size);
    if (grown == NULL)
        return false;
    memcpy(grown + *n * size, more, count * size);
    *(void **)array = grown;
    *n += count;
    return true;
}

static void post(struct saver *s);

enum err saver_add(struct saver *s, const struct members_sync *sync,
                   const struct saver_state *state, struct errinfo *ei)
{
    struct buf cookie = BUF_INIT;

    buf_add(&cookie, state->cookie.data, state->cookie.len);
    if (cookie.err != ERR_OK ||
        !append(&s->removed, &s->removed_n, &s->removed_at, sync->removed, sync->removed_n,
                sizeof(*s->removed)) ||
        !append(&s->set, &s->set_n, &s->set_at, sync->set, sync->set_n, sizeof(*s->set))) {
        buf_fini(&cookie);
        return err_nomem(ei);
    }
    roster_unref(s->roster);
    s->roster = roster_ref(sync->roster);
    buf_fini(&s->state.cookie);
    s->state = *state;
    s->state.cookie = cookie;
    s->state_waits = s->changed = true;
    post(s);
    return ERR_OK;
}

size_t saver_waiting(const struct saver *s)
{
    return s->removed_n - s->removed_at + s->set_n - s->set_at;
}

bool saver_done(const struct saver *s)
{
    return saver_waiting(s) == 0 && !s->state_waits;
}

/* ---- writing ---- */

static enum err put(struct store *store, const struct member *m, struct errinfo *ei)
{
    const struct store_member row = {.id = m->id,
                                     .guid = m->guid,
                                     .name = m->name,
                                     .dns_name = m->dns_name,
                                     .dn = m->dn,
                                     .sid = m->sid,
                                     .sid_len = m->sid_len,
                                     .enabled = m->enabled};

    return store_put_member(store, &row, ei);
}

/* Removed ones first: an id that came back is set after it was removed. */
static enum err write_rows(const struct slice *w, struct store *store, struct errinfo *ei)
{
    enum err e = ERR_OK;
    struct member m;

    for (size_t i = 0; e == ERR_OK && i < w->removed_n; i++)
        e = store_drop_member(store, &w->removed[i], ei);
    for (size_t i = 0; e == ERR_OK && i < w->set_n; i++) {
        /* An empty one was removed since, and stands in that list. */
        if (roster_at(w->roster, w->set[i], &m))
            e = put(store, &m, ei);
    }
    return e;
}

static enum err on_write(void *arg, struct store *store, struct errinfo *ei)
{
    const struct saver *s = arg;
    const struct slice *w = &s->slice;
    struct store_member_sync state = {.cookie = w->state.cookie.data,
                                      .cookie_len = w->state.cookie.len,
                                      .synced_at = w->state.synced_at,
                                      .listed_at = w->state.listed_at,
                                      .full = w->state.full,
                                      .entries = w->state.entries};
    enum err e = write_rows(w, store, ei);

    memcpy(state.origin, w->state.origin, sizeof(state.origin));
    if (e != ERR_OK)
        return e;
    return w->last ? store_set_member_sync(store, &state, ei)
                   : store_drop_other_member_sync(store, w->state.origin, ei);
}

/* ---- slices, on the loop ---- */

static void on_committed(void *arg, enum err e);

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void post(struct saver *s)
{
    struct slice *w = &s->slice;

    if (s->writing || s->stopped)
        return;
    w->removed_n = least(s->removed_n - s->removed_at, SLICE);
    w->set_n = least(s->set_n - s->set_at, SLICE - w->removed_n);
    if (w->removed_n > 0)
        memcpy(w->removed, s->removed + s->removed_at, w->removed_n * sizeof(*w->removed));
    if (w->set_n > 0)
        memcpy(w->set, s->set + s->set_at, w->set_n * sizeof(*w->set));
    w->last = saver_waiting(s) == w->removed_n + w->set_n;
    w->state = s->state;
    w->state.cookie = (struct buf)BUF_INIT;
    if (w->last)
        buf_add(&w->state.cookie, s->state.cookie.data, s->state.cookie.len);
    if (w->state.cookie.err != ERR_OK) { /* the next synchronization starts it again */
        buf_fini(&w->state.cookie);
        return;
    }
    w->roster = roster_ref(s->roster);
    w->job = (struct ledger_job){.write = on_write, .done = on_committed, .arg = s};
    s->writing = true;
    s->changed = false;
    ledger_post(s->port, &w->job);
}

static void forget_done(struct saver *s)
{
    free(s->removed);
    free(s->set);
    s->removed = NULL;
    s->set = NULL;
    s->removed_n = s->removed_at = s->set_n = s->set_at = 0;
}

static void on_committed(void *arg, enum err e)
{
    struct saver *s = arg;
    struct slice *w = &s->slice;

    s->writing = false;
    roster_unref(w->roster);
    buf_fini(&w->state.cookie);
    if (e != ERR_OK) /* the next synchronization starts it again */
        return;
    s->removed_at += w->removed_n;
    s->set_at += w->set_n;
    if (w->last && !s->changed)
        s->state_waits = false;
    if (saver_done(s))
        forget_done(s);
    else
        post(s);
}

/* ---- life ---- */

struct saver *saver_new(struct ledger_port *port)
{
    struct saver *s = calloc(1, sizeof(*s));

    if (s != NULL)
        s->port = port;
    return s;
}

void saver_stop(struct saver *s)
{
    s->stopped = true;
}

bool saver_stopped(const struct saver *s)
{
    return s->stopped && !s->writing;
}

void saver_free(struct saver *s)
{
    if (s == NULL)
        return;
    roster_unref(s->roster);
    buf_fini(&s->state.cookie);
    free(s->removed);
    free(s->set);
    free(s);
}
