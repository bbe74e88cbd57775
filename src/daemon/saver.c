#include "daemon/saver.h"

#include <stdlib.h>
#include <string.h>

#include "store/members.h"

#define SLICE 256 /* rows a commit */

/* Places and ids, worked off from the front. */
struct saver {
    struct ledger *ledger;
    const struct roster *roster;
    struct guid *removed;
    size_t removed_n, removed_at;
    uint32_t *set;
    size_t set_n, set_at;
    struct saver_state state;
    bool state_waits;
    /* What the commit under way holds. */
    size_t removed_slice, set_slice;
    bool state_slice;
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
    s->state_waits = true;
    ledger_ride(s->ledger);
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
static enum err write_rows(struct saver *s, struct store *store, struct errinfo *ei)
{
    enum err e = ERR_OK;
    struct member m;

    s->removed_slice = s->set_slice = 0;
    while (e == ERR_OK && s->removed_slice < SLICE &&
           s->removed_at + s->removed_slice < s->removed_n)
        e = store_drop_member(store, &s->removed[s->removed_at + s->removed_slice++], ei);
    while (e == ERR_OK && s->removed_slice + s->set_slice < SLICE &&
           s->set_at + s->set_slice < s->set_n) {
        uint32_t place = s->set[s->set_at + s->set_slice++];

        /* An empty one was removed since, and stands in that list. */
        if (roster_at(s->roster, place, &m))
            e = put(store, &m, ei);
    }
    return e;
}

static enum err on_write(void *arg, struct store *store, struct errinfo *ei)
{
    struct saver *s = arg;
    const struct store_member_sync state = {.cookie = s->state.cookie.data,
                                            .cookie_len = s->state.cookie.len,
                                            .synced_at = s->state.synced_at,
                                            .listed_at = s->state.listed_at,
                                            .full = s->state.full,
                                            .entries = s->state.entries};
    enum err e = write_rows(s, store, ei);

    s->state_slice = saver_waiting(s) == s->removed_slice + s->set_slice;
    if (e == ERR_OK && s->state_slice && s->state_waits)
        e = store_set_member_sync(store, &state, ei);
    return e;
}

static void on_committed(void *arg, enum err e)
{
    struct saver *s = arg;

    if (e != ERR_OK) /* the next synchronization starts it again */
        return;
    s->removed_at += s->removed_slice;
    s->set_at += s->set_slice;
    if (s->state_slice)
        s->state_waits = false;
    if (!saver_done(s)) {
        ledger_ride(s->ledger);
        return;
    }
    free(s->removed);
    free(s->set);
    s->removed = NULL;
    s->set = NULL;
    s->removed_n = s->removed_at = s->set_n = s->set_at = 0;
}

/* ---- life ---- */

struct saver *saver_new(struct ledger *ledger)
{
    struct saver *s = calloc(1, sizeof(*s));
    const struct ledger_rider rider = {.write = on_write, .done = on_committed, .arg = s};

    if (s == NULL)
        return NULL;
    s->ledger = ledger;
    ledger_set_rider(ledger, &rider);
    return s;
}

void saver_free(struct saver *s)
{
    if (s == NULL)
        return;
    ledger_set_rider(s->ledger, NULL);
    roster_unref(s->roster);
    buf_fini(&s->state.cookie);
    free(s->removed);
    free(s->set);
    free(s);
}
