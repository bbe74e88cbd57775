/* adbactl report machines: the inventory. */
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/kms_filter.h"
#include "cli/reports.h"
#include "report/csv.h"
#include "report/json.h"

struct machines {
    struct kms_filter filter;
    struct opt_texts statuses;
    const char *search, *sort;
    int64_t last, within;
    uint32_t limit, offset;
    bool reverse, csv, self_reported;
};

/* What the filters of kms contacts look at. */
static bool passes(void *arg, const struct report_row *row)
{
    const struct machines *m = arg;
    const struct kms_filter *f = &m->filter;
    struct store_activation a = {.activation_id = row->activation_id,
                                 .application_id = row->application_id,
                                 .channel = row->channel};

    snprintf(a.workstation, sizeof(a.workstation), "%s", row->workstation);
    snprintf(a.peer, sizeof(a.peer), "%s", row->peer);
    return (!m->self_reported || row->self_reported) && kms_filter_product(f, &a, row->product) &&
           kms_filter_contact(f, &a);
}

static enum err understand(struct machines *m, const struct reports *r, struct report_query *q,
                           struct errinfo *ei)
{
    enum err e = kms_filter_read(r->reader.catalog, &m->filter, ei);

    *q = (struct report_query){.text = m->search,
                               .since = m->last > 0 ? r->now - m->last : REPORT_NEVER,
                               .reverse = m->reverse,
                               .offset = m->offset,
                               .limit = m->limit,
                               .wants = passes,
                               .arg = m};
    if (e == ERR_OK)
        e = reports_statuses(&m->statuses, false, &q->statuses, ei);
    if (e != ERR_OK || m->sort == NULL)
        return e;
    q->sort = report_sort_named(m->sort);
    if (q->sort == REPORT_SORTS)
        e = err_fail(ei, ERR_USAGE,
                     "--sort takes last, machine, product, status, channel or expires, not \"%s\"",
                     m->sort);
    return e;
}

static void print_table(const struct report_list *l)
{
    static const char *const headers[] = {"MACHINE", "PRODUCT",      "STATUS", "CHANNEL",
                                          "EXPIRES", "LAST CONTACT", "MEMBER", NULL};
    struct table *t = table_new(headers);

    for (size_t i = 0; i < l->n; i++) {
        const struct report_row *row = l->rows[i];
        char text[CLK_TEXT_MAX], name[KMS_NAME_MAX];

        table_cell(t, "%s", row->workstation);
        table_cell(t, "%s", kms_product_name(row->product, &row->activation_id, name));
        table_cell(t, "%s", report_status_name(row->status));
        table_cell(t, "%s", report_channel_text(row));
        table_cell(t, "%s", reports_date(row->expires, text));
        table_cell(t, "%s", reports_time(row->last, text));
        table_cell(t, "%s", report_member_name(row->member));
    }
    table_print(t);
    if (l->n < l->total)
        fprintf(stderr, "%zu of %zu; --limit 0 shows all\n", l->n, l->total);
}

static enum err print_csv(const struct report_list *l, struct errinfo *ei)
{
    struct buf line = BUF_INIT;
    enum err e;

    report_csv_head(&line, "\n");
    for (size_t i = 0; i < l->n && line.err == ERR_OK; i++) {
        fwrite(line.data, 1, line.len, stdout);
        buf_clear(&line);
        report_csv_row(&line, l->rows[i], "\n");
    }
    e = line.err == ERR_OK ? ERR_OK : err_nomem(ei);
    if (e == ERR_OK)
        fwrite(line.data, 1, line.len, stdout);
    buf_fini(&line);
    return e;
}

static void print_json(const struct reports *r, const struct report_list *l)
{
    json_t *rows = json_array();
    char text[CLK_TEXT_MAX];

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(rows, report_row_json(l->rows[i]));
    cli_json(json_pack("{s:s, s:I, s:o}", "time", clk_format(r->now, text), "total",
                       (json_int_t)l->total, "machines", rows));
}

static int machines(struct cli *cli, struct machines *m)
{
    struct report_list l = {0};
    struct errinfo ei = {0};
    struct report_query q;
    struct reports r;
    enum err e = reports_open(cli, m->within, &r, &ei);

    if (e == ERR_OK)
        e = understand(m, &r, &q, &ei);
    if (e == ERR_OK)
        e = report_select(r.report, &q, &l, &ei);
    if (e == ERR_OK && m->csv)
        e = print_csv(&l, &ei);
    else if (e == ERR_OK && cli->json)
        print_json(&r, &l);
    else if (e == ERR_OK && l.n > 0)
        print_table(&l);
    else if (e == ERR_OK)
        puts("No machines.");
    report_list_free(&l);
    reports_close(&r);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}

int reports_run_machines(struct cli *cli, int argc, char **argv)
{
    struct machines m = {.limit = 50, .within = REPORT_SOON};
    const struct opt opts[] = {
        OPT_TEXT_ROW("search", "TEXT", &m.search, "in the name, product, address or an id"),
        {.name = "status",
         .type = OPT_TEXTS,
         .metavar = "STATUS",
         .help = "licensed, expiring, grace, not-licensed, lapsed; may be given again",
         .dest = &m.statuses,
         .words = "licensed expiring grace not-licensed lapsed"},
        OPT_TEXT_ROW("product", "NAME", &m.filter.product,
                     "of this product (\"Windows 11\", with or without edition), or activation id"),
        OPT_WORD_ROW("application", "NAME", &m.filter.application, KMS_APPLICATIONS,
                     "windows, office, or an id"),
        {.name = "since",
         .type = OPT_DURATION,
         .metavar = "DURATION",
         .help = "last contact within DURATION on the ledger's clock (7d, 2h)",
         .dest = &m.last},
        OPT_TEXT_ROW("source", "ADDRESS", &m.filter.source, "last from this address or network"),
        OPT_TEXT_ROW("workstation", "PATTERN", &m.filter.workstation,
                     "with this name; * and ? as in a shell, in any case"),
        OPT_WORD_ROW("channel", "NAME", &m.filter.channel, KMS_CHANNELS,
                     "last answered through kms, adba or relay"),
        {.name = "within",
         .type = OPT_DURATION,
         .metavar = "DURATION",
         .help = "expiring: at most so long to the end (default 30d)",
         .dest = &m.within},
        OPT_WORD_ROW("sort", "BY", &m.sort, "last machine product status channel expires",
                     "last (default), machine, product, status, channel, expires"),
        OPT_FLAG_ROW("reverse", &m.reverse, "the other way round"),
        {.name = "offset",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "leave out the first N",
         .dest = &m.offset},
        {.name = "limit",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "at most N (default 50; 0: all)",
         .dest = &m.limit},
        OPT_FLAG_ROW("self-reported", &m.self_reported,
                     "only what clients told of the directory's activations themselves"),
        OPT_FLAG_ROW("csv", &m.csv, "comma-separated, for spreadsheets"),
        {0},
    };
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);

    return code >= 0 ? code : machines(cli, &m);
}
