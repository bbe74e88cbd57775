/* adbactl kms: its verbs, and the answered requests. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/docs.h"
#include "cli/kms.h"
#include "report/json.h"

/* ---- activations ---- */

static void activation_row(struct table *t, const struct store_activation *a,
                           const struct cat_product *p)
{
    char when[CLK_TEXT_MAX], id[GUID_TEXT_MAX], name[KMS_NAME_MAX];

    table_cell(t, "%s", clk_format(a->when, when));
    table_cell(t, "%s", report_channel_name(a->channel));
    table_cell(t, "%s", a->workstation);
    table_cell(t, "%s", kms_product_name(p, &a->activation_id, name));
    table_cell(t, "%u", a->version);
    table_cell(t, "%" PRIu32, a->count);
    table_cell(t, "%s", a->peer);
    table_cell(t, "%s", guid_format(&a->client_id, id));
}

static enum err list_one(void *arg, const struct store_activation *a)
{
    struct kms_rows *l = arg;
    const struct cat_product *p = catalog_product_by_activation_id(l->catalog, &a->activation_id);

    l->n++;
    if (l->table != NULL)
        activation_row(l->table, a, p);
    else if (json_array_append_new(l->json, kms_activation_json(a, p)) != 0)
        return ERR_NOMEM;
    return ERR_OK;
}

static enum err read_activations(struct store *s, int64_t since, uint32_t limit,
                                 struct kms_rows *rows, struct errinfo *ei)
{
    return store_each_recent(s, since, limit, list_one, rows, ei);
}

static int run_activations(struct cli *cli, int argc, char **argv)
{
    static const char *const headers[] = {"TIME",   "CHANNEL", "WORKSTATION", "PRODUCT", ">VERSION",
                                          ">COUNT", "PEER",    "CMID",        NULL};
    static const struct kms_listing what = {.headers = headers,
                                            .member = "activations",
                                            .none = "No activations.",
                                            .read = read_activations};

    return kms_run_listing(cli, argc, argv, &what);
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
             "a machine that moved is where it was last. --peer merges in what the other hosts\n"
             "of the site saw (" DOCS_DIR "/high-availability.md).\n"
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
