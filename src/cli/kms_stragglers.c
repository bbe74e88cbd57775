/* adbactl kms stragglers: who still asks a host that refuses all. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clk.h"
#include "cli/kms.h"
#include "store/stragglers.h"

struct listing {
    const struct catalog *catalog;
    struct table *table; /* NULL: JSON */
    json_t *rows;
    size_t n;
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

static enum err list_one(void *arg, const struct store_straggler *w)
{
    struct listing *l = arg;
    const struct cat_product *p = catalog_product_by_activation_id(l->catalog, &w->activation_id);

    l->n++;
    if (l->table != NULL)
        straggler_row(l->table, w, p);
    else if (json_array_append_new(l->rows, straggler_json(w, p)) != 0)
        return ERR_NOMEM;
    return ERR_OK;
}

static enum err list_all(struct cli *cli, struct listing *l, int64_t last, uint32_t limit,
                         struct errinfo *ei)
{
    struct kms_reader r = {0};
    int64_t since = 0;
    enum err e = kms_reader_open(cli, &r, ei);

    l->catalog = r.catalog;
    if (e == ERR_OK)
        e = kms_since(r.settings, last, &since, ei);
    if (e == ERR_OK)
        e = store_each_straggler(r.store, since, limit, list_one, l, ei);
    kms_reader_close(&r);
    return e;
}

static void print(struct listing *l, bool json)
{
    if (json) {
        cli_json(json_pack("{s:O}", "stragglers", l->rows));
    } else if (l->n == 0) {
        puts("Nobody asked while this host refused all.");
    } else {
        table_print(l->table);
        l->table = NULL;
    }
}

int kms_run_stragglers(struct cli *cli, int argc, char **argv)
{
    static const char *const headers[] = {"LAST ASKED", "WORKSTATION", "PRODUCT", "SOURCE",
                                          ">TIMES",     "FIRST ASKED", "CMID",    NULL};
    uint32_t limit = 0;
    int64_t last = 0;
    const struct opt opts[] = {
        {.name = "since",
         .type = OPT_DURATION,
         .metavar = "DURATION",
         .help = "only who asked in the last DURATION on the ledger's clock (7d, 2h)",
         .dest = &last},
        {.name = "limit",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "the last N only (default: all)",
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
    e = list_all(cli, &l, last, limit, &ei);
    if (e == ERR_OK)
        print(&l, cli->json);
    json_decref(l.rows);
    table_free(l.table);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}
