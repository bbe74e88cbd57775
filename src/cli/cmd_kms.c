/* adbactl kms: its verbs, and the answered requests. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/kms.h"

/* ---- activations ---- */

struct listing {
    const struct catalog *catalog;
    struct table *table; /* NULL: JSON */
    json_t *rows;
    size_t n;
};

static void activation_row(struct table *t, const struct store_activation *a,
                           const struct cat_product *p)
{
    char when[CLK_TEXT_MAX], id[GUID_TEXT_MAX], name[KMS_NAME_MAX];

    table_cell(t, "%s", clk_format(a->when, when));
    table_cell(t, "%s", kms_channel_name(a->channel));
    table_cell(t, "%s", a->workstation);
    table_cell(t, "%s", kms_product_name(p, &a->activation_id, name));
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
    else if (json_array_append_new(l->rows, kms_activation_json(a, p)) != 0)
        return ERR_NOMEM;
    return ERR_OK;
}

static enum err list_activations(struct cli *cli, struct listing *l, int64_t last, uint32_t limit,
                                 struct errinfo *ei)
{
    struct kms_reader reader;
    int64_t since;
    enum err e = kms_reader_open(cli, &reader, ei);

    l->catalog = reader.catalog;
    if (e == ERR_OK)
        e = kms_since(reader.settings, last, &since, ei);
    if (e == ERR_OK)
        e = store_each_recent(reader.store, since, limit, list_one, l, ei);
    kms_reader_close(&reader);
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
    struct errinfo ei = {0};
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    if (cli->json)
        l.rows = json_array();
    else
        l.table = table_new(headers);
    e = list_activations(cli, &l, last, limit, &ei);
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
     .run = kms_run_status,
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
    {.noun = "kms",
     .verb = "contacts",
     .usage = "",
     .run = kms_run_contacts,
     .summary = "who asks: the last contact of each machine and product",
     .help = "Reads the ledger beside a running adbad, or without one, newest first. Product and\n"
             "application choose what is listed; the other filters are about the last contact:\n"
             "a machine that moved is where it was last.\n"
             "Example: adbactl kms contacts --product \"Windows 11\" --since 30d --limit 0 --csv"},
    {.noun = "kms",
     .verb = "stragglers",
     .usage = "",
     .run = kms_run_stragglers,
     .summary = "who still asks a host that refuses all, last one first",
     .help = "With [kms] mode = refuse each machine and product that asks is kept with its name,\n"
             "address and last request: those are still to be moved to another host. Reads the\n"
             "ledger beside a running adbad, or without one."},
    {.noun = "kms",
     .verb = "events",
     .usage = "",
     .run = kms_run_events,
     .summary = "the KMS host's event log: event 12290 of each request, and the host's own",
     .help = "Reads the ledger beside a running adbad, or without one. Each request is an event,\n"
             "answered or refused. Info is the documented list: result, required count, client\n"
             "name, CMID, client time, virtual, licence status, minutes to expiration, activation\n"
             "id. Requests that cannot be read, and refused ones when there are too many, are one\n"
             "event for each minute, source and reason, with their number. Events of the host:\n"
             "12291 (it could not start), 12293 and 12294 (publishing in DNS).\n"
             "Example: adbactl kms events --follow --json"},
    {0},
};
