#include "daemon/publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "daemon/daemon.h"
#include "daemon/hostevent.h"
#include "jobs/job.h"
#include "publish/kept.h"

struct publisher {
    struct publisher_conf conf;
    uv_timer_t timer;
    uv_work_t work;
    struct job job;             /* for the worker to ask */
    struct job_request request; /* the worker's while busy, as the next three */
    struct update next;
    enum err result;
    struct errinfo ei;
    struct update last;
    struct update told;      /* the last that the log tells of, without its records */
    uint64_t begun, done;    /* rounds */
    uint64_t good;           /* of those that are done */
    int64_t done_at;         /* real time; 0: never */
    unsigned down_rounds;    /* in a row that found the relay down */
    enum update_what queued; /* what was asked for meanwhile, with again */
    bool withdrawing;        /* a withdrawal failed: it is tried again */
    bool due;                /* a round of our own came due meanwhile */
    bool started, busy, again, closing, closed;
};

static void begin(struct publisher *p, enum update_what what);

/* ---- what the log says ---- */

static const struct update_domain *domain_of(const struct update *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (publish_name_same(u->domains[i].domain, name))
            return &u->domains[i];
    return NULL;
}

static bool is_news(const struct update *was, const struct update_domain *now)
{
    const struct update_domain *d = domain_of(was, now->domain);

    return d == NULL || d->result != now->result || strcmp(d->why.text, now->why.text) != 0;
}

static uint32_t code_of(const struct update_domain *d)
{
    return d->why.hresult != 0 ? d->why.hresult : hostevent_hresult(d->result);
}

/* The event's text begins with its field, the domain. */
static void record_event(const struct publisher *p, const struct update_domain *d)
{
    struct store_host_event h = {.when = clk_now(&p->conf.clk),
                                 .event_id = PUBLISHER_EVENT_PUBLISHED};

    if (d->result != ERR_OK) {
        h.event_id = PUBLISHER_EVENT_FAILED;
        h.hresult = code_of(d);
        snprintf(h.text, sizeof(h.text), "%s: %s", d->domain, d->why.text);
    } else {
        snprintf(h.text, sizeof(h.text), "%s", d->domain);
    }
    hostevent_post(p->conf.port, &p->conf.log, &h);
}

static void tell_published(const struct publisher *p, const struct update *u,
                           const struct update_domain *d)
{
    const struct publish_record *r = &u->record;
    char text[CLK_TEXT_MAX];

    if (d->result == ERR_OK)
        log_as(&p->conf.log, LOGL_INFO, LOGK_DNS, NULL,
               "event %d: published in %s: " PUBLISH_SERVICE ".%s leads to %s port %u, priority "
               "%u, weight %u",
               PUBLISHER_EVENT_PUBLISHED, d->domain, d->domain, r->host, r->port, r->priority,
               r->weight);
    else
        log_as(&p->conf.log, LOGL_WARN, LOGK_DNS_BAD, NULL,
               "event %d: 0x%08X, not published in %s: %s; KMS requests are served meanwhile, "
               "next attempt in %s",
               PUBLISHER_EVENT_FAILED, code_of(d), d->domain, d->why.text,
               clk_format_duration(p->conf.settings->dns_retry, text));
    record_event(p, d);
}

/* While there is a failure, rounds come often: then only what changed is told. */
static void tell_domain(const struct publisher *p, const struct update *u,
                        const struct update_domain *d)
{
    if (u->what == p->told.what && !update_good(&p->told) && !is_news(&p->told, d))
        return;
    if (u->what == UPDATE_PUBLISH && d->configured)
        tell_published(p, u, d);
    else if (d->result != ERR_OK)
        log_as(&p->conf.log, LOGL_WARN, LOGK_DNS_BAD, NULL, "not withdrawn from %s: %s", d->domain,
               d->why.text);
    else
        log_as(&p->conf.log, LOGL_INFO, LOGK_DNS, NULL, "nothing of ours is left in %s", d->domain);
}

/* A round that failed before it knew of any domain. */
static void tell_failure(const struct publisher *p, const struct update *u)
{
    const struct update *was = &p->told;

    if (was->n > 0 || was->what != u->what || was->result != u->result ||
        strcmp(was->why.text, u->why.text) != 0)
        log_as(&p->conf.log, LOGL_WARN, LOGK_DNS_BAD, NULL, "%s: %s", update_what_name(u->what),
               u->why.text);
}

static void remember_told(struct publisher *p, const struct update *u)
{
    struct update_domain *copy = calloc(u->n + 1, sizeof(*copy));

    update_fini(&p->told);
    p->told = *u;
    p->told.domains = copy;
    p->told.n = copy == NULL ? 0 : u->n;
    for (size_t i = 0; i < p->told.n; i++) {
        copy[i] = u->domains[i];
        copy[i].records = NULL;
        copy[i].n = 0;
    }
}

static void tell(struct publisher *p, const struct update *u)
{
    if (u->what == UPDATE_LOOK)
        return;
    for (size_t i = 0; i < u->n; i++)
        tell_domain(p, u, &u->domains[i]);
    if (u->n == 0 && u->result != ERR_OK)
        tell_failure(p, u);
    remember_told(p, u);
}

/* ---- what there is to do ---- */

/* Where no domain is named any more, something that we published may still be there. */
static bool has_work(const struct publisher *p)
{
    const struct settings *s = p->conf.settings;
    struct publish_kept kept;
    bool any = s->dns_domains.n > 0;

    if (any)
        return true;
    any = publish_kept_load(s->state_dir, &kept, NULL) != ERR_OK || kept.n > 0;
    publish_kept_fini(&kept);
    return any;
}

/* Whether one of our domains may have our record only beside a relay. */
static bool needs_relay(const struct publisher *p)
{
    const struct settings *s = p->conf.settings;

    for (size_t i = 0; i < s->dns_domains.n; i++)
        if (publish_allowed(s->dns_domains.v[i], s->lab_forest, PUBLISH_RELAY_NONE, NULL) != ERR_OK)
            return true;
    return false;
}

/* Whether something that we published is where it may not be, as the relay is now. While nothing is
 * known of the relay yet it may stay, and publisher_relay_changed follows. */
static bool has_refused(const struct publisher *p)
{
    const struct settings *s = p->conf.settings;
    enum publish_relay relay = p->conf.relay(p->conf.arg);
    struct publish_kept kept;
    bool any = publish_kept_load(s->state_dir, &kept, NULL) != ERR_OK;

    for (size_t i = 0; i < kept.n && relay != PUBLISH_RELAY_UNKNOWN && !any; i++)
        any = publish_allowed(kept.v[i].domain, s->lab_forest, relay, NULL) != ERR_OK;
    publish_kept_fini(&kept);
    return any;
}

/* What a round of our own does, and whether there is one to do. That we publish nothing by
 * ourselves is no reason to leave a record where genuine clients are not served. */
static bool next_round(const struct publisher *p, enum update_what *what)
{
    *what = p->withdrawing ? UPDATE_WITHDRAW : p->conf.enabled ? UPDATE_PUBLISH : UPDATE_RETRACT;
    return *what == UPDATE_RETRACT ? has_refused(p) : has_work(p);
}

/* ---- rounds ---- */

static void begin_due(struct publisher *p)
{
    enum update_what what;

    p->due = p->busy;
    if (!p->busy && next_round(p, &what))
        begin(p, what);
}

static void on_timer(uv_timer_t *t)
{
    begin_due(t->data);
}

static void on_worker(uv_work_t *work)
{
    struct publisher *p = work->data;

    p->result = job_ask(&p->job, &p->request, update_take, &p->next, &p->ei);
}

/* A round that failed as a job: nothing is known of any domain. */
static void take_failure(struct publisher *p)
{
    const struct conf_list *l = &p->conf.settings->dns_domains;
    struct update *u = &p->next;

    update_fini(u);
    u->result = p->result;
    u->why = p->ei;
    for (size_t i = 0; i < l->n; i++) {
        struct update_domain *d = update_add(u, l->v[i], true);

        if (d != NULL) {
            d->result = u->result;
            d->why = u->why;
        }
    }
}

/* A look changes nothing about when the next round is due. */
static void set_timer(struct publisher *p, const struct update *u)
{
    const struct settings *s = p->conf.settings;
    int64_t wait = update_good(u) ? s->dns_interval : s->dns_retry;
    enum update_what what;

    if (u->what == UPDATE_LOOK)
        return;
    if (u->what != UPDATE_RETRACT)
        p->withdrawing = u->what == UPDATE_WITHDRAW && !update_good(u);
    uv_timer_stop(&p->timer);
    if (next_round(p, &what))
        uv_timer_start(&p->timer, on_timer, (uint64_t)wait * 1000, 0);
}

/* What is asked for goes before what came due. */
static void finish(struct publisher *p)
{
    struct clk real = clk_system();

    job_close(&p->job);
    if (p->result != ERR_OK)
        take_failure(p);
    tell(p, &p->next);
    set_timer(p, &p->next);
    update_fini(&p->last);
    p->last = p->next;
    p->done_at = clk_now(&real);
    memset(&p->next, 0, sizeof(p->next));
    p->done = p->begun;
    p->good += update_good(&p->last);
    if (p->again) {
        p->again = false;
        begin(p, p->queued);
    } else if (p->due) {
        begin_due(p);
    }
}

static void on_done(uv_work_t *work, int status)
{
    struct publisher *p = work->data;

    p->busy = false;
    if (p->closing || status != 0) {
        job_close(&p->job);
        update_fini(&p->next);
        return;
    }
    finish(p);
}

/* During another it is the next. One whose job cannot be started has failed, and counts. */
static void begin(struct publisher *p, enum update_what what)
{
    enum err e;

    if (p->busy) {
        if (!p->again || what != UPDATE_LOOK)
            p->queued = what;
        p->again = true;
        return;
    }
    p->request =
        (struct job_request){.kind = JOB_UPDATE, .what = what, .relay = p->conf.relay(p->conf.arg)};
    if ((what == UPDATE_PUBLISH || what == UPDATE_RETRACT) &&
        p->request.relay != PUBLISH_RELAY_UNKNOWN)
        p->down_rounds = p->request.relay == PUBLISH_RELAY_DOWN ? p->down_rounds + 1 : 0;
    p->request.down_rounds = p->down_rounds;
    p->next = (struct update){.what = what};
    p->begun++;
    e = job_open(p->conf.steward, &p->job, &p->ei);
    if (e == ERR_OK && uv_queue_work(p->conf.loop, &p->work, on_worker, on_done) != 0)
        e = err_nomem(&p->ei);
    p->busy = e == ERR_OK;
    if (p->busy) /* the round is the worker's by now */
        return;
    p->result = e;
    finish(p);
}

uint64_t publisher_run(struct publisher *p, enum update_what what)
{
    uint64_t number = p->begun + 1;

    begin(p, what);
    return number;
}

/* A verdict about the relay is on its way: publisher_relay_changed begins then. */
static void begin_first(struct publisher *p)
{
    if (p->conf.enabled && needs_relay(p) && p->conf.relay(p->conf.arg) == PUBLISH_RELAY_UNKNOWN)
        return;
    begin_due(p);
}

void publisher_enable(struct publisher *p, bool enabled)
{
    if (p->conf.enabled == enabled)
        return;
    p->conf.enabled = enabled;
    if (enabled)
        p->withdrawing = false;
    else if (p->again && p->queued == UPDATE_PUBLISH)
        p->queued = UPDATE_LOOK; /* for whoever asked and waits */
    uv_timer_stop(&p->timer);
    begin_first(p);
}

void publisher_settings_changed(struct publisher *p)
{
    if (p->started && !p->closing)
        begin_first(p);
}

void publisher_relay_changed(struct publisher *p)
{
    if (!p->started || p->closing)
        return;
    if (p->conf.relay(p->conf.arg) != PUBLISH_RELAY_DOWN)
        p->down_rounds = 0;
    if (!p->conf.enabled || needs_relay(p))
        begin_due(p);
}

/* ---- life ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_account(const struct settings *a, const struct settings *b)
{
    return same_text(a->dir_uri, b->dir_uri) && a->dir_mechanism == b->dir_mechanism &&
           same_text(a->dir_user, b->dir_user) && same_text(a->dir_principal, b->dir_principal) &&
           same_text(a->dir_keytab, b->dir_keytab) &&
           same_text(a->dir_password_file, b->dir_password_file);
}

enum err publisher_check_change(const struct settings *was, const struct settings *now,
                                enum publish_relay relay, struct errinfo *ei)
{
    struct publish_kept kept = {0};
    enum err e = ERR_OK;

    if (same_account(was, now) || same_text(was->lab_forest, now->lab_forest) ||
        publish_kept_load(now->state_dir, &kept, NULL) != ERR_OK) /* a round tells what it has */
        return ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < kept.n; i++)
        if (publish_allowed(kept.v[i].domain, was->lab_forest, relay, NULL) == ERR_OK &&
            publish_allowed(kept.v[i].domain, now->lab_forest, relay, NULL) != ERR_OK)
            e = err_fail(ei, ERR_CONFIG,
                         "[directory] lab_forest and account: a record of ours in %s would have to "
                         "go, and the new account may not be able to remove it; run \"adbactl dns "
                         "withdraw\" first",
                         kept.v[i].domain);
    publish_kept_fini(&kept);
    return e;
}

enum err publisher_new(const struct publisher_conf *conf, struct publisher **out,
                       struct errinfo *ei)
{
    struct publisher *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return err_nomem(ei);
    p->conf = *conf;
    p->job = JOB_NONE;
    p->work.data = p->timer.data = p;
    uv_timer_init(conf->loop, &p->timer);
    json_object_seed(0); /* before a second thread uses jansson */
    *out = p;
    return ERR_OK;
}

void publisher_start(struct publisher *p)
{
    p->started = true;
    begin_first(p);
}

static void on_closed(uv_handle_t *h)
{
    struct publisher *p = h->data;

    p->closed = true;
}

void publisher_close(struct publisher *p)
{
    if (p->closing)
        return;
    p->closing = true;
    if (p->busy)
        uv_cancel((uv_req_t *)&p->work); /* helps if no worker has begun it */
    job_cut(&p->job);
    uv_close((uv_handle_t *)&p->timer, on_closed);
}

bool publisher_closed(const struct publisher *p)
{
    return p->closed && !p->busy;
}

void publisher_free(struct publisher *p)
{
    if (p == NULL)
        return;
    update_fini(&p->last);
    update_fini(&p->told);
    free(p);
}

/* ---- as JSON ---- */

static json_t *record_json(const struct update_record *r)
{
    return json_pack("{s:i, s:i, s:i, s:s, s:s}", "priority", r->record.priority, "weight",
                     r->record.weight, "port", r->record.port, "host", r->record.host, "whose",
                     publish_whose_name(r->whose));
}

static json_t *code_json(const struct update_domain *d)
{
    char text[16];

    snprintf(text, sizeof(text), "0x%08X", code_of(d));
    return d->result != ERR_OK ? json_string(text) : json_null();
}

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *domain_json(const struct update *u, const struct update_domain *d)
{
    json_t *records = json_array(), *j;
    bool failed = d->result != ERR_OK;

    for (size_t i = 0; i < d->n && d->seen; i++)
        json_array_append_new(records, record_json(&d->records[i]));
    j = json_pack("{s:s, s:b, s:s?, s:o, s:o, s:o, s:s?, s:s?, s:o}", "domain", d->domain,
                  "configured", d->configured, "state",
                  d->seen ? publish_state_name(d->state) : NULL, "records", records, "zone",
                  text_or_null(d->zone), "primary", text_or_null(d->primary), "error",
                  failed ? err_name(d->result) : NULL, "why", failed ? d->why.text : NULL, "code",
                  code_json(d));
    if (u->what == UPDATE_PUBLISH && d->configured)
        json_object_set_new(
            j, "event", json_integer(failed ? PUBLISHER_EVENT_FAILED : PUBLISHER_EVENT_PUBLISHED));
    return j;
}

static void add_last(const struct publisher *p, json_t *j)
{
    const struct update *u = &p->last;
    json_t *domains = json_array();
    char text[CLK_TEXT_MAX];

    for (size_t i = 0; i < u->n; i++)
        json_array_append_new(domains, domain_json(u, &u->domains[i]));
    json_object_set_new(j, "action", json_string(update_what_name(u->what)));
    json_object_set_new(j, "time", json_string(clk_format(p->done_at, text)));
    json_object_set_new(j, "host", text_or_null(u->record.host));
    json_object_set_new(j, "port", json_integer(u->record.port));
    json_object_set_new(j, "error",
                        u->result != ERR_OK ? json_string(err_name(u->result)) : json_null());
    json_object_set_new(j, "why", u->result != ERR_OK ? json_string(u->why.text) : json_null());
    json_object_set_new(j, "domains", domains);
}

json_t *publisher_json(const struct publisher *p)
{
    const struct settings *s = p->conf.settings;
    bool configured = s->dns_domains.n > 0;
    json_t *j = json_pack("{s:b, s:b, s:I, s:{s:I, s:I}, s:i, s:i, s:I}", "configured", configured,
                          "publishing", p->conf.enabled && configured, "round", (json_int_t)p->done,
                          "rounds", "good", (json_int_t)p->good, "failed",
                          (json_int_t)(p->done - p->good), "priority", (int)s->dns_priority,
                          "weight", (int)s->dns_weight, "ttl", (json_int_t)s->dns_ttl);

    if (j == NULL)
        return NULL;
    if (uv_is_active((const uv_handle_t *)&p->timer))
        json_object_set_new(j, "next_in",
                            json_integer((json_int_t)(uv_timer_get_due_in(&p->timer) / 1000)));
    if (p->done > 0)
        add_last(p, j);
    return j;
}

/* ---- commands ---- */

static enum err run_command(struct daemon *d, enum update_what what, json_t *reply)
{
    uint64_t number = publisher_run(d->publisher, what);

    json_object_set_new(reply, "round", json_integer((json_int_t)number));
    return ERR_OK;
}

static enum err require_domains(const struct daemon *d, struct errinfo *ei)
{
    return d->settings.dns_domains.n > 0
               ? ERR_OK
               : err_fail(ei, ERR_CONFIG, "no domain is configured; set [dns] domains");
}

/* As /sdns and /cdns: kept over restarts. */
static enum err keep_flag(struct daemon *d, bool publishing, struct errinfo *ei)
{
    struct overrides n = d->overrides;
    enum err e = ERR_OK;

    n.no_dns_publishing = !publishing;
    if (n.no_dns_publishing != d->overrides.no_dns_publishing)
        e = overrides_keep(d, &n, ei);
    if (e == ERR_OK)
        d->overrides = n;
    return e;
}

enum err publisher_publish_command(void *daemon, const json_t *request, json_t *reply,
                                   struct errinfo *ei)
{
    struct daemon *d = daemon;
    enum err e = require_domains(d, ei);

    (void)request;
    if (e == ERR_OK)
        e = keep_flag(d, true, ei);
    if (e != ERR_OK)
        return e;
    d->publisher->conf.enabled = d->settings.dns_publish;
    return run_command(d, UPDATE_PUBLISH, reply);
}

enum err publisher_withdraw_command(void *daemon, const json_t *request, json_t *reply,
                                    struct errinfo *ei)
{
    struct daemon *d = daemon;
    enum err e = keep_flag(d, false, ei);

    (void)request;
    if (e != ERR_OK)
        return e;
    d->publisher->conf.enabled = false;
    return run_command(d, UPDATE_WITHDRAW, reply);
}

enum err publisher_check_command(void *daemon, const json_t *request, json_t *reply,
                                 struct errinfo *ei)
{
    struct daemon *d = daemon;
    enum err e = require_domains(d, ei);

    (void)request;
    return e == ERR_OK ? run_command(d, UPDATE_LOOK, reply) : e;
}

enum err publisher_status_command(void *daemon, const json_t *request, json_t *reply,
                                  struct errinfo *ei)
{
    struct daemon *d = daemon;
    json_t *status = publisher_json(d->publisher);

    (void)request;
    if (status == NULL)
        return err_nomem(ei);
    json_object_set_new(reply, "status", status);
    return ERR_OK;
}
