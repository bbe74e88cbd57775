#include <string.h>

#include "daemon/membership_internal.h"
#include "wire/sid.h"

#define LIST_MAX 1000

/* ---- status ---- */

static json_t *time_json(int64_t when)
{
    char text[CLK_TEXT_MAX];

    return when == MEMBERS_NEVER ? json_null() : json_string(clk_format(when, text));
}

static const char *state_name(const struct membership *m, int64_t now)
{
    if (m->state.synced_at == MEMBERS_NEVER)
        return "never";
    return now - m->state.synced_at > m->conf.settings->max_stale ? "stale" : "good";
}

json_t *membership_status(struct membership *m)
{
    const struct roster *r = members_roster(m->members, NULL);
    int64_t now = clk_now(&m->conf.clk), at = m->state.synced_at;
    bool never = at == MEMBERS_NEVER;
    json_t *last =
        never ? json_null()
              : json_pack("{s:s, s:s?, s:I, s:I, s:I, s:b, s:I}", "how",
                          m->state.full ? "full" : "changes", "why_full",
                          m->last.why_full[0] == '\0' ? NULL : m->last.why_full, "entries",
                          (json_int_t)m->state.entries, "removed", (json_int_t)m->last.removed,
                          "unusable", (json_int_t)m->last.unusable, "listed", m->last.listed,
                          "milliseconds", (json_int_t)m->last.ms);
    json_t *j = json_pack(
        "{s:s, s:o, s:o, s:o, s:I, s:I, s:o, s:b, s:I, s:I, s:s?, s:b, s:I, s:I, s:I, s:I, s:I}",
        "state", state_name(m, now), "synced", time_json(at), "age",
        never ? json_null() : json_integer((json_int_t)(now - at)), "listed",
        time_json(m->state.listed_at), "accounts", (json_int_t)roster_count(r), "disabled",
        (json_int_t)roster_disabled(r), "last", last, "tells_deletions", m->last.tells_deletions,
        "good", (json_int_t)m->good, "failed", (json_int_t)m->failed, "why",
        m->why[0] == '\0' ? NULL : m->why, "saved", !never && saver_done(m->saver),
        "waiting_to_be_saved", (json_int_t)saver_waiting(m->saver), "sync", (json_int_t)m->done,
        "max_stale", (json_int_t)m->conf.settings->max_stale, "sync_interval",
        (json_int_t)m->conf.settings->sync_interval, "bytes", (json_int_t)roster_bytes(r));

    roster_unref(r);
    return j;
}

/* ---- accounts ---- */

/* The domain is the DN's: "CN=x,DC=lab,DC=example" is in lab.example. */
static void domain_of(const char *dn, char *out, size_t size)
{
    size_t n = 0;

    for (const char *p = dn; (p = strcasestr(p, ",DC=")) != NULL && n + 1 < size;) {
        size_t len = strcspn(p += 4, ",");

        if (n > 0 && n + 1 < size)
            out[n++] = '.';
        if (len > size - 1 - n)
            len = size - 1 - n;
        memcpy(out + n, p, len);
        n += len;
    }
    out[n] = '\0';
}

static json_t *account_json(const struct member *m)
{
    char id[GUID_TEXT_MAX], text[SID_TEXT_MAX], domain[256];
    struct sid sid;
    bool has_sid = sid_from_bytes(m->sid, m->sid_len, &sid);

    domain_of(m->dn, domain, sizeof(domain));
    return json_pack("{s:s, s:s?, s:b, s:s?, s:s?, s:s, s:s}", "name", m->name, "dns_host_name",
                     m->dns_name[0] == '\0' ? NULL : m->dns_name, "enabled", m->enabled, "guid",
                     guid_is_zero(&m->guid) ? NULL : guid_format(&m->guid, id), "sid",
                     has_sid ? sid_format(&sid, text) : NULL, "domain", domain, "dn", m->dn);
}

/* "S-1-5-21-…" to bytes; 0 if it is none. */
static size_t sid_bytes(const char *text, uint8_t out[SID_MAX])
{
    struct buf bytes = BUF_INIT;
    struct wire_wr w = wire_writer(&bytes);
    struct sid sid;
    size_t len = 0;

    if (sid_parse(text, &sid, NULL))
        sid_put(&w, &sid);
    if (wire_written(&w) == ERR_OK && bytes.len <= SID_MAX) {
        len = bytes.len;
        memcpy(out, bytes.data == NULL ? (const uint8_t *)"" : bytes.data, len);
    }
    buf_fini(&bytes);
    return len;
}

/* What people call an account by: a GUID, a SID, a DNS name (it has a dot), else its name. */
struct wanted {
    enum member_key by;
    const void *key;
    size_t len;
    struct guid guid;
    uint8_t sid[SID_MAX];
};

static void understand(const char *name, struct wanted *w)
{
    w->by = strchr(name, '.') != NULL ? MEMBER_BY_DNS : MEMBER_BY_NAME;
    w->key = name;
    w->len = sid_bytes(name, w->sid);
    if (w->len > 0) {
        w->by = MEMBER_BY_SID;
        w->key = w->sid;
    } else if (guid_parse(name, &w->guid)) {
        w->by = MEMBER_BY_GUID;
        w->key = &w->guid;
    }
}

static bool is_it(const struct wanted *w, const struct roster *r, struct member *out)
{
    switch (w->by) {
    case MEMBER_BY_NAME:
        return roster_by_name(r, w->key, out) > 0;
    case MEMBER_BY_DNS:
        return roster_by_dns(r, w->key, out) > 0;
    case MEMBER_BY_SID:
        return roster_by_sid(r, w->key, w->len, out) > 0;
    case MEMBER_BY_GUID:
        return roster_by_guid(r, w->key, out) > 0;
    }
    return false;
}

enum err membership_show(struct membership *m, const char *name, json_t *reply, struct errinfo *ei)
{
    int64_t now = clk_now(&m->conf.clk);
    const struct roster *r = members_roster(m->members, NULL);
    struct member_answer a;
    struct member account;
    char why[MEMBER_WHY_MAX];
    struct wanted w;

    understand(name, &w);
    members_judge(m->members, w.by, w.key, w.len, now, &a);
    json_object_set_new(reply, "verdict", json_string(member_verdict_name(a.verdict)));
    json_object_set_new(reply, "why", json_string(members_why(m->members, &a, now, why)));
    json_object_set_new(reply, "synced", time_json(a.synced_at));
    json_object_set_new(reply, "matches", json_integer((json_int_t)a.matches));
    if (is_it(&w, r, &account))
        json_object_set_new(reply, "account", account_json(&account));
    roster_unref(r);
    return json_object_size(reply) < 5 ? err_nomem(ei) : ERR_OK;
}

static bool wanted(const struct membership_filter *f, const struct member *m)
{
    if ((f->enabled_only && !m->enabled) || (f->disabled_only && m->enabled))
        return false;
    return f->match == NULL || strcasestr(m->name, f->match) != NULL ||
           strcasestr(m->dns_name, f->match) != NULL;
}

enum err membership_list(struct membership *m, const struct membership_filter *f, json_t *reply,
                         struct errinfo *ei)
{
    const struct roster *r = members_roster(m->members, NULL);
    uint32_t limit = f->limit == 0 || f->limit > LIST_MAX ? LIST_MAX : f->limit;
    uint32_t at = f->after, places = roster_places(r);
    json_t *all = json_array();
    enum err e = all == NULL ? ERR_NOMEM : ERR_OK;
    struct member account;

    for (; e == ERR_OK && at < places && json_array_size(all) < limit; at++)
        if (roster_at(r, at, &account) && wanted(f, &account) &&
            json_array_append_new(all, account_json(&account)) != 0)
            e = ERR_NOMEM;
    roster_unref(r);
    if (e != ERR_OK || json_object_set(reply, "accounts", all) != 0)
        e = err_nomem(ei);
    else
        json_object_set_new(reply, "next",
                            at < places ? json_integer((json_int_t)at) : json_null());
    json_decref(all);
    return e;
}
