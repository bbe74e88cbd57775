/* adbactl report: what the ledger tells of a site, beside a running adbad or without one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "cli/out.h"
#include "cli/reports.h"
#include "cli/session.h"
#include "report/json.h"

enum err reports_open(struct cli *cli, int64_t soon, struct reports *r, struct errinfo *ei)
{
    enum err e;

    *r = (struct reports){0};
    e = kms_reader_open(cli, &r->reader, ei);
    if (e == ERR_OK)
        e = session_now(r->reader.settings, &r->now, ei);
    if (e == ERR_OK) {
        r->report = report_new(r->reader.catalog);
        e = r->report == NULL ? err_nomem(ei)
                              : report_read(r->report, r->reader.store, r->now, soon, ei);
    }
    if (e != ERR_OK)
        reports_close(r);
    return e;
}

void reports_close(struct reports *r)
{
    report_free(r->report);
    kms_reader_close(&r->reader);
    *r = (struct reports){0};
}

const char *reports_time(int64_t when, char *text)
{
    return when == REPORT_NEVER ? "-" : clk_format(when, text);
}

const char *reports_date(int64_t when, char *text)
{
    if (when == REPORT_NEVER)
        return "-";
    clk_format(when, text);
    text[strcspn(text, "T")] = '\0';
    return text;
}

enum err reports_statuses(const struct opt_texts *names, bool silent, unsigned *bits,
                          struct errinfo *ei)
{
    *bits = 0;
    for (size_t i = 0; i < names->n; i++) {
        enum report_status s = report_status_named(names->v[i]);

        if (s == REPORT_NO_REPORT && !silent)
            return err_fail(ei, ERR_USAGE,
                            "what never asked has no row here; \"adbactl report compliance "
                            "--status no-report\" lists it");
        if (s == REPORT_STATUSES)
            return err_fail(ei, ERR_USAGE,
                            "--status takes licensed, expiring, grace, not-licensed%s, not \"%s\"",
                            silent ? ", lapsed or no-report" : " or lapsed", names->v[i]);
        *bits |= 1u << s;
    }
    return ERR_OK;
}

/* ---- products ---- */

static void print_products(const struct report_product *all, size_t n)
{
    static const char *const headers[] = {
        "PRODUCT", ">MACHINES", ">LICENSED",  ">EXPIRING", ">GRACE",    ">NOT LIC.", ">LAPSED",
        ">KMS",    ">ADBA",     ">SELF-REP.", ">COUNT",    "THRESHOLD", NULL};
    struct table *t = table_new(headers);

    for (size_t i = 0; i < n; i++) {
        const struct report_product *p = &all[i];
        char name[KMS_NAME_MAX];

        table_cell(t, "%s", kms_product_name(p->product, &p->activation_id, name));
        table_cell(t, "%zu", p->machines);
        for (int s = REPORT_LICENSED; s <= REPORT_LAPSED; s++)
            table_cell(t, "%zu", p->by_status[s]);
        table_cell(t, "%zu", p->by_channel[STORE_KMS]);
        table_cell(t, "%zu", p->by_channel[STORE_ADBA] - p->self_reported);
        table_cell(t, "%zu", p->self_reported);
        table_cell(t, "%" PRIu32, p->count);
        if (p->count >= p->required_count)
            table_cell(t, "%" PRIu32 ", reached", p->required_count);
        else
            table_cell(t, "%" PRIu32 ", %" PRIu32 " missing", p->required_count,
                       p->required_count - p->count);
    }
    table_print(t);
}

static void csv_products(const struct report_product *all, size_t n)
{
    static const char *const headers[] = {"product",
                                          "edition",
                                          "activation_id",
                                          "application_id",
                                          "machines",
                                          "licensed",
                                          "expiring",
                                          "grace",
                                          "not_licensed",
                                          "lapsed",
                                          "channel_kms",
                                          "channel_adba",
                                          "channel_relay",
                                          "count",
                                          "required_count",
                                          "last",
                                          "last_time",
                                          "self_reported",
                                          NULL};
    struct csv c = {0};

    csv_head(&c, headers);
    for (size_t i = 0; i < n; i++) {
        const struct report_product *p = &all[i];
        char text[CLK_TEXT_MAX], id[GUID_TEXT_MAX];

        csv_cell(&c, "%s", p->product == NULL ? "" : p->product->product);
        csv_cell(&c, "%s", p->product == NULL ? "" : p->product->edition);
        csv_cell(&c, "%s", guid_format(&p->activation_id, id));
        csv_cell(&c, "%s", guid_format(&p->application_id, id));
        csv_cell(&c, "%zu", p->machines);
        for (int s = REPORT_LICENSED; s <= REPORT_LAPSED; s++)
            csv_cell(&c, "%zu", p->by_status[s]);
        for (int k = STORE_KMS; k <= STORE_RELAY; k++)
            csv_cell(&c, "%zu", p->by_channel[k]);
        csv_cell(&c, "%" PRIu32, p->count);
        csv_cell(&c, "%" PRIu32, p->required_count);
        csv_cell(&c, "%" PRId64, p->last);
        csv_cell(&c, "%s", reports_time(p->last, text));
        csv_cell(&c, "%zu", p->self_reported);
        csv_end(&c);
    }
}

static void show_products(const struct cli *cli, bool csv, const struct report_product *all,
                          size_t n)
{
    json_t *rows;

    if (csv) {
        csv_products(all, n);
    } else if (cli->json) {
        rows = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append_new(rows, report_product_json(&all[i]));
        cli_json(json_pack("{s:o}", "products", rows));
    } else if (n > 0) {
        print_products(all, n);
    } else {
        puts("No machine has asked this host yet.");
    }
}

static int run_products(struct cli *cli, int argc, char **argv)
{
    bool csv = false;
    const struct opt opts[] = {
        OPT_FLAG_ROW("csv", &csv, "comma-separated, for spreadsheets"),
        {0},
    };
    struct report_product *all = NULL;
    struct errinfo ei = {0};
    struct reports r;
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);
    size_t n = 0;
    enum err e;

    if (code >= 0)
        return code;
    e = reports_open(cli, REPORT_SOON, &r, &ei);
    if (e == ERR_OK)
        e = report_products(r.report, &all, &n, &ei);
    if (e == ERR_OK)
        show_products(cli, csv, all, n);
    free(all);
    reports_close(&r);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}

const struct cli_command cmd_report[] = {
    {.noun = "report",
     .verb = "machines",
     .usage = "",
     .run = reports_run_machines,
     .summary = "the inventory: machine, product, status, channel, expiry, last contact",
     .help =
         "One row per machine and product that ever asked this host, judged by its last\n"
         "answered request. A member that the directory activates by itself asks no host; of lab\n"
         "clients that tell of it (adbaclient report), the row says self-reported: it is their\n"
         "own word.\n"
         "Examples: adbactl report machines --status lapsed --status expiring\n"
         "          adbactl report machines --sort expires --csv >inventory.csv"},
    {.noun = "report",
     .verb = "products",
     .usage = "",
     .run = run_products,
     .summary = "machines by product, status and channel, and the count against its threshold",
     .help = "COUNT is that of the product's application, as the host counts: KMS clients of the\n"
             "last 30 days.\n"
             "Example: adbactl report products --json"},
    {.noun = "report",
     .verb = "compliance",
     .usage = "",
     .run = reports_run_compliance,
     .summary = "the domain's computers held against the ledger, and strangers that asked",
     .help =
         "Computers come from the membership registry that adbad keeps in the ledger. The\n"
         "status no-report says only that a computer never asked this host, nor told it that the\n"
         "directory activated it, as lab clients may (self-reported): it may have. Of several "
         "products the worst off decides.\n"
         "Example: adbactl report compliance --within 14d --status expiring --csv"},
    {0},
};
