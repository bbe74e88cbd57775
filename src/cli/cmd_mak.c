/* adbactl mak: the keys of machines at the clearing house (docs/clearing.md): issue, list, extend,
 * block, and activation for machines without a network. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/ask.h"
#include "cli/clearing.h"
#include "cli/mak.h"
#include "cli/overlay.h"
#include "cli/product.h"
#include "settings/settings.h"

/* ---- issue ---- */

static enum err save_key(const char *path, const json_t *reply, struct errinfo *ei)
{
    char line[64];
    int n = snprintf(line, sizeof(line), "%.40s\n", ask_text(reply, "key"));

    return path == NULL ? ERR_OK : file_create(path, line, (size_t)n, 0600, ei);
}

static enum err issue(struct cli *cli, const char *product, const char *edition, const char *kind,
                      uint32_t count, json_t **reply, struct errinfo *ei)
{
    const struct cat_product *p;
    struct catalog *cat = NULL;
    const struct settings *s;
    char id[GUID_TEXT_MAX];
    enum err e = cli_settings(cli, &s, ei);

    if (e == ERR_OK)
        e = catalog_load_overlays(s->catalog_dir, &cat, ei);
    if (e == ERR_OK)
        e = product_named(cat, product, edition, &p, ei);
    if (e == ERR_OK)
        e = ask_here(cli, "clearing.issue",
                     json_pack("{s:s, s:s, s:I}", "activation_id",
                               guid_format(&p->activation_id, id), "kind", kind, "count",
                               (json_int_t)count),
                     reply, ei);
    catalog_free(cat);
    return e;
}

static void print_issued(const struct cli *cli, json_t *reply)
{
    const json_t *most = json_object_get(reply, "activations_max");

    if (cli->json) {
        cli_json(reply);
        return;
    }
    puts(ask_text(reply, "key"));
    if (json_is_integer(most))
        fprintf(stderr, "A %s for \"%s\": %lld activations.\n", ask_text(reply, "kind"),
                ask_text(reply, "product"), (long long)json_integer_value(most));
    else
        fprintf(stderr, "A %s for one machine with \"%s\".\n", ask_text(reply, "kind"),
                ask_text(reply, "product"));
    json_decref(reply);
}

static int run_issue(struct cli *cli, int argc, char **argv)
{
    const char *product = NULL, *edition = NULL, *kind = "mak", *path = NULL;
    uint32_t count = 25;
    const struct opt opts[] = {
        OPT_TEXT_ROW("product", "NAME", &product, "product that it is for, \"Windows 11\""),
        OPT_TEXT_ROW("edition", "NAME", &edition, "its edition, Enterprise"),
        {.name = "count",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "activations in its pool (default: 25)",
         .dest = &count,
         .min = 1,
         .max = 100000},
        OPT_WORD_ROW("kind", "KIND", &kind, "mak retail oem evaluation",
                     "mak (default), retail, oem or evaluation"),
        OPT_TEXT_ROW("out", "FILE", &path, "write the key to this new file too"),
        {0}};
    struct errinfo ei = {0};
    json_t *reply = NULL;
    int status = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    e = issue(cli, product, edition, kind, count, &reply, &ei);
    if (e == ERR_OK)
        e = save_key(path, reply, &ei);
    if (e != ERR_OK) {
        json_decref(reply);
        return cli_fail(cli, e, &ei);
    }
    print_issued(cli, reply);
    return EXIT_OK;
}

/* ---- list ---- */

static void pool_cells(struct table *t, const json_t *k)
{
    if (json_is_integer(json_object_get(k, "activations_max"))) {
        table_cell(t, "%lld of %lld", ask_number(k, "activations"),
                   ask_number(k, "activations_max"));
        table_cell(t, "%lld", ask_number(k, "activations_left"));
    } else {
        table_cell(t, "%lld", ask_number(k, "activations"));
        table_cell(t, "-");
    }
}

static void list_text(const json_t *keys)
{
    static const char *const headers[] = {"KEY",   "KIND",      "PRODUCT", ">ACTIVATIONS",
                                          ">LEFT", ">MACHINES", "STATE",   NULL};
    struct table *t;
    json_t *k;
    size_t i;

    if (json_array_size(keys) == 0) {
        puts("No key for machines was issued yet.");
        return;
    }
    t = table_new(headers);
    json_array_foreach(keys, i, k)
    {
        bool blocked = json_is_true(json_object_get(k, "blocked"));

        table_cell(t, "%s", ask_text(k, "key"));
        table_cell(t, "%s", ask_text(k, "kind"));
        table_cell(t, "%s", ask_text(k, "product"));
        pool_cells(t, k);
        table_cell(t, "%lld", ask_number(k, "machines"));
        table_cell(t, "%s",
                   blocked                                        ? "blocked"
                   : json_is_true(json_object_get(k, "extended")) ? "good, extended"
                                                                  : "good");
    }
    table_print(t);
}

static int run_list(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    json_t *reply = NULL, *keys;
    int status = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    e = ask_here(cli, "clearing.status", NULL, &reply, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    keys = json_incref(json_object_get(reply, "machine_keys"));
    json_decref(reply);
    if (cli->json) {
        cli_json(json_pack("{s:o}", "keys", keys));
        return EXIT_OK;
    }
    list_text(keys);
    json_decref(keys);
    return EXIT_OK;
}

/* ---- extend, block, unblock ---- */

static enum err read_more(const char *text, json_int_t *out, struct errinfo *ei)
{
    size_t digits = strspn(text, "0123456789");

    *out = 0;
    if (digits == 0 || digits > 6 || text[digits] != '\0')
        return err_fail(ei, ERR_USAGE,
                        "extend by \"%.20s\"? expected a whole number of activations", text);
    for (const char *c = text; *c != '\0'; c++)
        *out = *out * 10 + (*c - '0');
    return *out > 0 ? ERR_OK : err_fail(ei, ERR_USAGE, "extend by 0? that changes nothing");
}

static int run_extend(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    json_t *reply = NULL;
    json_int_t more;
    int status = cli_begin(cli, NULL, &argc, argv, 2, 2);
    enum err e;

    if (status >= 0)
        return status;
    e = read_more(argv[1], &more, &ei);
    if (e == ERR_OK)
        e = ask_here(cli, "clearing.extend",
                     json_pack("{s:s, s:I}", "key", argv[0], "activations", more), &reply, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json) {
        cli_json(reply);
        return EXIT_OK;
    }
    printf("Extended: %lld activations, %lld left.\n", ask_number(reply, "activations_max"),
           ask_number(reply, "activations_left"));
    json_decref(reply);
    return EXIT_OK;
}

const struct cli_command cmd_mak[] = {
    {.noun = "mak",
     .verb = "issue",
     .usage = "--product NAME",
     .run = run_issue,
     .summary = "make a lab key for machines: a MAK with a pool of activations",
     .help =
         "Beside the clearing house, which keeps the pool. Prints the 5x5 key; a machine takes\n"
         "it with /ipk and activates with /ato, or by phone, or through mak proxy. The other\n"
         "kinds activate one machine (retail, oem), or for 180 days (evaluation).\n\n"
         "  adbactl mak issue --product \"Windows 11\" --edition Enterprise --count 50"},
    {.noun = "mak",
     .verb = "list",
     .usage = "",
     .run = run_list,
     .summary = "keys of machines, and how many activations are left"},
    {.noun = "mak",
     .verb = "extend",
     .usage = "KEY N",
     .run = run_extend,
     .summary = "add N activations to a MAK's pool"},
    {.noun = "mak",
     .verb = "block",
     .usage = "KEY",
     .run = clearing_run_block,
     .summary = "activate nothing more with a key",
     .help = "Who asks with the key from then on is refused (0xC004C003); what is activated stays\n"
             "so."},
    {.noun = "mak",
     .verb = "unblock",
     .usage = "KEY",
     .run = clearing_run_unblock,
     .summary = "let a blocked key activate again"},
    {.noun = "mak",
     .verb = "proxy",
     .usage = "--machines DIR",
     .run = mak_run_proxy,
     .summary = "activate simulated machines that have no network",
     .help =
         "Collects the installation IDs of the machines in DIR, asks the clearing house for\n"
         "them ([clearing] host), and deposits the confirmation IDs. A machine that is licensed\n"
         "for good is left alone. --key installs a MAK first where it fits.\n\n"
         "  adbactl mak proxy --machines branch --key ESVX4-…"},
    {0},
};
