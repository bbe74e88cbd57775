#include "daemon/membership.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/plural.h"
#include "daemon/membership_internal.h"
#include "jobs/reading.h"
#include "report/registry.h"
#include "store/members.h"

#define LAB_TICK_MS    1000    /* how often a lab clock that was moved is looked at */
#define LIST_WHEN_TOLD CLK_DAY /* between lists where the directory tells deletions */

/* ---- one synchronization, on a worker ---- */

/* The steward reads, this thread applies it to a copy of the roster. */
static enum err synchronize(struct sync_job *j, struct errinfo *ei)
{
    const struct job_request request = {
        .kind = JOB_ACCOUNTS,
        .list = j->list,
        .cookie = j->cookie.data,
        /* Too long to be told: everything is read. */
        .cookie_len = j->cookie.len <= REQUEST_COOKIE_MAX ? j->cookie.len : 0};
    struct members_work *w = members_work_new(j->roster);
    struct reading_in in = {.each = members_take, .arg = w};
    enum err e = w == NULL ? err_nomem(ei) : job_ask(&j->job, &request, reading_take, &in, ei);

    if (e == ERR_OK && !in.whole)
        e = err_fail(ei, ERR_MALFORMED, "the steward's answer is not whole");
    if (e == ERR_OK)
        return members_work_end(w, &in.reading, &j->out, ei);
    members_reading_fini(&in.reading);
    members_work_free(w);
    return e;
}

static void on_worker(uv_work_t *work)
{
    struct sync_job *j = work->data;
    uint64_t begin = uv_hrtime();

    j->e = synchronize(j, &j->ei);
    j->ms = (uv_hrtime() - begin) / 1000000;
}

static void job_fini(struct sync_job *j)
{
    job_close(&j->job);
    roster_unref(j->roster);
    buf_fini(&j->cookie);
    members_sync_fini(&j->out);
    j->roster = NULL;
}

static const char *why_full(const struct sync_job *j)
{
    return j->asked_full ? "it was asked for" : j->out.reading.why_full;
}

static void tell(const struct membership *m, const struct sync_job *j)
{
    const struct log *log = &m->conf.log;
    size_t n;

    if (j->e != ERR_OK) {
        if (strcmp(j->ei.text, m->why) != 0)
            log_as(log, LOGL_WARN, LOGK_MEMBERS_BAD, NULL,
                   "computer accounts could not be read: %s; what was read before holds for %s",
                   j->ei.text, m->max_stale_text);
        return;
    }
    if (m->why[0] != '\0')
        log_as(log, LOGL_INFO, LOGK_MEMBERS, NULL, "computer accounts can be read again");
    n = roster_count(j->out.roster);
    if (j->out.reading.full)
        log_as(log, LOGL_INFO, LOGK_MEMBERS, NULL,
               "%zu computer account%s, read in full (%s) in %" PRIu64 " ms", n, plural(n),
               why_full(j), j->ms);
    else if (j->out.reading.entries > 0 || j->out.removed_n > 0)
        log_as(log, LOGL_INFO, LOGK_MEMBERS, NULL,
               "%zu computer account%s, %" PRIu64 " changed, %zu gone", n, plural(n),
               j->out.reading.entries, j->out.removed_n);
    if (j->out.reading.unusable > 0)
        log_as(log, LOGL_WARN, LOGK_MEMBERS_BAD, NULL,
               "%" PRIu64 " computer account%s left out: no name, or one that is too long",
               j->out.reading.unusable, j->out.reading.unusable == 1 ? " is" : "s are");
}

static void take(struct membership *m, struct sync_job *j)
{
    struct errinfo ei = {0};

    m->state.full = j->out.reading.full;
    m->state.entries = j->out.reading.entries;
    m->state.synced_at = j->now;
    memcpy(m->state.origin, m->origin, sizeof(m->state.origin));
    if (j->out.reading.complete)
        m->state.listed_at = j->now;
    buf_fini(&m->state.cookie);
    m->state.cookie = j->out.reading.cookie;
    j->out.reading.cookie = (struct buf)BUF_INIT;
    m->last = (struct last_sync){.tells_deletions = j->out.reading.tells_deletions,
                                 .listed = j->out.reading.complete,
                                 .removed = j->out.removed_n,
                                 .unusable = j->out.reading.unusable,
                                 .ms = j->ms};
    snprintf(m->last.why_full, sizeof(m->last.why_full), "%s", why_full(j));
    members_publish(m->members, j->out.roster, j->now);
    if (saver_add(m->saver, &j->out, &m->state, &ei) != ERR_OK)
        log_as(&m->conf.log, LOGL_ERROR, LOGK_MEMBERS_BAD, NULL, "%s: what was read is not saved",
               ei.text);
}

static void begin(struct membership *m);

/* The clock may be a lab clock that somebody moves, or that stands still: both count. */
static void on_timer(uv_timer_t *t)
{
    struct membership *m = t->data;
    int64_t waited = (int64_t)(uv_now(m->conf.loop) - m->ended_loop) / 1000;

    if (m->busy)
        return;
    if (clk_now(&m->conf.clk) - m->ended >= m->conf.settings->sync_interval ||
        waited >= m->conf.settings->sync_interval)
        begin(m);
}

static void judge(struct membership *m, struct sync_job *j)
{
    tell(m, j);
    if (j->e == ERR_OK) {
        take(m, j);
        m->why[0] = '\0';
        m->good++;
    } else {
        snprintf(m->why, sizeof(m->why), "%s", j->ei.text);
        m->failed++;
    }
}

static void finish(struct membership *m)
{
    struct sync_job *j = &m->job;

    if (!m->outdated)
        judge(m, j);
    m->outdated = false;
    job_fini(j);
    m->done = m->begun;
    m->ended = clk_now(&m->conf.clk);
    m->ended_loop = uv_now(m->conf.loop);
    if (m->again)
        begin(m);
}

static void on_synced(uv_work_t *work, int status)
{
    struct membership *m = ((struct sync_job *)work->data)->owner;

    m->busy = false;
    if (m->closing || status != 0)
        job_fini(&m->job);
    else
        finish(m);
}

/* Where the directory tells deletions a list is a safety net; else it is the only way. */
static bool list_is_due(const struct membership *m, int64_t now)
{
    int64_t every = m->last.tells_deletions ? LIST_WHEN_TOLD : m->conf.settings->list_interval;

    return m->state.listed_at == MEMBERS_NEVER || now - m->state.listed_at >= every;
}

/* One whose job cannot be started has failed, and counts; what was wanted of it is still wanted. */
static void begin(struct membership *m)
{
    struct sync_job *j = &m->job;
    enum err e;

    memset(j, 0, sizeof(*j));
    j->owner = m;
    j->job = JOB_NONE;
    j->now = clk_now(&m->conf.clk);
    j->asked_full = m->want_full;
    if (!m->want_full)
        buf_add(&j->cookie, m->state.cookie.data, m->state.cookie.len);
    j->roster = members_roster(m->members, NULL);
    j->list = m->want_list || list_is_due(m, j->now);
    m->work.data = j;
    m->again = false;
    m->begun++;
    e = job_open(m->conf.steward, &j->job, &j->ei);
    if (e == ERR_OK && uv_queue_work(m->conf.loop, &m->work, on_worker, on_synced) != 0)
        e = err_nomem(&j->ei);
    m->busy = e == ERR_OK;
    if (m->busy) { /* the job is the worker's by now */
        m->want_full = m->want_list = false;
        return;
    }
    j->e = e;
    finish(m);
}

uint64_t membership_sync(struct membership *m, bool full, bool list)
{
    m->want_full = m->want_full || full;
    m->want_list = m->want_list || list;
    if (m->busy) {
        m->again = true;
        return m->begun + 1;
    }
    begin(m);
    return m->begun;
}

/* ---- what was saved ---- */

static enum err load_state(void *arg, const struct store_member_sync *row)
{
    struct membership *m = arg;

    m->state.synced_at = row->synced_at;
    m->state.listed_at = row->listed_at;
    m->state.full = row->full;
    m->state.entries = row->entries;
    memcpy(m->state.origin, row->origin, sizeof(m->state.origin));
    buf_add(&m->state.cookie, row->cookie, row->cookie_len);
    return m->state.cookie.err;
}

struct loading {
    struct membership *m;
    struct roster *roster;
};

/* On the writer's thread, while the loop waits. */
static enum err read_saved(void *arg, struct store *store, struct errinfo *ei)
{
    struct loading *l = arg;
    enum err e = store_member_sync(store, load_state, l->m, ei);

    return e == ERR_OK ? store_each_member(store, registry_take, l->roster, ei) : e;
}

/* Of which directory, and which part of it. */
static void origin_of(const struct settings *s, uint8_t origin[STORE_ORIGIN_LEN])
{
    const char *const parts[] = {s->dir_uri, s->dir_domain, s->search_base};
    uint8_t all[sizeof(parts) / sizeof(parts[0])][SHA256_DIGEST_LENGTH];

    _Static_assert(STORE_ORIGIN_LEN == SHA256_DIGEST_LENGTH, "it is one of SHA-256");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *part = parts[i] == NULL ? "" : parts[i];

        SHA256((const uint8_t *)part, strlen(part), all[i]);
    }
    SHA256(all[0], sizeof(all), origin);
}

/* The roster stays, for the full reading to find what differs; nobody is proven by it. */
static void forget(struct membership *m)
{
    const struct roster *r = members_roster(m->members, NULL);

    members_publish(m->members, r, MEMBERS_NEVER);
    roster_unref(r);
    m->state.synced_at = m->state.listed_at = MEMBERS_NEVER;
    buf_fini(&m->state.cookie);
    m->want_full = m->want_list = true;
    m->outdated = m->busy;
    if (m->busy)
        job_cut(&m->job.job); /* it only reads */
}

static void use_saved(struct membership *m, const struct roster *roster)
{
    bool known = memcmp(m->state.origin, m->origin, sizeof(m->origin)) == 0;
    size_t n = roster_count(roster);
    char text[CLK_TEXT_MAX];

    members_publish(m->members, roster, known ? m->state.synced_at : MEMBERS_NEVER);
    if (known && m->state.synced_at != MEMBERS_NEVER) {
        log_as(&m->conf.log, LOGL_INFO, LOGK_MEMBERS, NULL,
               "%zu computer account%s, as they were at %s", n, plural(n),
               clk_format(m->state.synced_at, text));
        return;
    }
    forget(m);
    if (n > 0)
        log_as(&m->conf.log, LOGL_INFO, LOGK_MEMBERS, NULL,
               "%zu computer account%s saved, not known to be of this directory and search_base; "
               "nobody is a member until it was read",
               n, n == 1 ? " is" : "s are");
}

static enum err load(struct membership *m, struct errinfo *ei)
{
    struct loading l = {.m = m, .roster = roster_new()};
    enum err e = l.roster == NULL ? err_nomem(ei) : ledger_read(m->conf.ledger, read_saved, &l, ei);

    if (e == ERR_OK)
        use_saved(m, l.roster);
    roster_unref(l.roster);
    return e;
}

/* ---- life ---- */

struct members *membership_members(struct membership *m)
{
    return m->members;
}

static void set_timer(struct membership *m)
{
    uint64_t every =
        m->conf.settings->lab ? LAB_TICK_MS : (uint64_t)m->conf.settings->sync_interval * 1000;

    uv_timer_start(&m->timer, on_timer, every, every);
}

void membership_settings_changed(struct membership *m)
{
    uint8_t before[STORE_ORIGIN_LEN];

    memcpy(before, m->origin, sizeof(before));
    origin_of(m->conf.settings, m->origin);
    if (memcmp(before, m->origin, sizeof(before)) != 0)
        forget(m);
    clk_format_duration(m->conf.settings->max_stale, m->max_stale_text);
    members_set_max_stale(m->members, m->conf.settings->max_stale);
    set_timer(m);
    (void)membership_sync(m, false, false);
}

static void start_timer(struct membership *m)
{
    m->timer.data = m;
    uv_timer_init(m->conf.loop, &m->timer);
    m->timer_open = true;
    set_timer(m);
    json_object_seed(0); /* before a second thread may use jansson */
}

enum err membership_new(const struct membership_conf *conf, struct membership **out,
                        struct errinfo *ei)
{
    struct membership *m = calloc(1, sizeof(*m));
    enum err e = ERR_OK;

    if (m == NULL)
        return err_nomem(ei);
    m->conf = *conf;
    m->job.job = JOB_NONE;
    m->state.synced_at = m->state.listed_at = MEMBERS_NEVER;
    origin_of(conf->settings, m->origin);
    clk_format_duration(conf->settings->max_stale, m->max_stale_text);
    m->members = members_new(conf->settings->max_stale);
    m->saver = saver_new(conf->port);
    if (m->members == NULL || m->saver == NULL)
        e = err_nomem(ei);
    if (e == ERR_OK)
        e = load(m, ei);
    if (e != ERR_OK) {
        membership_free(m);
        return e;
    }
    start_timer(m);
    begin(m);
    *out = m;
    return ERR_OK;
}

static void on_closed(uv_handle_t *h)
{
    struct membership *m = h->data;

    m->timer_open = false;
}

void membership_close(struct membership *m)
{
    if (m->closing)
        return;
    m->closing = true;
    saver_stop(m->saver);
    if (m->busy)
        uv_cancel((uv_req_t *)&m->work); /* helps if no worker has begun it */
    job_cut(&m->job.job);
    uv_close((uv_handle_t *)&m->timer, on_closed);
}

bool membership_closed(const struct membership *m)
{
    return m->closing && !m->timer_open && !m->busy && saver_stopped(m->saver);
}

void membership_free(struct membership *m)
{
    if (m == NULL)
        return;
    saver_free(m->saver);
    members_free(m->members);
    buf_fini(&m->state.cookie);
    free(m);
}
