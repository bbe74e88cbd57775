/* adbactl kms: the KMS host's status and its ledger. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "catalog/catalog.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "settings/settings.h"
#include "store/store.h"

/* ---- status ---- */

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text == NULL ? "-" : text;
}

static long long number_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static void add_clock(struct facts *f, const json_t *status)
{
    const json_t *clock = json_object_get(status, "clock");
    char ahead[CLK_TEXT_MAX];

    if (!json_is_true(json_object_get(clock, "lab")))
        facts_add(f, "Time", "%s", text_of(clock, "time"));
    else
        facts_add(f, "Lab time", "%s (%s ahead of real time)", text_of(clock, "time"),
                  clk_format_duration(number_of(clock, "ahead"), ahead));
}

static void add_counts(struct facts *f, const json_t *status)
{
    const json_t *applications = json_object_get(status, "applications");
    const json_t *windows = json_array_get(applications, 0);
    const json_t *office = json_array_get(applications, 1);

    facts_add(f, "Current count, Windows",
              "%lld (remembers up to %lld; clients need 25, servers 5)",
              number_of(windows, "count"), number_of(windows, "capacity"));
    facts_add(f, "Current count, Office", "%lld (remembers up to %lld; Office needs 5)",
              number_of(office, "count"), number_of(office, "capacity"));
}

static void add_totals(struct facts *f, const json_t *status)
{
    static const struct {
        const char *key, *label;
    } rows[] = {
        {"unlicensed", "  Unlicensed"},
        {"licensed", "  Licensed"},
        {"initial_grace", "  Initial grace period"},
        {"out_of_tolerance_grace", "  Out-of-tolerance grace period"},
        {"non_genuine", "  Non-genuine grace period"},
        {"notification", "  Notification"},
        {"extended_grace", "  Extended grace period"},
    };
    const json_t *totals = json_object_get(status, "totals");
    const json_t *states = json_object_get(totals, "requests_by_status");

    if (!json_is_object(totals)) {
        facts_add(f, "Requests received", "unknown while the ledger is down");
        return;
    }
    facts_add(f, "Requests received", "%lld",
              number_of(totals, "answered") + number_of(totals, "failed"));
    facts_add(f, "Failed requests", "%lld", number_of(totals, "failed"));
    facts_add(f, "Answered, by licence status", "%lld", number_of(totals, "answered"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        facts_add(f, rows[i].label, "%lld", number_of(states, rows[i].key));
}

/* Only reasons that occurred. */
static void add_refusals(struct facts *f, const json_t *status)
{
    const char *reason;
    json_t *times;

    json_object_foreach(json_object_get(status, "refused"), reason, times)
    {
        char label[64];

        snprintf(label, sizeof(label), "Refused since start, %s", reason);
        if (json_integer_value(times) > 0)
            facts_add(f, label, "%lld", (long long)json_integer_value(times));
    }
}

static void add_keys(struct facts *f, const json_t *status)
{
    const json_t *keys = json_object_get(status, "host_keys");
    json_t *key;
    size_t i;

    if (json_array_size(keys) == 0)
        facts_add(f, "Host key", "none installed: every request is refused (0xC004F042)");
    json_array_foreach(keys, i, key)
    {
        const char *lacks = json_string_value(json_object_get(key, "lacks"));

        facts_add(f, "Host key", "%s (…%s, %lld of %lld KMS ids, %s)", text_of(key, "group"),
                  text_of(key, "partial_key"), number_of(key, "kms_ids_served"),
                  number_of(key, "kms_ids"),
                  json_is_true(json_object_get(key, "activated"))
                      ? "activated"
                      : "not activated: run adbactl hostkey activate");
        if (lacks != NULL)
            facts_add(f, "", "%s", lacks);
    }
}

static void add_directory(struct facts *f, const json_t *status)
{
    const json_t *d = json_object_get(status, "directory");
    const char *why = json_string_value(json_object_get(d, "why"));
    json_t *o;
    size_t i;

    if (!json_is_object(d)) {
        facts_add(f, "Directory", "none configured");
        return;
    }
    facts_add(f, "Directory", "%s: %s%s%s", text_of(d, "uri"), text_of(d, "state"),
              why != NULL ? ": " : "", why != NULL ? why : "");
    json_array_foreach(json_object_get(d, "objects"), i, o)
    {
        facts_add(f, "Activation object", "\"%s\": %s, %lld days left", text_of(o, "name"),
                  text_of(o, "verdict"), number_of(o, "days_left"));
    }
}

static void add_ledger(struct facts *f, const json_t *status)
{
    const json_t *l = json_object_get(status, "ledger");

    if (strcmp(text_of(l, "state"), "up") == 0)
        facts_add(f, "Ledger", "%s", text_of(l, "path"));
    else
        facts_add(f, "Ledger", "down, so nothing is answered: %s", text_of(l, "why"));
}

static void print_status(const json_t *status)
{
    const json_t *connections = json_object_get(status, "connections");
    struct facts *f = facts_new();

    facts_add(f, "Host", "adbad %s, process %lld, realm %s", text_of(status, "version"),
              number_of(status, "pid"), text_of(status, "realm"));
    facts_add(f, "Host id (ePID)", "%s", text_of(status, "epid"));
    facts_add(f, "Listening on", "%s", text_of(status, "listening"));
    add_clock(f, status);
    add_counts(f, status);
    add_totals(f, status);
    add_refusals(f, status);
    facts_add(f, "Activation interval", "%lld min", number_of(status, "activation_interval"));
    facts_add(f, "Renewal interval", "%lld min", number_of(status, "renewal_interval"));
    add_keys(f, status);
    add_directory(f, status);
    facts_add(f, "Connections", "%lld open, %lld accepted", number_of(connections, "open"),
              number_of(connections, "accepted"));
    add_ledger(f, status);
    facts_print(f);
}

static int run_status(struct cli *cli, int argc, char **argv)
{
    const struct settings *s;
    struct errinfo ei = {0};
    json_t *reply = NULL, *status;
    int code = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = ask_daemon(s, "kms.status", NULL, &reply, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    status = json_object_get(reply, "status");
    if (cli->json)
        cli_json(json_incref(status));
    else
        print_status(status);
    json_decref(reply);
    return EXIT_OK;
}

/* ---- activations ---- */

static const char *const channels[] = {"kms", "adba", "relay"};

struct listing {
    const struct catalog *catalog;
    struct table *table; /* NULL: JSON */
    json_t *rows;
    size_t n;
};

static json_t *activation_json(const struct store_activation *a, const struct cat_product *p)
{
    char when[CLK_TEXT_MAX], id[5][GUID_TEXT_MAX];

    return json_pack(
        "{s:I, s:I, s:s, s:s, s:s, s:s, s:s?, s:s?, s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, "
        "s:b, s:I}",
        "id", (json_int_t)a->id, "when", (json_int_t)a->when, "time", clk_format(a->when, when),
        "channel", channels[a->channel], "peer", a->peer, "workstation", a->workstation, "product",
        p == NULL ? NULL : p->product, "edition", p == NULL ? NULL : p->edition, "version",
        a->version, "application_id", guid_format(&a->application_id, id[0]), "activation_id",
        guid_format(&a->activation_id, id[1]), "kms_id", guid_format(&a->kms_id, id[2]),
        "client_id", guid_format(&a->client_id, id[3]), "previous_client_id",
        guid_format(&a->previous_client_id, id[4]), "required_count", (json_int_t)a->required_count,
        "licence_status", (json_int_t)a->licence_status, "minutes_left",
        (json_int_t)a->minutes_left, "virtual", a->is_virtual, "count", (json_int_t)a->count);
}

static void activation_row(struct table *t, const struct store_activation *a,
                           const struct cat_product *p)
{
    char when[CLK_TEXT_MAX], id[GUID_TEXT_MAX];

    table_cell(t, "%s", clk_format(a->when, when));
    table_cell(t, "%s", channels[a->channel]);
    table_cell(t, "%s", a->workstation);
    table_cell(t, "%s%s%s", p == NULL ? guid_format(&a->activation_id, id) : p->product,
               p == NULL ? "" : " ", p == NULL ? "" : p->edition);
    table_cell(t, "%u", a->version);
    table_cell(t, "%" PRIu32, a->count);
    table_cell(t, "%s", a->peer);
    table_cell(t, "%s", guid_format(&a->client_id, id));
}

static enum err list_one(void *arg, const struct store_activation *a)
{
    struct listing *l = arg;
    const struct cat_product *p = catalog_product_by_activation_id(l->catalog, &a->activation_id);

    l->n++;
    if (l->table != NULL)
        activation_row(l->table, a, p);
    else if (json_array_append_new(l->rows, activation_json(a, p)) != 0)
        return ERR_NOMEM;
    return ERR_OK;
}

static enum err list_activations(const struct settings *s, struct listing *l, int64_t last,
                                 uint32_t limit, struct errinfo *ei)
{
    struct catalog *catalog = NULL;
    struct store *store = NULL;
    int64_t since = INT64_MIN;
    enum err e = catalog_load_overlays(s->catalog_dir, &catalog, ei);

    l->catalog = catalog;
    if (e == ERR_OK && last > 0) {
        e = session_now(s, &since, ei);
        since -= last;
    }
    if (e == ERR_OK)
        e = store_open_readonly(s->ledger, &store, ei);
    if (e == ERR_OK)
        e = store_each_recent(store, since, limit, list_one, l, ei);
    store_close(store);
    catalog_free(catalog);
    return e;
}

static int run_activations(struct cli *cli, int argc, char **argv)
{
    static const char *const headers[] = {"TIME",   "CHANNEL", "WORKSTATION", "PRODUCT", ">VERSION",
                                          ">COUNT", "PEER",    "CMID",        NULL};
    uint32_t limit = 50;
    int64_t last = 0;
    const struct opt opts[] = {
        {.name = "since",
         .type = OPT_DURATION,
         .metavar = "DURATION",
         .help = "only the last DURATION on the ledger's clock (7d, 2h)",
         .dest = &last},
        {.name = "limit",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "the newest N only (default 50; 0: all)",
         .dest = &limit},
        {0},
    };
    struct listing l = {0};
    const struct settings *s;
    struct errinfo ei = {0};
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    if (cli->json)
        l.rows = json_array();
    else
        l.table = table_new(headers);
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = list_activations(s, &l, last, limit, &ei);
    if (e != ERR_OK) {
        json_decref(l.rows);
        table_free(l.table);
        return cli_fail(cli, e, &ei);
    }
    if (cli->json) {
        cli_json(json_pack("{s:o}", "activations", l.rows));
    } else if (l.n > 0) {
        table_print(l.table);
    } else {
        table_free(l.table);
        puts("No activations.");
    }
    return EXIT_OK;
}

const struct cli_command cmd_kms[] = {
    {.noun = "kms",
     .verb = "status",
     .usage = "",
     .run = run_status,
     .summary = "what the running KMS host counts, serves and sees",
     .help = "Asks adbad over its control socket. The counters are those that slmgr /dlv shows on\n"
             "a KMS host; clients decide by the current count."},
    {.noun = "kms",
     .verb = "activations",
     .usage = "",
     .run = run_activations,
     .summary = "answered requests from the ledger, newest first",
     .help = "Reads the ledger beside a running adbad, or without one.\n"
             "Example: adbactl kms activations --since 7d --limit 0 --json"},
    {0},
};
