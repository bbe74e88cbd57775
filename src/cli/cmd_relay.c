/* adbactl relay: the licensed KMS hosts that requests which are not ours go to. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "base/relaytarget.h"
#include "cli/ask.h"
#include "cli/kms.h"
#include "kms/stub.h"
#include "net/dial.h"
#include "store/relayed.h"

/* ---- status ---- */

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text == NULL ? "" : text;
}

static void print_upstreams(const json_t *upstreams)
{
    static const char *const headers[] = {"UPSTREAM",   ">PRIORITY",    ">WEIGHT", "STATE",
                                          ">UNDER WAY", ">ANSWERED",    ">FAULTS", ">FAILED",
                                          ">CHECKED",   "LAST FAILURE", NULL};
    struct table *t = table_new(headers);
    const json_t *u;
    size_t i;

    json_array_foreach(upstreams, i, u)
    {
        const json_t *checked = json_object_get(u, "checked_seconds_ago");

        table_cell(t, "%s", text_of(u, "upstream"));
        table_cell(t, "%lld", ask_number(u, "priority"));
        table_cell(t, "%lld", ask_number(u, "weight"));
        table_cell(t, "%s", text_of(u, "state"));
        table_cell(t, "%lld", ask_number(u, "under_way"));
        table_cell(t, "%lld", ask_number(u, "answered"));
        table_cell(t, "%lld", ask_number(u, "faults"));
        table_cell(t, "%lld", ask_number(u, "failed"));
        if (json_is_integer(checked))
            table_cell(t, "%lld s ago", (long long)json_integer_value(checked));
        else
            table_cell(t, "-");
        table_cell(t, "%s", text_of(u, "why"));
    }
    table_print(t);
}

static void print_relaying(const json_t *status)
{
    const json_t *upstreams = json_object_get(status, "upstreams");
    struct facts *f = facts_new();
    const char *key;
    json_t *n;

    facts_add(f, "Relayed", "%s",
              strcmp(text_of(status, "only"), "all") == 0 ? "every request"
                                                          : "requests that are not of this realm");
    facts_add(f, "Waiting for an upstream", "%lld", ask_number(status, "waiting"));
    json_object_foreach(json_object_get(status, "since_start"), key, n)
    {
        if (json_integer_value(n) > 0)
            facts_add(f, key, "%lld since start", (long long)json_integer_value(n));
    }
    if (ask_number(status, "unrecorded") > 0)
        facts_add(f, "Not in the ledger", "%lld: it did not keep up",
                  ask_number(status, "unrecorded"));
    facts_print(f);
    putchar('\n');
    if (json_array_size(upstreams) > 0)
        print_upstreams(upstreams);
    else
        puts("No upstream is known: DNS named none, or was not asked yet.");
}

static void print_status(const json_t *status)
{
    if (json_is_true(json_object_get(status, "configured")))
        print_relaying(status);
    else
        puts("Nothing is relayed: [relay] upstream is not set. Requests that are not of this realm "
             "are refused.");
}

static int run_status(struct cli *cli, int argc, char **argv)
{
    return ask_run_status(cli, argc, argv, "relay.status", print_status);
}

/* ---- test ---- */

struct testing {
    struct resolver *resolver;
    int timeout_ms;
    json_t *rows;
    size_t good;
};

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void test_one(struct testing *t, const struct relay_target *to)
{
    const struct dial d = {.host = to->host,
                           .port = to->port,
                           .iface = kms_interface_uuid,
                           .major = 1,
                           .offer = RPC_OFFER_BOTH,
                           .timeout_ms = t->timeout_ms};
    struct dial_reply reply = {0};
    struct errinfo ei = {0};
    char text[RELAY_TARGET_TEXT];
    int64_t begun = now_us();
    enum err e = dial_call(t->resolver, &d, &reply, &ei);
    double ms = (double)(now_us() - begun) / 1000;

    t->good += e == ERR_OK ? 1 : 0;
    json_array_append_new(t->rows,
                          json_pack("{s:s, s:i, s:i, s:b, s:s?, s:f, s:s?}", "upstream",
                                    relay_target_format(to, text), "priority", to->priority,
                                    "weight", to->weight, "works", e == ERR_OK, "syntax",
                                    e != ERR_OK   ? NULL
                                    : reply.ndr64 ? "NDR64"
                                                  : "NDR",
                                    "elapsed_ms", ms, "why", e == ERR_OK ? NULL : ei.text));
    buf_fini(&reply.stub);
}

static enum err find_targets(struct testing *t, const struct settings *s,
                             struct relay_target out[RELAY_TARGETS_MAX], size_t *n,
                             struct errinfo *ei)
{
    struct resolver_srv *found = NULL;
    size_t count = 0;
    char name[300];
    enum err e;

    if (s->relay_domain == NULL)
        return err_fail(ei, ERR_CONFIG, "[relay] upstream = auto needs domain");
    snprintf(name, sizeof(name), "_vlmcs._tcp.%s", s->relay_domain);
    e = resolver_srv(t->resolver, name, t->timeout_ms, &found, &count, ei);
    for (*n = 0; e == ERR_OK && *n < count && *n < RELAY_TARGETS_MAX; (*n)++) {
        const struct resolver_srv *r = &found[*n];

        out[*n] =
            (struct relay_target){.port = r->port, .priority = r->priority, .weight = r->weight};
        snprintf(out[*n].host, sizeof(out[*n].host), "%s", r->host);
    }
    free(found);
    return e;
}

static enum err test_all(struct testing *t, const struct settings *s, struct errinfo *ei)
{
    struct relay_target targets[RELAY_TARGETS_MAX];
    bool automatic = false;
    size_t n = 0;
    enum err e = relay_targets_parse(&s->relay_upstream, &automatic, targets, &n, ei);

    if (e == ERR_OK && !automatic && n == 0)
        e = err_fail(ei, ERR_CONFIG,
                     "no relay is configured; name the licensed KMS hosts in [relay] upstream");
    if (e == ERR_OK)
        e = resolver_new(s->relay_dns, &t->resolver, ei);
    if (e == ERR_OK && automatic)
        e = find_targets(t, s, targets, &n, ei);
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        test_one(t, &targets[i]);
    resolver_free(t->resolver);
    return e;
}

static void print_test(const json_t *rows)
{
    static const char *const headers[] = {"UPSTREAM", ">PRIORITY", ">WEIGHT",
                                          "RESULT",   ">TIME",     NULL};
    struct table *t = table_new(headers);
    const json_t *r;
    size_t i;

    json_array_foreach(rows, i, r)
    {
        table_cell(t, "%s", text_of(r, "upstream"));
        table_cell(t, "%lld", ask_number(r, "priority"));
        table_cell(t, "%lld", ask_number(r, "weight"));
        if (json_is_true(json_object_get(r, "works")))
            table_cell(t, "takes calls (%s)", text_of(r, "syntax"));
        else
            table_cell(t, "%s", text_of(r, "why"));
        table_cell(t, "%.1f ms", json_real_value(json_object_get(r, "elapsed_ms")));
    }
    table_print(t);
}

static int test_code(const struct testing *t)
{
    if (t->good == 0)
        return EXIT_UNREACHABLE;
    return t->good == json_array_size(t->rows) ? EXIT_OK : EXIT_INVALID;
}

static int run_test(struct cli *cli, int argc, char **argv)
{
    const struct settings *s;
    struct testing t = {0};
    struct errinfo ei = {0};
    int code = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    t.rows = json_array();
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK) {
        t.timeout_ms = (int)s->relay_attempt * 1000;
        e = test_all(&t, s, &ei);
    }
    if (e != ERR_OK) {
        json_decref(t.rows);
        return cli_fail(cli, e, &ei);
    }
    code = test_code(&t);
    if (cli->json)
        cli_json(json_pack("{s:O}", "upstreams", t.rows));
    else
        print_test(t.rows);
    json_decref(t.rows);
    return code;
}

/* ---- list ---- */

static const char *id_or_null(const struct guid *id, char text[GUID_TEXT_MAX])
{
    static const struct guid zero;

    return memcmp(id, &zero, sizeof(zero)) == 0 ? NULL : guid_format(id, text);
}

static json_t *relayed_json(const struct store_relayed *r, const struct cat_product *p)
{
    char when[CLK_TEXT_MAX], status[16], id[2][GUID_TEXT_MAX];

    snprintf(status, sizeof(status), "0x%08X", r->status);
    return json_pack(
        "{s:I, s:I, s:s, s:s, s:s, s:i, s:I, s:s?, s:s?, s:s?, s:s?, s:s?, s:s, s:b, "
        "s:s, s:I, s:I}",
        "id", (json_int_t)r->id, "when", (json_int_t)r->when, "time", clk_format(r->when, when),
        "channel", "relay", "peer", r->peer, "version", r->version, "size", (json_int_t)r->size,
        "workstation", *r->workstation == '\0' ? NULL : r->workstation, "product",
        p == NULL ? NULL : p->product, "edition", p == NULL ? NULL : p->edition, "activation_id",
        id_or_null(&r->activation_id, id[0]), "client_id", id_or_null(&r->client_id, id[1]),
        "upstream", r->upstream, "fault", r->fault, "status", status, "answer_size",
        (json_int_t)r->answer_size, "elapsed_us", (json_int_t)r->elapsed_us);
}

static void relayed_row(struct table *t, const struct store_relayed *r, const struct cat_product *p)
{
    char when[CLK_TEXT_MAX], id[GUID_TEXT_MAX], name[KMS_NAME_MAX];
    const char *activation = id_or_null(&r->activation_id, id);

    table_cell(t, "%s", clk_format(r->when, when));
    table_cell(t, "%s", r->peer);
    table_cell(t, "%u", r->version);
    table_cell(t, "%" PRIu32, r->size);
    table_cell(t, "%s", *r->workstation == '\0' ? "-" : r->workstation);
    table_cell(t, "%s", activation == NULL ? "-" : kms_product_name(p, &r->activation_id, name));
    table_cell(t, "%s", r->upstream);
    table_cell(t, "%s0x%08X", r->fault ? "fault " : "", r->status);
    table_cell(t, "%.1f ms", (double)r->elapsed_us / 1000);
}

static enum err list_one(void *arg, const struct store_relayed *r)
{
    struct kms_rows *l = arg;
    const struct cat_product *p = catalog_product_by_activation_id(l->catalog, &r->activation_id);

    l->n++;
    if (l->table != NULL)
        relayed_row(l->table, r, p);
    else if (json_array_append_new(l->json, relayed_json(r, p)) != 0)
        return ERR_NOMEM;
    return ERR_OK;
}

static enum err read_relayed(struct store *s, int64_t since, uint32_t limit, struct kms_rows *rows,
                             struct errinfo *ei)
{
    return store_each_relayed(s, since, limit, list_one, rows, ei);
}

static int run_list(struct cli *cli, int argc, char **argv)
{
    static const char *const headers[] = {"TIME",        "PEER",    ">VERSION", ">BYTES",
                                          "WORKSTATION", "PRODUCT", "UPSTREAM", "RESULT",
                                          ">TOOK",       NULL};
    static const struct kms_listing what = {.headers = headers,
                                            .member = "relayed",
                                            .none = "Nothing was relayed.",
                                            .read = read_relayed};

    return kms_run_listing(cli, argc, argv, &what);
}

const struct cli_command cmd_relay[] = {
    {.noun = "relay",
     .verb = "status",
     .usage = "",
     .run = run_status,
     .summary = "the upstreams of the running daemon: state, load, last failure",
     .help = "Asks adbad over its control socket. States: up; down (its circuit breaker is open);\n"
             "trial (one request tries whether it works again); unknown (nothing was asked yet);\n"
             "unresolved, no-address (DNS); ourselves (never asked).\n"
             "Example: adbactl relay status --json"},
    {.noun = "relay",
     .verb = "test",
     .usage = "",
     .run = run_test,
     .summary = "look up every configured upstream and bind to it",
     .help = "Needs no running daemon: reads [relay], asks DNS where upstream = auto, connects to\n"
             "each host and binds to the activation interface. Nothing is activated.\n"
             "Exit code 6 if none takes calls, 7 if only some do.\n"
             "Example: adbactl relay test --config /etc/adbad/adbad.conf"},
    {.noun = "relay",
     .verb = "list",
     .usage = "",
     .run = run_list,
     .summary = "relayed requests from the ledger, newest first",
     .help =
         "Reads the ledger beside a running adbad, or without one. Product, workstation and\n"
         "CMID are known for lab messages of version 4 only: nothing else shows them in clear.\n"
         "Example: adbactl relay list --since 1d --limit 0 --json"},
    {0},
};
