/* The routes of the dashboard: arguments and facts in, dashboard/dashboard.h in the middle, an
 * answer out. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/website.h"
#include "dashboard/dashboard.h"

static enum err answer(json_t *j, struct web_reply *reply, struct errinfo *ei)
{
    char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);

    json_decref(j);
    if (text == NULL)
        return err_nomem(ei);
    buf_add_str(&reply->body, text);
    free(text);
    return reply->body.err == ERR_OK ? ERR_OK : err_nomem(ei);
}

/* ---- what the daemon knows ---- */

static enum err get_status(void *arg, const struct web_request *r, struct web_reply *reply,
                           struct errinfo *ei)
{
    const json_t *facts;
    enum err e = website_facts(arg, &facts, ei);

    (void)r;
    return e != ERR_OK ? e
                       : answer(dashboard_status(json_object_get(facts, "status"),
                                                 json_object_get(facts, "membership"),
                                                 json_object_get(facts, "relay")),
                                reply, ei);
}

static enum err get_objects(void *arg, const struct web_request *r, struct web_reply *reply,
                            struct errinfo *ei)
{
    const json_t *facts;
    enum err e = website_facts(arg, &facts, ei);

    (void)r;
    return e == ERR_OK ? answer(dashboard_objects(json_object_get(facts, "status")), reply, ei) : e;
}

static enum err get_warnings(void *arg, const struct web_request *r, struct web_reply *reply,
                             struct errinfo *ei)
{
    const json_t *facts;
    enum err e = website_facts(arg, &facts, ei);

    (void)r;
    return e == ERR_OK ? answer(dashboard_warnings(json_object_get(facts, "status")), reply, ei)
                       : e;
}

/* ---- what the ledger knows ---- */

struct question {
    struct dashboard *dashboard;
    const struct web_request *request;
    struct web_reply *reply;
    json_t *found;
};

static enum err ask(struct website *w,
                    enum err (*fn)(void *arg, struct store *s, struct errinfo *ei),
                    const struct web_request *r, struct web_reply *reply, struct errinfo *ei)
{
    struct question q = {
        .dashboard = website_dashboard(w), .request = r, .reply = reply, .found = NULL};
    enum err e = website_ask(w, fn, &q, ei);

    return e == ERR_OK && q.found != NULL ? answer(q.found, reply, ei) : e;
}

static struct dashboard_machines_args machines_args(const struct web_request *r)
{
    return (struct dashboard_machines_args){.search = web_query(r, "search"),
                                            .status = web_query(r, "status"),
                                            .channel = web_query(r, "channel"),
                                            .product = web_query(r, "product"),
                                            .sort = web_query(r, "sort"),
                                            .order = web_query(r, "order"),
                                            .offset = web_query(r, "offset"),
                                            .limit = web_query(r, "limit")};
}

static enum err ask_machines(void *arg, struct store *s, struct errinfo *ei)
{
    struct question *q = arg;
    const struct dashboard_machines_args a = machines_args(q->request);

    return dashboard_machines(q->dashboard, s, &a, &q->found, ei);
}

static enum err ask_file(void *arg, struct store *s, struct errinfo *ei)
{
    struct question *q = arg;
    const struct dashboard_machines_args a = machines_args(q->request);

    return dashboard_machines_csv(q->dashboard, s, &a, &q->reply->body, ei);
}

static enum err ask_activations(void *arg, struct store *s, struct errinfo *ei)
{
    struct question *q = arg;

    return dashboard_activations(q->dashboard, s, web_query(q->request, "range"), &q->found, ei);
}

static enum err ask_decisions(void *arg, struct store *s, struct errinfo *ei)
{
    struct question *q = arg;

    return dashboard_decisions(q->dashboard, s, web_query(q->request, "limit"),
                               web_query(q->request, "outcome"), &q->found, ei);
}

static enum err get_machines(void *arg, const struct web_request *r, struct web_reply *reply,
                             struct errinfo *ei)
{
    return ask(arg, ask_machines, r, reply, ei);
}

static enum err get_file(void *arg, const struct web_request *r, struct web_reply *reply,
                         struct errinfo *ei)
{
    reply->type = "text/csv; charset=utf-8";
    snprintf(reply->filename, sizeof(reply->filename), "machines.csv");
    return ask(arg, ask_file, r, reply, ei);
}

static enum err get_activations(void *arg, const struct web_request *r, struct web_reply *reply,
                                struct errinfo *ei)
{
    return ask(arg, ask_activations, r, reply, ei);
}

static enum err get_decisions(void *arg, const struct web_request *r, struct web_reply *reply,
                              struct errinfo *ei)
{
    return ask(arg, ask_decisions, r, reply, ei);
}

const struct web_route dashboard_routes[] = {
    {.path = "/api/status", .fn = get_status},
    {.path = "/api/objects", .fn = get_objects},
    {.path = "/api/warnings", .fn = get_warnings},
    {.path = "/api/machines", .fn = get_machines},
    {.path = "/api/machines.csv", .fn = get_file},
    {.path = "/api/activations", .fn = get_activations},
    {.path = "/api/decisions", .fn = get_decisions},
    {0},
};
