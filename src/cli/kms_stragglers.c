/* adbactl kms stragglers: who still asks a host that refuses all. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clk.h"
#include "cli/kms_filter.h"
#include "cli/out.h"
#include "store/stragglers.h"

struct listing {
    struct kms_filter filter;
    int64_t last;
    uint32_t limit, n;
    bool as_csv, filtered;
    const struct catalog *catalog;
    struct table *table; /* one of the three takes the rows */
    json_t *rows;
    struct csv csv;
};

static json_t *straggler_json(const struct store_straggler *w, const struct cat_product *p)
{
    char first[CLK_TEXT_MAX], last[CLK_TEXT_MAX], id[3][GUID_TEXT_MAX];

    return json_pack("{s:I, s:s, s:I, s:s, s:s, s:s, s:s?, s:s?, s:s, s:s, s:s, s:I}", "last",
                     (json_int_t)w->last, "last_time", clk_format(w->last, last), "first",
                     (json_int_t)w->first, "first_time", clk_format(w->first, first), "workstation",
                     w->workstation, "source", w->source, "product", p == NULL ? NULL : p->product,
                     "edition", p == NULL ? NULL : p->edition, "activation_id",
                     guid_format(&w->activation_id, id[0]), "application_id",
                     guid_format(&w->application_id, id[1]), "client_id",
                     guid_format(&w->client_id, id[2]), "times", (json_int_t)w->times);
}

static void straggler_row(struct table *t, const struct store_straggler *w,
                          const struct cat_product *p)
{
    char when[CLK_TEXT_MAX], id[GUID_TEXT_MAX], name[KMS_NAME_MAX];

    table_cell(t, "%s", clk_format(w->last, when));
    table_cell(t, "%s", w->workstation);
    table_cell(t, "%s", kms_product_name(p, &w->activation_id, name));
    table_cell(t, "%s", w->source);
    table_cell(t, "%" PRIu64, w->times);
    table_cell(t, "%s", clk_format(w->first, when));
    table_cell(t, "%s", guid_format(&w->client_id, id));
}

/* The members of the JSON object, in their order. */
static const char *const csv_headers[] = {
    "last",    "last_time",     "first",          "first_time", "workstation", "source", "product",
    "edition", "activation_id", "application_id", "client_id",  "times",       NULL};

static void straggler_csv(struct csv *c, const struct store_straggler *w,
                          const struct cat_product *p)
{
    char text[GUID_TEXT_MAX > CLK_TEXT_MAX ? GUID_TEXT_MAX : CLK_TEXT_MAX];

    csv_cell(c, "%" PRId64, w->last);
    csv_cell(c, "%s", clk_format(w->last, text));
    csv_cell(c, "%" PRId64, w->first);
    csv_cell(c, "%s", clk_format(w->first, text));
    csv_cell(c, "%s", w->workstation);
    csv_cell(c, "%s", w->source);
    csv_cell(c, "%s", p == NULL ? "" : p->product);
    csv_cell(c, "%s", p == NULL ? "" : p->edition);
    csv_cell(c, "%s", guid_format(&w->activation_id, text));
    csv_cell(c, "%s", guid_format(&w->application_id, text));
    csv_cell(c, "%s", guid_format(&w->client_id, text));
    csv_cell(c, "%" PRIu64, w->times);
    csv_end(c);
}

static bool is_wanted(const struct kms_filter *f, const struct store_straggler *w,
                      const struct cat_product *p)
{
    struct store_activation a = {.application_id = w->application_id,
                                 .activation_id = w->activation_id};

    snprintf(a.workstation, sizeof(a.workstation), "%s", w->workstation);
    snprintf(a.peer, sizeof(a.peer), "%s", w->source);
    return kms_filter_product(f, &a, p) && kms_filter_contact(f, &a);
}

static bool is_filtered(const struct listing *l)
{
    const struct kms_filter *f = &l->filter;

    return f->product != NULL || f->application != NULL || f->source != NULL ||
           f->workstation != NULL || l->last != 0;
}

/* ERR_LIMIT: there are enough. */
static enum err list_one(void *arg, const struct store_straggler *w)
{
    struct listing *l = arg;
    const struct cat_product *p = catalog_product_by_activation_id(l->catalog, &w->activation_id);

    if (!is_wanted(&l->filter, w, p))
        return ERR_OK;
    l->n++;
    if (l->table != NULL)
        straggler_row(l->table, w, p);
    else if (l->as_csv)
        straggler_csv(&l->csv, w, p);
    else if (json_array_append_new(l->rows, straggler_json(w, p)) != 0)
        return ERR_NOMEM;
    return l->n == l->limit ? ERR_LIMIT : ERR_OK;
}

static enum err list_all(struct cli *cli, struct listing *l, struct errinfo *ei)
{
    struct kms_reader r = {0};
    int64_t since = 0;
    enum err e = kms_reader_open(cli, &r, ei);

    l->catalog = r.catalog;
    if (e == ERR_OK)
        e = kms_filter_read(r.catalog, &l->filter, ei);
    if (e == ERR_OK)
        e = kms_since(r.settings, l->last, &since, ei);
    if (e == ERR_OK && l->as_csv)
        csv_head(&l->csv, csv_headers);
    if (e == ERR_OK)
        e = store_each_straggler(r.store, since, 0, list_one, l, ei);
    kms_reader_close(&r);
    if (e == ERR_NOMEM)
        return err_nomem(ei);
    return e == ERR_LIMIT ? ERR_OK : e;
}

static void print(struct listing *l)
{
    if (l->rows != NULL) {
        cli_json(json_pack("{s:O}", "stragglers", l->rows));
    } else if (l->table != NULL && l->n == 0) {
        puts(l->filtered ? "Nobody of that kind asked while this host refused all."
                         : "Nobody asked while this host refused all.");
    } else if (l->table != NULL) {
        table_print(l->table);
        l->table = NULL;
    }
}

static int stragglers(struct cli *cli, struct listing *l)
{
    static const char *const headers[] = {"LAST ASKED", "WORKSTATION", "PRODUCT", "SOURCE",
                                          ">TIMES",     "FIRST ASKED", "CMID",    NULL};
    struct errinfo ei = {0};
    enum err e;

    l->as_csv = l->as_csv && !cli->json;
    l->filtered = is_filtered(l);
    if (cli->json)
        l->rows = json_array();
    else if (!l->as_csv)
        l->table = table_new(headers);
    e = list_all(cli, l, &ei);
    if (e == ERR_OK)
        print(l);
    json_decref(l->rows);
    table_free(l->table);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}

int kms_run_stragglers(struct cli *cli, int argc, char **argv)
{
    struct listing l = {0};
    const struct opt opts[] = {
        OPT_TEXT_ROW("product", "NAME", &l.filter.product,
                     "of this product (\"Windows 11\", with or without edition), or activation id"),
        OPT_WORD_ROW("application", "NAME", &l.filter.application, KMS_APPLICATIONS,
                     "windows, office, or an id"),
        {.name = "since",
         .type = OPT_DURATION,
         .metavar = "DURATION",
         .help = "only who asked in the last DURATION on the ledger's clock (7d, 2h)",
         .dest = &l.last},
        OPT_TEXT_ROW("source", "ADDRESS", &l.filter.source, "last from this address or network"),
        OPT_TEXT_ROW("workstation", "PATTERN", &l.filter.workstation,
                     "last with this name; * and ? as in a shell, in any case"),
        {.name = "limit",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "the last N only (default: all)",
         .dest = &l.limit},
        OPT_FLAG_ROW("csv", &l.as_csv, "comma-separated, for spreadsheets"),
        {0},
    };
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);

    return code >= 0 ? code : stragglers(cli, &l);
}
