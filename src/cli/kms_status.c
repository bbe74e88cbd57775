/* adbactl kms status: what the running KMS host says of itself. */
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/ask.h"
#include "cli/kms.h"
#include "cli/out.h"

static void add_clock(struct facts *f, const json_t *status)
{
    const json_t *clock = json_object_get(status, "clock");
    char ahead[CLK_TEXT_MAX];

    if (!json_is_true(json_object_get(clock, "lab")))
        facts_add(f, "Time", "%s", ask_text(clock, "time"));
    else
        facts_add(f, "Lab time", "%s (%s ahead of real time)", ask_text(clock, "time"),
                  clk_format_duration(ask_number(clock, "ahead"), ahead));
}

static void add_counts(struct facts *f, const json_t *status)
{
    const json_t *applications = json_object_get(status, "applications");
    const json_t *windows = json_array_get(applications, 0);
    const json_t *office = json_array_get(applications, 1);

    facts_add(f, "Current count, Windows",
              "%lld (remembers up to %lld; clients need 25, servers 5; %lld requests answered)",
              ask_number(windows, "count"), ask_number(windows, "capacity"),
              ask_number(windows, "answered"));
    facts_add(f, "Current count, Office",
              "%lld (remembers up to %lld; Office needs 5; %lld requests answered)",
              ask_number(office, "count"), ask_number(office, "capacity"),
              ask_number(office, "answered"));
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
              ask_number(totals, "answered") + ask_number(totals, "failed"));
    facts_add(f, "Failed requests", "%lld", ask_number(totals, "failed"));
    facts_add(f, "Answered, by licence status", "%lld", ask_number(totals, "answered"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        facts_add(f, rows[i].label, "%lld", ask_number(states, rows[i].key));
}

/* Only reasons that occurred; each is named behind the prefix. */
static void add_reasons(struct facts *f, json_t *counts, const char *prefix)
{
    const char *reason;
    json_t *times;

    json_object_foreach(counts, reason, times)
    {
        char label[64];

        snprintf(label, sizeof(label), "%s%s", prefix, reason);
        if (json_integer_value(times) > 0)
            facts_add(f, label, "%lld", (long long)json_integer_value(times));
    }
}

static void add_keys(struct facts *f, const json_t *status)
{
    const json_t *keys = json_object_get(status, "host_keys");
    bool relays_all = json_is_true(json_object_get(status, "relays_all"));
    json_t *key;
    size_t i;

    if (json_array_size(keys) == 0)
        facts_add(f, "Host key", "none installed: every request is %s",
                  relays_all ? "relayed" : "refused (0xC004F042)");
    json_array_foreach(keys, i, key)
    {
        const char *lacks = json_string_value(json_object_get(key, "lacks"));

        facts_add(f, "Host key", "%s (…%s, %lld of %lld KMS ids, %s)", ask_text(key, "group"),
                  ask_text(key, "partial_key"), ask_number(key, "kms_ids_served"),
                  ask_number(key, "kms_ids"),
                  json_is_true(json_object_get(key, "activated"))
                      ? "activated"
                      : "not activated: run adbactl hostkey activate");
        if (lacks != NULL)
            facts_add(f, "  Not all of them", "%s", lacks);
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
    facts_add(f, "Directory", "%s: %s%s%s", ask_text(d, "uri"), ask_text(d, "state"),
              why != NULL ? ": " : "", why != NULL ? why : "");
    json_array_foreach(json_object_get(d, "objects"), i, o)
    {
        facts_add(f, "Activation object", "\"%s\": %s, %lld days left", ask_text(o, "name"),
                  ask_text(o, "verdict"), ask_number(o, "days_left"));
    }
}

static void add_ledger(struct facts *f, const json_t *status)
{
    const json_t *l = json_object_get(status, "ledger");

    if (strcmp(ask_text(l, "state"), "up") == 0)
        facts_add(f, "Ledger", "%s", ask_text(l, "path"));
    else
        facts_add(f, "Ledger", "down, so nothing is answered: %s", ask_text(l, "why"));
}

static void add_confinement(struct facts *f, const json_t *status)
{
    const json_t *c = json_object_get(status, "confinement");
    const char *why = json_string_value(json_object_get(c, "why"));

    if (why != NULL)
        facts_add(f, "Confinement", "not whole: %s", why);
    else if (c != NULL)
        facts_add(f, "Confinement", "Landlock (version %lld), filtered system calls",
                  ask_number(c, "landlock"));
}

/* One row of each domain that the last round looked at. */
static void add_dns(struct facts *f, const json_t *dns)
{
    size_t i;
    json_t *d;

    json_array_foreach((json_t *)(uintptr_t)json_object_get(dns, "domains"), i, d)
    {
        const char *why = json_string_value(json_object_get(d, "why"));
        char name[300];

        snprintf(name, sizeof(name), "  In %s", ask_text(d, "domain"));
        facts_add(f, name, "%s", why != NULL ? why : ask_text(d, "state"));
    }
}

static const char *publishing(const json_t *overrides, const json_t *dns)
{
    if (!json_is_true(json_object_get(overrides, "dns_publishing")))
        return "disabled";
    if (!json_is_true(json_object_get(dns, "configured")))
        return "enabled, but no domain is configured ([dns] domains)";
    return json_is_true(json_object_get(dns, "publishing"))
               ? "enabled"
               : "only by adbactl dns publish ([dns] publish = no)";
}

/* What slmgr's host options set. */
static void add_overrides(struct facts *f, const json_t *status)
{
    const json_t *o = json_object_get(status, "overrides");
    const json_t *port = json_object_get(o, "listening_port");

    facts_add(f, "DNS publishing", "%s", publishing(o, json_object_get(status, "dns")));
    add_dns(f, json_object_get(status, "dns"));
    if (port != NULL)
        facts_add(f, "Port set with /sprt", "%lld (in use from the next start on)",
                  (long long)json_integer_value(port));
    if (json_object_get(o, "activation_interval") != NULL)
        facts_add(f, "Activation interval", "set with /sai");
    if (json_object_get(o, "renewal_interval") != NULL)
        facts_add(f, "Renewal interval", "set with /sri");
}

/* A table of its own: what each product's clients said of themselves. */
static void print_products(const json_t *status)
{
    static const char *const headers[] = {
        "PRODUCT",      ">ANSWERED",     ">LICENSED", ">UNLICENSED", ">INITIAL", ">TOLERANCE",
        ">NON-GENUINE", ">NOTIFICATION", ">EXTENDED", "LAST",        NULL};
    static const char *const states[] = {
        "licensed",    "unlicensed",   "initial_grace", "out_of_tolerance_grace",
        "non_genuine", "notification", "extended_grace"};
    const json_t *products = json_object_get(status, "products");
    struct table *t;
    json_t *p;
    size_t i;

    if (json_array_size(products) == 0)
        return;
    t = table_new(headers);
    json_array_foreach(products, i, p)
    {
        const char *name = json_string_value(json_object_get(p, "product"));
        const json_t *counts = json_object_get(p, "requests_by_status");

        table_cell(t, "%s%s%s", name == NULL ? ask_text(p, "activation_id") : name,
                   name == NULL ? "" : " ", name == NULL ? "" : ask_text(p, "edition"));
        table_cell(t, "%lld", ask_number(p, "answered"));
        for (size_t k = 0; k < sizeof(states) / sizeof(states[0]); k++)
            table_cell(t, "%lld", ask_number(counts, states[k]));
        table_cell(t, "%s", ask_text(p, "last_time"));
    }
    printf("\n%sAnswered requests by product%s\n", out_paint(PAINT_BOLD), out_paint(PAINT_NONE));
    table_print(t);
}

static void print_status(const json_t *status)
{
    const json_t *connections = json_object_get(status, "connections");
    struct facts *f = facts_new();

    facts_add(f, "Host", "adbad %s, process %lld, realm %s", ask_text(status, "version"),
              ask_number(status, "pid"), ask_text(status, "realm"));
    facts_add(f, "Host id (ePID)", "%s", ask_text(status, "epid"));
    if (json_is_true(json_object_get(status, "relays_all")))
        facts_add(f, "Mode", "every request is relayed; adbactl relay status tells where to");
    else if (strcmp(ask_text(status, "mode"), "refuse") == 0)
        facts_add(f, "Mode",
                  "refuse: everybody is told 0xC004F042; adbactl kms stragglers lists who asks");
    if (json_is_string(json_object_get(status, "host_os")))
        facts_add(f, "Simulated system", "%s", ask_text(status, "host_os"));
    facts_add(f, "Listening on", "%s", ask_text(status, "listening"));
    facts_add(f, "Priority", "%s (nice %lld)", ask_text(status, "priority"),
              ask_number(status, "nice"));
    add_clock(f, status);
    add_counts(f, status);
    add_totals(f, status);
    add_reasons(f, json_object_get(status, "refused"), "Refused since start, ");
    facts_add(f, "Activation interval", "%lld min", ask_number(status, "activation_interval"));
    facts_add(f, "Renewal interval", "%lld min", ask_number(status, "renewal_interval"));
    add_overrides(f, status);
    add_keys(f, status);
    add_directory(f, status);
    facts_add(f, "Connections", "%lld open, %lld accepted", ask_number(connections, "open"),
              ask_number(connections, "accepted"));
    add_reasons(f, json_object_get(connections, "closed"), "  Closed, ");
    add_reasons(f, json_object_get(connections, "rpc_refused"), "  RPC calls refused, ");
    add_ledger(f, status);
    add_confinement(f, status);
    facts_print(f);
    print_products(status);
}

int kms_run_status(struct cli *cli, int argc, char **argv)
{
    return ask_run_status(cli, argc, argv, "kms.status", print_status);
}
