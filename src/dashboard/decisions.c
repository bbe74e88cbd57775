/* What the host decided last, and why: the tables' words for codes and events, and the host's own
 * for its reasons. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dashboard/internal.h"
#include "kms/reason.h"
#include "report/json.h"
#include "store/events.h"
#include "store/relayed.h"

#define READ_MAX 20000 /* events that are looked at for the few that are wanted */

#define WHY_MAX    512
#define NOT_ENOUGH UINT32_C(0xC004F038) /* what a client shows below its threshold */

struct listing {
    const struct catalog *catalog;
    json_t *rows, *relayed; /* newest first */
    size_t limit, read, read_relayed;
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

static json_t *id_or_null(const struct guid *g)
{
    char text[GUID_TEXT_MAX];

    return guid_is_zero(g) ? json_null() : json_string(guid_format(g, text));
}

/* What travels sealed is not known. */
static json_t *relayed_row(const struct catalog *c, const struct store_relayed *r)
{
    const struct cat_product *p = catalog_product_by_activation_id(c, &r->activation_id);
    json_t *j = row('u', r->id, r->status == 0 ? "relayed" : "refused", r->when);

    json_object_set_new(j, "machine",
                        *r->workstation != '\0' ? json_string(r->workstation) : json_null());
    json_object_set_new(j, "client_id", id_or_null(&r->client_id));
    json_object_set_new(j, "product", p == NULL ? json_null() : json_string(p->product));
    json_object_set_new(j, "edition", p == NULL ? json_null() : json_string(p->edition));
    json_object_set_new(j, "activation_id", id_or_null(&r->activation_id));
    json_object_set_new(j, "source", json_string(r->peer));
    json_object_set_new(j, "channel", json_string(report_channel_name(STORE_RELAY)));
    json_object_set_new(j, "upstream", json_string(r->upstream));
    if (r->status != 0)
        json_object_set_new(j, "reason", json_string("upstream"));
    json_object_set_new(j, "why",
                        json_sprintf(r->status == 0 ? "Passed on as it is: %s answered."
                                                    : "Passed on as it is: %s refused it.",
                                     r->upstream));
    set_code(j, c, r->status);
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

/* Likewise. */
static enum err add_relayed(void *arg, const struct store_relayed *r)
{
    struct listing *l = arg;

    if ((r->status != 0 || !l->refused_only) &&
        json_array_append_new(l->relayed, relayed_row(l->catalog, r)) != 0)
        return ERR_NOMEM;
    l->read_relayed++;
    return json_array_size(l->relayed) == l->limit || l->read_relayed == READ_MAX ? ERR_LIMIT
                                                                                  : ERR_OK;
}

static enum err enough_is_good(enum err e)
{
    return e == ERR_LIMIT ? ERR_OK : e;
}

static json_int_t when_of(const json_t *rows, size_t at)
{
    return json_integer_value(json_object_get(json_array_get(rows, at), "when"));
}

/* The newest of both; NULL: out of memory. */
static json_t *merge(const struct listing *l)
{
    json_t *all = json_array();
    size_t a = 0, b = 0, rows = json_array_size(l->rows), relayed = json_array_size(l->relayed);

    while (a + b < l->limit && (a < rows || b < relayed)) {
        bool first = b == relayed || (a < rows && when_of(l->rows, a) >= when_of(l->relayed, b));

        if (json_array_append(all, first ? json_array_get(l->rows, a++)
                                         : json_array_get(l->relayed, b++)) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
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
    l.relayed = json_array();
    e = enough_is_good(store_each_event(s, &q, add_event, &l, ei));
    if (e == ERR_OK)
        e = enough_is_good(store_each_relayed(s, INT64_MIN, 0, add_relayed, &l, ei));
    *out =
        e == ERR_OK ? json_pack("{s:s?, s:o}", "outcome", outcome, "decisions", merge(&l)) : NULL;
    json_decref(l.rows);
    json_decref(l.relayed);
    return e == ERR_NOMEM || (e == ERR_OK && *out == NULL) ? err_nomem(ei) : e;
}
