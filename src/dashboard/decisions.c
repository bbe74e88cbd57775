/* What the host decided last, and why: the tables' words for codes and events, and the host's own
 * for its reasons. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dashboard/internal.h"
#include "kms/reason.h"
#include "report/json.h"
#include "store/events.h"

#define READ_MAX 20000 /* events that are looked at for the few that are wanted */

#define WHY_MAX    512
#define NOT_ENOUGH UINT32_C(0xC004F038) /* what a client shows below its threshold */

struct listing {
    const struct catalog *catalog;
    json_t *rows;
    size_t limit, read;
    bool refused_only;
};

/* ---- why ---- */

static const char *answered_why(const struct store_activation *a, char text[WHY_MAX])
{
    if (a->channel == STORE_ADBA)
        snprintf(text, WHY_MAX,
                 "%s%s%s member of the domain; an activation object covers its product, so no "
                 "count is needed.",
                 a->principal[0] != '\0' ? "Proven to be " : "", a->principal,
                 a->principal[0] != '\0' ? ", a" : "A");
    else if (a->count >= a->required_count)
        snprintf(text, WHY_MAX, "The count is %" PRIu32 " and it needs %" PRIu32 ".", a->count,
                 a->required_count);
    else
        snprintf(text, WHY_MAX,
                 "The count is %" PRIu32 " and it needs %" PRIu32
                 ": it is remembered, asks again, and activates when %" PRIu32
                 " more machines have asked.",
                 a->count, a->required_count, a->required_count - a->count);
    return text;
}

/* The host's words for its reasons; those of other rooms are told by the code. */
static const char *refused_why(const struct catalog *c, const char *reason, uint32_t hresult)
{
    const struct cat_error *e = catalog_error(c, hresult);

    for (int r = 0; r < KMS_REASONS; r++) {
        if (strcmp(kms_reason_name((enum kms_reason)r), reason) == 0)
            return kms_reason_text((enum kms_reason)r);
    }
    return e != NULL ? e->meaning : reason;
}

/* ---- rows ---- */

static void set_code(json_t *j, const struct catalog *c, uint32_t code)
{
    const struct cat_error *e = code == 0 ? NULL : catalog_error(c, code);
    char text[16];

    snprintf(text, sizeof(text), "0x%08" PRIX32, code);
    json_object_set_new(j, "code", code == 0 ? json_null() : json_string(text));
    json_object_set_new(j, "code_name",
                        e != NULL && *e->name != '\0' ? json_string(e->name) : json_null());
}

/* id: kind and number, so that a page knows what it shows already. */
static json_t *row(char kind, int64_t id, const char *outcome, int64_t when)
{
    char text[32];

    snprintf(text, sizeof(text), "%c%" PRId64, kind, id);
    return json_pack("{s:s, s:s, s:I}", "id", text, "outcome", outcome, "when", (json_int_t)when);
}

static void set_request(json_t *j, const struct catalog *c, const struct store_activation *a)
{
    const struct cat_product *p = catalog_product_by_activation_id(c, &a->activation_id);
    char id[GUID_TEXT_MAX];

    json_object_set_new(j, "machine", json_string(a->workstation));
    json_object_set_new(j, "client_id", json_string(guid_format(&a->client_id, id)));
    json_object_set_new(j, "product", p == NULL ? json_null() : json_string(p->product));
    json_object_set_new(j, "edition", p == NULL ? json_null() : json_string(p->edition));
    json_object_set_new(j, "activation_id", json_string(guid_format(&a->activation_id, id)));
    json_object_set_new(j, "source", json_string(a->peer));
}

static json_t *answered_row(const struct catalog *c, const struct store_activation *a)
{
    bool granted = a->channel != STORE_KMS || a->count >= a->required_count;
    json_t *j = row('a', a->id, granted ? "granted" : "counted", a->when);
    char text[WHY_MAX];

    set_request(j, c, a);
    json_object_set_new(j, "channel", json_string(report_channel_name(a->channel)));
    json_object_set_new(j, "why", json_string(answered_why(a, text)));
    set_code(j, c, granted ? 0 : NOT_ENOUGH);
    return j;
}

static json_t *refused_row(const struct catalog *c, const struct store_refused *r)
{
    json_t *j = row('r', r->request.id, "refused", r->request.when);

    set_request(j, c, &r->request);
    json_object_set_new(j, "reason", json_string(r->reason));
    json_object_set_new(j, "why", json_string(refused_why(c, r->reason, r->hresult)));
    set_code(j, c, r->hresult);
    return j;
}

/* Those without rows of their own; a minute, source and reason are told once. */
static json_t *refusals_row(const struct catalog *c, const struct store_refusal *r)
{
    json_t *j = row('s', r->when, "refused", r->when);
    char id[160];

    snprintf(id, sizeof(id), "s%" PRId64 " %s %s", r->when, r->source, r->reason);
    json_object_set_new(j, "id", json_string(id));
    json_object_set_new(j, "source", json_string(r->source));
    json_object_set_new(j, "times", json_integer((json_int_t)(r->times - r->had_rows)));
    json_object_set_new(j, "reason", json_string(r->reason));
    json_object_set_new(j, "why", json_string(refused_why(c, r->reason, r->hresult)));
    set_code(j, c, r->hresult);
    return j;
}

static json_t *host_row(const struct catalog *c, const struct store_host_event *h)
{
    const struct cat_event *e = catalog_event(c, h->event_id);
    json_t *j = row('h', h->id, "host", h->when);

    json_object_set_new(j, "event", json_integer(h->event_id));
    json_object_set_new(j, "text", json_string(h->text));
    json_object_set_new(j, "why", json_string(e != NULL ? e->explanation : ""));
    set_code(j, c, h->hresult);
    return j;
}

static json_t *event_row(const struct catalog *c, const struct store_event *e)
{
    if (e->answered != NULL)
        return answered_row(c, e->answered);
    if (e->refused != NULL)
        return refused_row(c, e->refused);
    return e->host != NULL ? host_row(c, e->host) : refusals_row(c, e->refusals);
}

/* ERR_LIMIT: there are enough. */
static enum err add_event(void *arg, const struct store_event *e)
{
    struct listing *l = arg;
    bool refused = e->refused != NULL || e->refusals != NULL;

    if ((refused || !l->refused_only) &&
        json_array_append_new(l->rows, event_row(l->catalog, e)) != 0)
        return ERR_NOMEM;
    l->read++;
    return json_array_size(l->rows) == l->limit || l->read == READ_MAX ? ERR_LIMIT : ERR_OK;
}

enum err dashboard_decisions(struct dashboard *d, struct store *s, const char *limit,
                             const char *outcome, json_t **out, struct errinfo *ei)
{
    const struct store_event_query q = {.since = INT64_MIN, .refusals_since = INT64_MIN};
    struct listing l = {.catalog = d->catalog, .refused_only = outcome != NULL};
    enum err e = dashboard_number("limit", limit, 50, DASHBOARD_DECISIONS_MAX, &l.limit, ei);

    if (e == ERR_OK && l.limit == 0)
        e = err_fail(ei, ERR_USAGE, "limit: expected 1 or more");
    if (e == ERR_OK && l.refused_only && strcmp(outcome, "refused") != 0)
        e = err_fail(ei, ERR_USAGE, "outcome: expected refused, or nothing");
    if (e != ERR_OK)
        return e;
    l.rows = json_array();
    e = store_each_event(s, &q, add_event, &l, ei);
    if (e != ERR_OK && e != ERR_LIMIT) {
        json_decref(l.rows);
        return e == ERR_NOMEM ? err_nomem(ei) : e;
    }
    *out = json_pack("{s:s?, s:o}", "outcome", outcome, "decisions", l.rows);
    return *out != NULL ? ERR_OK : err_nomem(ei);
}
