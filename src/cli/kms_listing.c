/* adbactl: a listing of rows of the ledger, newest first. */
#include <stdio.h>

#include "cli/kms.h"

static enum err read_rows(struct cli *cli, const struct kms_listing *what, int64_t last,
                          uint32_t limit, struct kms_rows *rows, struct errinfo *ei)
{
    struct kms_reader reader = {0};
    int64_t since = 0;
    enum err e = kms_reader_open(cli, &reader, ei);

    rows->catalog = reader.catalog;
    if (e == ERR_OK)
        e = kms_since(reader.settings, last, &since, ei);
    if (e == ERR_OK)
        e = what->read(reader.store, since, limit, rows, ei);
    kms_reader_close(&reader);
    return e;
}

/* Takes the table. */
static void print_rows(const struct kms_listing *what, struct kms_rows *rows)
{
    if (rows->table == NULL) {
        cli_json(json_pack("{s:O}", what->member, rows->json));
    } else if (rows->n > 0) {
        table_print(rows->table);
        rows->table = NULL;
    } else {
        puts(what->none);
    }
}

int kms_run_listing(struct cli *cli, int argc, char **argv, const struct kms_listing *what)
{
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
    struct kms_rows rows = {0};
    struct errinfo ei = {0};
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    if (cli->json)
        rows.json = json_array();
    else
        rows.table = table_new(what->headers);
    e = read_rows(cli, what, last, limit, &rows, &ei);
    if (e == ERR_OK)
        print_rows(what, &rows);
    json_decref(rows.json);
    table_free(rows.table);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}
