#include "members/members.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"

struct members {
    pthread_mutex_t lock; /* held for as long as it takes to copy the two below */
    const struct roster *roster;
    int64_t synced_at;
    _Atomic int64_t max_stale;
};

const char *member_verdict_name(enum member_verdict v)
{
    static const char *const names[MEMBER_VERDICTS] = {[MEMBER_YES] = "member",
                                                       [MEMBER_DISABLED] = "disabled",
                                                       [MEMBER_UNKNOWN] = "unknown-name",
                                                       [MEMBER_STALE] = "stale"};

    return v < MEMBER_VERDICTS ? names[v] : "?";
}

struct members *members_new(int64_t max_stale)
{
    struct members *m = calloc(1, sizeof(*m));

    if (m == NULL || (m->roster = roster_new()) == NULL) {
        free(m);
        return NULL;
    }
    pthread_mutex_init(&m->lock, NULL);
    m->max_stale = max_stale;
    m->synced_at = MEMBERS_NEVER;
    return m;
}

void members_set_max_stale(struct members *m, int64_t max_stale)
{
    m->max_stale = max_stale;
}

void members_free(struct members *m)
{
    if (m == NULL)
        return;
    roster_unref(m->roster);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void members_publish(struct members *m, const struct roster *r, int64_t synced_at)
{
    const struct roster *old;

    roster_ref(r);
    pthread_mutex_lock(&m->lock);
    old = m->roster;
    m->roster = r;
    m->synced_at = synced_at;
    pthread_mutex_unlock(&m->lock);
    roster_unref(old); /* perhaps the last reference: not under the lock */
}

const struct roster *members_roster(struct members *m, int64_t *synced_at)
{
    const struct roster *r;

    pthread_mutex_lock(&m->lock);
    r = roster_ref(m->roster);
    if (synced_at != NULL)
        *synced_at = m->synced_at;
    pthread_mutex_unlock(&m->lock);
    return r;
}

static unsigned find(const struct roster *r, enum member_key by, const void *key, size_t len,
                     struct member *out)
{
    switch (by) {
    case MEMBER_BY_NAME:
        return roster_by_name(r, key, out);
    case MEMBER_BY_DNS:
        return roster_by_dns(r, key, out);
    case MEMBER_BY_SID:
        return roster_by_sid(r, key, len, out);
    case MEMBER_BY_GUID:
        return roster_by_guid(r, key, out);
    }
    return 0;
}

/* At the very second of max_stale it still holds. */
static bool stale(int64_t synced_at, int64_t max_stale, int64_t now)
{
    return synced_at == MEMBERS_NEVER || now - synced_at > max_stale;
}

void members_judge(struct members *m, enum member_key by, const void *key, size_t len, int64_t now,
                   struct member_answer *out)
{
    struct member found = {0};
    const struct roster *r = members_roster(m, &out->synced_at);

    out->matches = find(r, by, key, len, &found);
    out->enabled = found.enabled;
    out->guid = found.guid;
    if (stale(out->synced_at, m->max_stale, now))
        out->verdict = MEMBER_STALE;
    else if (out->matches != 1)
        out->verdict = MEMBER_UNKNOWN;
    else
        out->verdict = found.enabled ? MEMBER_YES : MEMBER_DISABLED;
    roster_unref(r);
}

const char *members_why(const struct members *m, const struct member_answer *a, int64_t now,
                        char text[MEMBER_WHY_MAX])
{
    char age[CLK_TEXT_MAX], limit[CLK_TEXT_MAX];

    if (a->synced_at != MEMBERS_NEVER)
        clk_format_duration(now - a->synced_at, age);
    if (a->verdict == MEMBER_STALE && a->synced_at == MEMBERS_NEVER)
        snprintf(text, MEMBER_WHY_MAX, "the directory has not been read yet");
    else if (a->verdict == MEMBER_STALE)
        snprintf(text, MEMBER_WHY_MAX,
                 "the directory was last read %s ago, longer than max_stale %s; nothing older "
                 "counts",
                 age, clk_format_duration(m->max_stale, limit));
    else if (a->matches > 1)
        snprintf(text, MEMBER_WHY_MAX, "%u computer accounts share that name; none is taken for it",
                 a->matches);
    else if (a->matches == 0)
        snprintf(text, MEMBER_WHY_MAX, "no computer account has that name (read %s ago)", age);
    else
        snprintf(text, MEMBER_WHY_MAX, "its computer account is %s (read %s ago)",
                 a->enabled ? "enabled" : "disabled", age);
    return text;
}
