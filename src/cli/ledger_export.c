/* adbactl ledger export: rows as they are, one by one, for other programs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "cli/kms_filter.h"
#include "cli/ledger.h"
#include "cli/out.h"
#include "cli/session.h"
#include "store/refused.h"
#include "store/selfreports.h"

/* Rows read from one state of the ledger. While somebody reads, the writer's log can't begin again:
 * a long export lets go of it in between. */
#define SLICE 4096

struct export
{
    struct kms_filter filter;
    const char *since_text, *until_text;
    bool as_csv;
    bool refusals, requests; /* refused ones: their sums, or one by one */
    bool self_reports;
    int64_t since, until; /* until is not in it */
    const struct catalog *catalog;
    struct csv csv;
    int64_t last;  /* the newest id that was read */
    unsigned left; /* of the slice */
};

/* ---- options ---- */

/* How long ago on the ledger's clock, or a day or time in UTC. */
static enum err read_time(const struct settings *s, const char *option, const char *text,
                          int64_t *out, struct errinfo *ei)
{
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"};
    int64_t ago, now;
    enum err e;

    if (clk_parse_duration(text, &ago) == 0) {
        e = session_now(s, &now, ei);
        *out = now - ago;
        return e;
    }
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct tm tm = {0};
        const char *end = strptime(text, formats[i], &tm);

        if (end != NULL && *end == '\0') {
            *out = timegm(&tm);
            return ERR_OK;
        }
    }
    return err_fail(ei, ERR_USAGE,
                    "--%s takes a duration (7d, 2h), a day (2026-11-22) or a time "
                    "(2026-11-22T10:00:00Z), not \"%s\"",
                    option, text);
}

static enum err read_times(const struct settings *s, struct export *x, struct errinfo *ei)
{
    enum err e = ERR_OK;

    x->since = INT64_MIN;
    x->until = INT64_MAX;
    if (x->since_text != NULL)
        e = read_time(s, "since", x->since_text, &x->since, ei);
    if (e == ERR_OK && x->until_text != NULL)
        e = read_time(s, "until", x->until_text, &x->until, ei);
    return e;
}

/* ---- rows ---- */

static enum err put_line(json_t *row)
{
    if (row == NULL)
        return ERR_NOMEM;
    json_dumpf(row, stdout, JSON_COMPACT);
    json_decref(row);
    putchar('\n');
    return ferror(stdout) ? ERR_IO : ERR_OK;
}

/* An object's members become a line's cells, in their order; so the two have one schema. */
static enum err put_cells(struct csv *c, json_t *row)
{
    const char *key;
    json_t *v;

    if (row == NULL)
        return ERR_NOMEM;
    json_object_foreach(row, key, v)
    {
        if (json_is_string(v))
            csv_cell(c, "%s", json_string_value(v));
        else if (json_is_integer(v))
            csv_cell(c, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        else
            csv_cell(c, "%s", json_is_boolean(v) ? json_is_true(v) ? "1" : "0" : "");
    }
    csv_end(c);
    json_decref(row);
    return ferror(stdout) ? ERR_IO : ERR_OK;
}

static enum err put(struct export *x, json_t *row)
{
    return x->as_csv ? put_cells(&x->csv, row) : put_line(row);
}

static void put_headers(struct export *x, json_t *row)
{
    const char *key;
    json_t *v;

    json_object_foreach(row, key, v)
    {
        csv_cell(&x->csv, "%s", key);
    }
    csv_end(&x->csv);
    json_decref(row);
}

static json_t *refusal_json(const struct store_refusal *r)
{
    char when[CLK_TEXT_MAX], code[16];

    snprintf(code, sizeof(code), "0x%08" PRIX32, r->hresult);
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:I}", "minute", (json_int_t)r->when, "time",
                     clk_format(r->when, when), "source", r->source, "reason", r->reason, "hresult",
                     code, "times", (json_int_t)r->times);
}

/* The request's own fields are those of an answered one. */
static json_t *refused_json(const struct store_refused *r, const struct cat_product *p)
{
    json_t *j = kms_activation_json(&r->request, p);
    char code[16];

    if (j == NULL)
        return NULL;
    snprintf(code, sizeof(code), "0x%08" PRIX32, r->hresult);
    json_object_del(j, "channel");
    json_object_del(j, "count");
    json_object_del(j, "peer");
    json_object_del(j, "principal");
    json_object_del(j, "sid");
    json_object_set_new(j, "source", json_string(r->request.peer));
    json_object_set_new(j, "reason", json_string(r->reason));
    json_object_set_new(j, "hresult", json_string(code));
    return j;
}

static json_t *self_report_json(const struct store_self_report *r, const struct cat_product *p)
{
    char time[CLK_TEXT_MAX], activated[CLK_TEXT_MAX], expires[CLK_TEXT_MAX], id[5][GUID_TEXT_MAX];

    return json_pack(
        "{s:I, s:I, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s, s:s, s:s, s:s, s:s, s:s,"
        " s:s, s:I, s:s, s:I, s:s, s:I}",
        "id", (json_int_t)r->id, "when", (json_int_t)r->when, "time", clk_format(r->when, time),
        "peer", r->peer, "event", (json_int_t)r->event_id, "workstation", r->workstation, "account",
        r->account, "domain", r->domain, "sid", r->sid, "product", p == NULL ? NULL : p->product,
        "edition", p == NULL ? NULL : p->edition, "partial_key", r->key, "client_id",
        guid_format(&r->client_id, id[0]), "activation_id", guid_format(&r->activation_id, id[1]),
        "application_id", guid_format(&r->application_id, id[2]), "kms_id",
        guid_format(&r->kms_id, id[3]), "object_name", r->object_name, "object_dn", r->object_dn,
        "activated", (json_int_t)r->activated_at, "activated_time",
        clk_format(r->activated_at, activated), "expires", (json_int_t)r->expires, "expires_time",
        clk_format(r->expires, expires), "client_when", (json_int_t)r->client_when);
}

/* ---- reading ---- */

/* ERR_LIMIT: the slice is full. */
static enum err take(void *arg, const struct store_activation *a)
{
    struct export *x = arg;
    const struct cat_product *p = catalog_product_by_activation_id(x->catalog, &a->activation_id);
    enum err e = ERR_OK;

    x->last = a->id;
    if (a->when < x->until && kms_filter_product(&x->filter, a, p) &&
        kms_filter_contact(&x->filter, a))
        e = put(x, kms_activation_json(a, p));
    return e == ERR_OK && --x->left == 0 ? ERR_LIMIT : e;
}

static enum err take_refused(void *arg, const struct store_refused *r)
{
    struct export *x = arg;
    const struct store_activation *a = &r->request;
    const struct cat_product *p = catalog_product_by_activation_id(x->catalog, &a->activation_id);
    enum err e = ERR_OK;

    x->last = a->id;
    if (a->when < x->until && kms_filter_product(&x->filter, a, p) &&
        kms_filter_contact(&x->filter, a))
        e = put(x, refused_json(r, p));
    return e == ERR_OK && --x->left == 0 ? ERR_LIMIT : e;
}

/* What the filters look at. */
static bool passes(const struct export *x, const struct store_self_report *r,
                   const struct cat_product *p)
{
    struct store_activation a = {.activation_id = r->activation_id,
                                 .application_id = r->application_id,
                                 .channel = STORE_ADBA};

    snprintf(a.workstation, sizeof(a.workstation), "%s", r->workstation);
    snprintf(a.peer, sizeof(a.peer), "%s", r->peer);
    return kms_filter_product(&x->filter, &a, p) && kms_filter_contact(&x->filter, &a);
}

static enum err take_self_report(void *arg, const struct store_self_report *r)
{
    struct export *x = arg;
    const struct cat_product *p = catalog_product_by_activation_id(x->catalog, &r->activation_id);
    enum err e = ERR_OK;

    x->last = r->id;
    if (r->when < x->until && passes(x, r, p))
        e = put(x, self_report_json(r, p));
    return e == ERR_OK && --x->left == 0 ? ERR_LIMIT : e;
}

static enum err take_refusal(void *arg, const struct store_refusal *r)
{
    struct export *x = arg;

    return r->when < x->until ? put(x, refusal_json(r)) : ERR_OK;
}

static enum err export_activations(struct store *s, struct export *x, struct errinfo *ei)
{
    enum err e;

    if (x->as_csv)
        put_headers(x, kms_activation_json(&(struct store_activation){0}, NULL));
    do {
        x->left = SLICE;
        e = store_each_from(s, x->since, x->last, take, x, ei);
    } while (e == ERR_LIMIT);
    return e;
}

static enum err export_requests(struct store *s, struct export *x, struct errinfo *ei)
{
    enum err e;

    if (x->as_csv)
        put_headers(x, refused_json(&(struct store_refused){0}, NULL));
    do {
        x->left = SLICE;
        e = store_each_refused(s, x->since, x->last, take_refused, x, ei);
    } while (e == ERR_LIMIT);
    return e;
}

static enum err export_refusals(struct store *s, struct export *x, struct errinfo *ei)
{
    if (x->as_csv)
        put_headers(x, refusal_json(&(struct store_refusal){0}));
    return store_each_refusal(s, x->since, take_refusal, x, ei);
}

static enum err export_self_reports(struct store *s, struct export *x, struct errinfo *ei)
{
    enum err e;

    if (x->as_csv)
        put_headers(x, self_report_json(&(struct store_self_report){0}, NULL));
    do {
        x->left = SLICE;
        e = store_each_self_report(s, x->since, x->last, take_self_report, x, ei);
    } while (e == ERR_LIMIT);
    return e;
}

static enum err export_rows(struct cli *cli, struct export *x, struct errinfo *ei)
{
    struct kms_reader reader;
    enum err e = kms_reader_open(cli, &reader, ei);

    if (e != ERR_OK)
        return e;
    x->catalog = reader.catalog;
    e = read_times(reader.settings, x, ei);
    if (e == ERR_OK)
        e = kms_filter_read(reader.catalog, &x->filter, ei);
    if (e == ERR_OK)
        e = x->refusals       ? export_refusals(reader.store, x, ei)
            : x->requests     ? export_requests(reader.store, x, ei)
            : x->self_reports ? export_self_reports(reader.store, x, ei)
                              : export_activations(reader.store, x, ei);
    kms_reader_close(&reader);
    if (e == ERR_NOMEM)
        return err_nomem(ei);
    return ferror(stdout) ? ERR_OK : e; /* main tells of that */
}

int ledger_run_export(struct cli *cli, int argc, char **argv)
{
    struct export x = {0};
    const struct opt opts[] = {
        OPT_FLAG_ROW("csv", &x.as_csv, "comma-separated with a line of headers, for spreadsheets"),
        OPT_FLAG_ROW("refusals", &x.refusals, "the refusals instead, one per minute and source"),
        OPT_FLAG_ROW("refused", &x.requests, "the refused requests instead, one by one"),
        OPT_FLAG_ROW("self-reports", &x.self_reports,
                     "what clients told of the directory's activations instead"),
        OPT_TEXT_ROW("since", "TIME", &x.since_text,
                     "from then on: 2026-11-22, 2026-11-22T10:00:00Z, or how long ago (7d)"),
        OPT_TEXT_ROW("until", "TIME", &x.until_text, "before then"),
        OPT_TEXT_ROW("product", "NAME", &x.filter.product,
                     "of this product (\"Windows 11\", with or without edition), or activation id"),
        OPT_WORD_ROW("application", "NAME", &x.filter.application, KMS_APPLICATIONS,
                     "windows, office, or an id"),
        OPT_TEXT_ROW("source", "ADDRESS", &x.filter.source, "from this address or network"),
        OPT_TEXT_ROW("workstation", "PATTERN", &x.filter.workstation,
                     "with this name; * and ? as in a shell, in any case"),
        OPT_WORD_ROW("channel", "NAME", &x.filter.channel, KMS_CHANNELS,
                     "answered through kms, adba or relay"),
        {0},
    };
    struct errinfo ei = {0};
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    if (x.refusals + x.requests + x.self_reports > 1)
        e = err_fail(&ei, ERR_USAGE, "--refusals, --refused and --self-reports exclude each other");
    else if (x.self_reports && x.filter.channel != NULL)
        e = err_fail(&ei, ERR_USAGE, "--self-reports: they came through no channel of this host");
    else if (x.requests && x.filter.channel != NULL)
        e = err_fail(&ei, ERR_USAGE, "--refused: nothing is refused through a channel");
    else if (x.refusals &&
             (x.filter.product != NULL || x.filter.application != NULL || x.filter.source != NULL ||
              x.filter.workstation != NULL || x.filter.channel != NULL))
        e = err_fail(&ei, ERR_USAGE, "--refusals goes with --since and --until only");
    else
        e = export_rows(cli, &x, &ei);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}
