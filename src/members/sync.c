#include "members/sync.h"

#include <stdlib.h>
#include <string.h>

#include "ldap/changes.h"

#define ACCOUNT_DISABLED 2 /* userAccountControl, MS-ADTS 2.2.16 */

static const char *const attrs[] = {"sAMAccountName", "dNSHostName", "userAccountControl",
                                    "objectSid",      "objectGUID",  NULL};

struct work {
    const struct roster *old;
    struct roster *next; /* NULL until something changes */
    struct members_sync *out;
    size_t set_cap, removed_cap;
    uint8_t *seen; /* a bit for each place that the directory named */
    size_t seen_bytes;
};

static const struct roster *current(const struct work *w)
{
    return w->next != NULL ? w->next : w->old;
}

static bool open_next(struct work *w)
{
    if (w->next == NULL)
        w->next = roster_copy(w->old);
    return w->next != NULL;
}

/* ---- what the directory named ---- */

static bool mark_seen(struct work *w, uint32_t place)
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

static bool was_seen(const struct work *w, uint32_t place)
{
    return place / 8 < w->seen_bytes && (w->seen[place / 8] & 1u << place % 8) != 0;
}

/* ---- the list of changes ---- */

static bool note_set(struct work *w, uint32_t place)
{
    struct members_sync *o = w->out;

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

static bool note_removed(struct work *w, const struct guid *id)
{
    struct members_sync *o = w->out;

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

static bool take_out(struct work *w, const struct guid *id)
{
    struct guid copy = *id; /* it may lie in the roster */

    if (roster_place(current(w), &copy) == UINT32_MAX)
        return true;
    return open_next(w) && note_removed(w, &copy) && roster_remove(w->next, &copy) == ERR_OK;
}

/* ---- entries ---- */

static bool take_member(const struct guid *id, const struct dir_entry *e, char *name,
                        struct member *out)
{
    const char *account = dir_entry_str(e, "sAMAccountName");
    const char *dns = dir_entry_str(e, "dNSHostName");
    const char *control = dir_entry_str(e, "userAccountControl");
    const struct dir_val *sid = dir_entry_val(e, "objectSid");
    const struct dir_val *guid = dir_entry_val(e, "objectGUID");
    size_t len = account == NULL ? 0 : strlen(account);

    if (len > 0 && account[len - 1] == '$')
        len--;
    if (len == 0 || len > ROSTER_NAME_MAX)
        return false;
    memcpy(name, account, len);
    name[len] = '\0';
    *out = (struct member){
        .id = *id,
        .name = name,
        .dns_name = dns == NULL || strlen(dns) > ROSTER_DNS_MAX ? "" : dns,
        .dn = e->dn,
        .sid = sid == NULL ? NULL : sid->data,
        .sid_len = sid == NULL ? 0 : sid->len,
        /* Who hides whether an account is enabled gets no benefit of the doubt. */
        .enabled = control != NULL && (strtol(control, NULL, 10) & ACCOUNT_DISABLED) == 0,
    };
    if (guid != NULL && guid->len == sizeof(out->guid.b))
        memcpy(out->guid.b, guid->data, sizeof(out->guid.b));
    return true;
}

static enum err on_put(struct work *w, const struct guid *id, const struct dir_entry *entry)
{
    char name[ROSTER_NAME_MAX + 1];
    struct member m;
    uint32_t place;
    enum err e;

    if (!take_member(id, entry, name, &m)) {
        w->out->unusable++;
        return take_out(w, id) ? ERR_OK : ERR_NOMEM;
    }
    if (roster_has(current(w), &m,
                   &place)) /* changed in what does not matter here, or told again */
        return mark_seen(w, place) ? ERR_OK : ERR_NOMEM;
    if (!open_next(w))
        return ERR_NOMEM;
    e = roster_set(w->next, &m, &place);
    if (e == ERR_LIMIT) {
        w->out->unusable++;
        return take_out(w, id) ? ERR_OK : ERR_NOMEM;
    }
    return e == ERR_OK && (!mark_seen(w, place) || !note_set(w, place)) ? ERR_NOMEM : e;
}

static enum err rename_at(struct work *w, uint32_t place, const char *dn)
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
static enum err on_same(struct work *w, const struct guid *id, const struct dir_entry *entry)
{
    uint32_t place = roster_place(current(w), id);
    struct member m;

    if (place == UINT32_MAX)
        return ERR_OK;
    if (!mark_seen(w, place))
        return ERR_NOMEM;
    if (entry == NULL || !roster_at(current(w), place, &m) || strcmp(m.dn, entry->dn) == 0)
        return ERR_OK;
    return rename_at(w, place, entry->dn);
}

static enum err on_change(void *arg, enum dir_change what, const struct guid *id,
                          const struct dir_entry *entry, struct errinfo *ei)
{
    struct work *w = arg;
    enum err e = ERR_OK;

    switch (what) {
    case DIR_PUT:
        e = on_put(w, id, entry);
        break;
    case DIR_SAME:
        e = on_same(w, id, entry);
        break;
    case DIR_GONE:
        e = take_out(w, id) ? ERR_OK : ERR_NOMEM;
        break;
    }
    return e == ERR_OK ? ERR_OK : err_nomem(ei);
}

/* Everything was named: what was not is no more. */
static bool remove_unseen(struct work *w)
{
    uint32_t places = roster_places(current(w));
    struct member m;

    for (uint32_t i = 0; i < places; i++)
        if (!was_seen(w, i) && roster_at(current(w), i, &m) && !take_out(w, &m.id))
            return false;
    return true;
}

/* A place may have been set and then emptied, or given to another account. */
static void tidy_set(struct work *w)
{
    struct members_sync *o = w->out;
    size_t kept = 0;
    struct member m;

    for (size_t i = 0; i < o->set_n; i++)
        if (roster_at(current(w), o->set[i], &m))
            o->set[kept++] = o->set[i];
    o->set_n = kept;
}

enum err members_sync(struct dir *d, const struct members_sync_query *q, struct members_sync *out,
                      struct errinfo *ei)
{
    const struct dir_facts *facts = dir_facts(d);
    /* Managed service accounts are of class computer too; their category is another. */
    const char *attr = facts->ad_ds ? "objectCategory" : "objectClass";
    const struct dir_filter computers = {
        .op = DIR_EQ, .attr = attr, .value = "computer", .len = strlen("computer")};
    const struct dir_changes_query query = {.base = q->base != NULL ? q->base : facts->default_nc,
                                            .filter = &computers,
                                            .attrs = attrs,
                                            .cookie = q->cookie,
                                            .cookie_len = q->cookie_len,
                                            .list = q->list};
    struct work w = {.old = q->roster, .out = out};
    struct dir_changes got = {.cookie = BUF_INIT};
    enum err e;

    memset(out, 0, sizeof(*out));
    e = dir_changes(d, &query, on_change, &w, &got, ei);
    if (e == ERR_OK && got.complete && !remove_unseen(&w))
        e = err_nomem(ei);
    free(w.seen);
    if (e != ERR_OK) {
        roster_unref(w.next);
        buf_fini(&got.cookie);
        members_sync_fini(out);
        return e;
    }
    tidy_set(&w);
    out->roster = w.next != NULL ? w.next : roster_ref(q->roster);
    out->cookie = got.cookie;
    out->full = got.full;
    out->why_full = got.why_full;
    out->listed = got.complete;
    out->tells_deletions = got.tells_deletions;
    out->entries = got.entries;
    return ERR_OK;
}

void members_sync_fini(struct members_sync *s)
{
    roster_unref(s->roster);
    buf_fini(&s->cookie);
    free(s->set);
    free(s->removed);
    memset(s, 0, sizeof(*s));
}
