#include "daemon/website.h"

#include <stdlib.h>

#include "daemon/daemon.h"
#include "daemon/facts.h"
#include "daemon/membership.h"
#include "daemon/reader.h"
#include "daemon/relaying.h"
#include "daemon/watcher.h"
#include "jobs/job.h"

struct website {
    struct daemon *d;
    struct web_stats stats;
    struct facts *facts;
    struct reader reader;  /* these are the server's thread's */
    struct labclk *labclk; /* NULL outside lab mode */
    struct dashboard *dashboard;
    struct web_server *server;
};

static const struct web_route *const all_routes[] = {dashboard_files, dashboard_routes,
                                                     metrics_routes, NULL};

/* ---- facts ---- */

/* On the main loop. What others hold on to is copied, so that each thread counts its own
 * references. */
static json_t *make_facts(void *arg)
{
    struct daemon *d = arg;
    json_t *all = json_pack("{s:o, s:o, s:o}", "status", status_now_json(d), "membership",
                            d->membership == NULL ? json_null() : membership_status(d->membership),
                            "relay", d->relay == NULL ? json_null() : relaying_json(d));
    json_t *copy = json_deep_copy(all);

    json_decref(all);
    return copy;
}

const struct daemon *website_daemon(const struct website *w)
{
    return w->d;
}

const struct web_stats *website_stats(const struct website *w)
{
    return &w->stats;
}

struct dashboard *website_dashboard(const struct website *w)
{
    return w->dashboard;
}

enum err website_facts(struct website *w, const json_t **out, struct errinfo *ei)
{
    return facts_get(w->facts, out, ei);
}

enum err website_ask(struct website *w,
                     enum err (*fn)(void *arg, struct store *s, struct errinfo *ei), void *arg,
                     struct errinfo *ei)
{
    return reader_ask(&w->reader, fn, arg, ei);
}

/* ---- life ---- */

static void free_website(struct website *w)
{
    dashboard_free(w->dashboard);
    labclk_free(w->labclk);
    reader_close(&w->reader);
    facts_free(w->facts);
    free(w);
}

/* This process makes no socket any more. On the server's thread. */
static enum err listen_later(void *arg, size_t n, int *fd, struct errinfo *ei)
{
    const struct website *w = arg;
    const struct job_request r = {.kind = JOB_LISTEN, .address = (unsigned)n};

    return job_ask_soon(w->d->steward.control, &r, fd, ei);
}

static struct web_conf conf_of(struct website *w, struct daemon *d)
{
    const struct settings *s = d->first;

    return (struct web_conf){.listen = &s->web_listen,
                             .names = &s->web_names,
                             .routes = all_routes,
                             .listen_later = listen_later,
                             .arg = w,
                             .stats = &w->stats,
                             .max_connections = s->web_max_connections,
                             .max_per_source = s->web_max_per_source,
                             .timeout_ms = (unsigned)s->web_timeout * 1000,
                             .log = log_child(&d->log, "web")};
}

static void close_facts(struct daemon *d, struct facts *f)
{
    facts_close(f);
    while (!facts_closed(f))
        uv_run(&d->loop, UV_RUN_ONCE);
}

/* With its own reading of the clock, as every thread has. */
static enum err open_dashboard(struct website *w, struct errinfo *ei)
{
    const struct settings *s = &w->d->settings;
    struct clk clk = clk_system();
    enum err e = s->lab ? labclk_open(s->lab_clock, clk, &w->labclk, ei) : ERR_OK;

    if (e != ERR_OK)
        return e;
    w->dashboard = dashboard_new(w->d->catalog, w->labclk != NULL ? labclk_clk(w->labclk) : clk);
    return w->dashboard != NULL ? ERR_OK : err_nomem(ei);
}

enum err website_open(struct daemon *d, struct errinfo *ei)
{
    struct web_conf conf;
    struct website *w;
    enum err e;

    if (d->options.check)
        return ERR_OK;
    w = calloc(1, sizeof(*w));
    if (w == NULL)
        return err_nomem(ei);
    w->d = d;
    w->reader.path = d->first->ledger;
    conf = conf_of(w, d);
    e = open_dashboard(w, ei);
    if (e == ERR_OK)
        e = facts_open(&d->loop, make_facts, d, &w->facts, ei);
    if (e == ERR_OK)
        e = web_open(&conf, &w->server, ei);
    if (e == ERR_OK && w->server != NULL) {
        d->website = w;
        return ERR_OK;
    }
    if (w->facts != NULL)
        close_facts(d, w->facts);
    free_website(w);
    return e;
}

void website_close(struct daemon *d)
{
    struct website *w = d->website;

    if (w == NULL)
        return;
    d->website = NULL;
    facts_stop(w->facts); /* before the server's thread is waited for: it may wait for us */
    web_close(w->server);
    close_facts(d, w->facts);
    free_website(w);
}
