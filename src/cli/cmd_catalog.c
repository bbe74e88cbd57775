/* adbactl catalog: what the tables and their overlays say (docs/catalog.md). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "catalog/hosting.h"
#include "cli/cli.h"
#include "cli/overlay.h"
#include "cli/paragraph.h"
#include "settings/settings.h"

static const char *const families[] = {
    [CAT_CLIENT] = "client", [CAT_SERVER] = "server", [CAT_OFFICE] = "office"};

/* "data/products.csv:12". */
static void origin_text(const struct catalog *cat, const struct cat_product *p, struct buf *b)
{
    unsigned line;
    const char *file = catalog_product_origin(cat, p, &line);

    buf_add_fmt(b, "%s:%u", file, line);
}

/* ---- list ---- */

struct filter {
    const char *family, *group, *match;
    bool overlays;
};

static bool wanted(const struct catalog *cat, const struct cat_product *p, const struct filter *f,
                   const struct cat_group *g)
{
    struct buf b = BUF_INIT;
    bool fits;

    if (f->family != NULL && strcmp(families[p->family], f->family) != 0)
        return false;
    if (g != NULL && !cat_group_serves(g, &p->kms_id))
        return false;
    if (f->overlays && !catalog_product_is_overlay(cat, p))
        return false;
    buf_add_fmt(&b, "%s %s", p->product, p->edition);
    fits = f->match == NULL || (buf_str(&b) != NULL && strcasestr(buf_str(&b), f->match) != NULL);
    buf_fini(&b);
    return fits;
}

static json_t *product_json(const struct catalog *cat, const struct cat_product *p)
{
    char activation[GUID_TEXT_MAX], kms[GUID_TEXT_MAX];
    struct buf origin = BUF_INIT;
    json_t *groups = json_array(), *o;
    const struct cat_group *g;
    size_t n = catalog_groups(cat, &g);

    origin_text(cat, p, &origin);
    for (size_t i = 0; i < n; i++)
        if (cat_group_serves(&g[i], &p->kms_id))
            json_array_append_new(groups, json_string(g[i].name));
    o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:s?, s:s, s:s, s:s, s:o, s:s}", "product",
                  p->product, "edition", p->edition, "family", families[p->family], "required",
                  (json_int_t)p->required_count, "protocol", (json_int_t)p->protocol, "adba",
                  (int)p->adba, "setup_key", p->setup_key, "kms_product",
                  catalog_kms_name(cat, &p->kms_id), "activation_id",
                  guid_format(&p->activation_id, activation), "kms_id",
                  guid_format(&p->kms_id, kms), "groups", groups, "origin",
                  buf_str(&origin) != NULL ? buf_str(&origin) : "");
    buf_fini(&origin);
    return o;
}

static void product_row(const struct catalog *cat, const struct cat_product *p, struct table *t)
{
    struct buf origin = BUF_INIT;

    origin_text(cat, p, &origin);
    table_cell(t, "%s", p->product);
    table_cell(t, "%s", p->edition);
    table_cell(t, "%s", families[p->family]);
    table_cell(t, "%" PRIu32, p->required_count);
    table_cell(t, "%s", p->adba ? "yes" : "no");
    table_cell(t, "%s", p->setup_key != NULL ? p->setup_key : "-");
    table_cell(t, "%s", buf_str(&origin) != NULL ? buf_str(&origin) : "");
    buf_fini(&origin);
}

static int list(const struct cli *cli, const struct catalog *cat, const struct filter *f)
{
    const struct cat_group *g = f->group != NULL ? catalog_group(cat, f->group) : NULL;
    const struct cat_product *p;
    size_t n = catalog_products(cat, &p);
    json_t *rows = json_array();
    struct table *t = table_new((const char *const[]){"PRODUCT", "EDITION", "FAMILY", ">NEEDS",
                                                      "ADBA", "SETUP KEY", "FROM", NULL});

    for (size_t i = 0; i < n; i++) {
        if (!wanted(cat, &p[i], f, g))
            continue;
        if (cli->json)
            json_array_append_new(rows, product_json(cat, &p[i]));
        else
            product_row(cat, &p[i], t);
    }
    if (cli->json) {
        table_free(t);
        cli_json(json_pack("{s:o}", "products", rows));
    } else {
        table_print(t);
        json_decref(rows);
    }
    return EXIT_OK;
}

static enum err check_filter(const struct catalog *cat, const struct filter *f, struct errinfo *ei)
{
    const char *nearest;

    if (f->family != NULL && strcmp(f->family, "client") != 0 && strcmp(f->family, "server") != 0 &&
        strcmp(f->family, "office") != 0)
        return err_fail(ei, ERR_USAGE, "--family is client, server or office, not \"%s\"",
                        f->family);
    if (f->group == NULL || catalog_group(cat, f->group) != NULL)
        return ERR_OK;
    nearest = catalog_nearest_group(cat, f->group);
    return err_fail(ei, ERR_NOTFOUND, "there is no host-key group \"%s\"%s%s%s", f->group,
                    nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                    nearest != NULL ? "\"?" : "");
}

static int run_list(struct cli *cli, int argc, char **argv)
{
    struct filter f = {.family = NULL};
    const struct opt opts[] = {
        OPT_WORD_ROW("family", "FAMILY", &f.family, "client server office",
                     "only client, server or office"),
        OPT_TEXT_ROW("group", "GROUP", &f.group, "only what this host-key group serves"),
        OPT_TEXT_ROW("match", "TEXT", &f.match, "only names that hold TEXT"),
        OPT_FLAG_ROW("overlays", &f.overlays, "only what an overlay added or replaced"),
        {0}};
    int status = cli_begin(cli, opts, &argc, argv, 0, 0);
    struct catalog *cat = NULL;
    struct errinfo ei = {0};
    enum err e;

    if (status >= 0)
        return status;
    e = cli_catalog(cli, NULL, &cat, &ei);
    if (e == ERR_OK)
        e = check_filter(cat, &f, &ei);
    status = e == ERR_OK ? list(cli, cat, &f) : cli_fail(cli, e, &ei);
    catalog_free(cat);
    return status;
}

/* ---- check ---- */

struct sizes {
    size_t products, overlaid, groups, hosts, updates, errors, events;
};

static struct sizes measure(const struct catalog *cat)
{
    const struct cat_product *p;
    const struct cat_group *g;
    const struct cat_host *h;
    const struct cat_update *u;
    const struct cat_error *e;
    const struct cat_event *v;
    struct sizes s = {.products = catalog_products(cat, &p),
                      .groups = catalog_groups(cat, &g),
                      .hosts = catalog_hosts(cat, &h),
                      .updates = catalog_updates(cat, &u),
                      .errors = catalog_errors(cat, &e),
                      .events = catalog_events(cat, &v)};

    for (size_t i = 0; i < s.products; i++)
        s.overlaid += catalog_product_is_overlay(cat, &p[i]);
    return s;
}

static void report(const struct cli *cli, const struct sizes *was, const struct sizes *is)
{
    if (cli->json) {
        cli_json(json_pack(
            "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "result", "good", "products_added",
            (json_int_t)(is->products - was->products), "products_replaced",
            (json_int_t)(is->overlaid - (is->products - was->products)), "groups_added",
            (json_int_t)(is->groups - was->groups), "hosts", (json_int_t)is->hosts, "updates_added",
            (json_int_t)(is->updates - was->updates), "errors_added",
            (json_int_t)(is->errors - was->errors), "events_added",
            (json_int_t)(is->events - was->events)));
        return;
    }
    printf(
        "Good: adds %zu products, replaces %zu; adds %zu key groups, %zu updates, %zu error codes, "
        "%zu events.\n",
        is->products - was->products, is->overlaid - (is->products - was->products),
        is->groups - was->groups, is->updates - was->updates, is->errors - was->errors,
        is->events - was->events);
}

static int run_check(struct cli *cli, int argc, char **argv)
{
    int status = cli_begin(cli, NULL, &argc, argv, 0, 1);
    struct catalog *plain = NULL, *cat = NULL;
    struct errinfo ei = {0};
    struct sizes was, is;
    enum err e;

    if (status >= 0)
        return status;
    e = catalog_load(&plain, &ei);
    if (e == ERR_OK)
        e = cli_catalog(cli, argc == 1 ? argv[0] : NULL, &cat, &ei);
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    if (e == ERR_OK) {
        was = measure(plain);
        is = measure(cat);
        report(cli, &was, &is);
    }
    catalog_free(plain);
    catalog_free(cat);
    return status;
}

/* ---- show ---- */

static void show_product(const struct catalog *cat, const struct cat_product *p)
{
    struct facts *f = facts_new();
    struct buf origin = BUF_INIT;
    char id[GUID_TEXT_MAX];
    const struct cat_group *g;
    size_t n = catalog_groups(cat, &g);

    origin_text(cat, p, &origin);
    facts_add(f, "Product", "%s %s", p->product, p->edition);
    facts_add(f, "Family", "%s, needs a count of %" PRIu32, families[p->family], p->required_count);
    facts_add(f, "KMS protocol", "%u", p->protocol);
    facts_add(f, "Directory", "%s", p->adba ? "yes" : "no, KMS or MAK only");
    facts_add(f, "Setup key", "%s", p->setup_key != NULL ? p->setup_key : "none published");
    facts_add(f, "Activation id", "%s", guid_format(&p->activation_id, id));
    facts_add(f, "KMS id", "%s (%s)", guid_format(&p->kms_id, id),
              catalog_kms_name(cat, &p->kms_id));
    for (size_t i = 0; i < n; i++)
        if (cat_group_serves(&g[i], &p->kms_id))
            facts_add(f, "Served by", "%s", g[i].name);
    facts_add(f, "From", "%s", buf_str(&origin) != NULL ? buf_str(&origin) : "");
    facts_print(f);
    buf_fini(&origin);
}

static json_t *host_json(const struct cat_host *h)
{
    return json_pack("{s:s, s:b, s:b, s:s, s:s, s:s, s:s}", "system", h->system, "or_later",
                     (int)h->or_later, "disputed", (int)h->disputed, "except", h->except, "needs",
                     h->needs, "note", h->note, "source", h->source);
}

static void group_json(const struct catalog *cat, const struct cat_group *g)
{
    const struct cat_host *h;
    size_t n = catalog_hosts(cat, &h);
    json_t *serves = json_array(), *hosts = json_array();
    char id[GUID_TEXT_MAX];

    for (size_t i = 0; i < g->kms_id_count; i++)
        json_array_append_new(serves, json_string(catalog_kms_name(cat, &g->kms_ids[i])));
    for (size_t i = 0; i < n; i++)
        if (strcmp(h[i].group, g->name) == 0)
            json_array_append_new(hosts, host_json(&h[i]));
    cli_json(json_pack("{s:s, s:s, s:s, s:o, s:o}", "group", g->name, "family", families[g->family],
                       "sku_id", guid_format(&g->sku_id, id), "serves", serves, "hosts", hosts));
}

static void show_group(const struct catalog *cat, const struct cat_group *g)
{
    const struct cat_host *h;
    size_t n = catalog_hosts(cat, &h);
    struct facts *f = facts_new();
    char id[GUID_TEXT_MAX];

    facts_add(f, "Key group", "%s", g->name);
    facts_add(f, "Family", "%s", families[g->family]);
    facts_add(f, "Host-key id", "%s", guid_format(&g->sku_id, id));
    for (size_t i = 0; i < g->kms_id_count; i++)
        facts_add(f, "Serves", "%s", catalog_kms_name(cat, &g->kms_ids[i]));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(h[i].group, g->name) != 0)
            continue;
        facts_add(f, "Host on", "%s%s%s%s%s%s%s", h[i].system, h[i].or_later ? " or later" : "",
                  *h[i].except != '\0' ? ", not " : "", h[i].except,
                  *h[i].needs != '\0' ? ", with " : "", h[i].needs,
                  h[i].disputed ? " (the sources contradict each other)" : "");
    }
    facts_print(f);
}

/* Every edition of a product, or the one that is named. */
static size_t show_products(const struct cli *cli, const struct catalog *cat, const char *name)
{
    const char *edition, *system = catalog_system(cat, name, &edition);
    const struct cat_product *p;
    size_t n = catalog_products(cat, &p), shown = 0;
    json_t *rows = json_array();

    for (size_t i = 0; system != NULL && i < n; i++) {
        if (strcmp(p[i].product, system) != 0 ||
            (edition != NULL && strcmp(p[i].edition, edition) != 0))
            continue;
        if (cli->json)
            json_array_append_new(rows, product_json(cat, &p[i]));
        else if (shown > 0)
            putchar('\n');
        if (!cli->json)
            show_product(cat, &p[i]);
        shown++;
    }
    if (cli->json && shown > 0)
        cli_json(json_pack("{s:o}", "products", json_incref(rows)));
    json_decref(rows);
    return shown;
}

static enum err no_such(const struct catalog *cat, const char *name, struct errinfo *ei)
{
    const char *nearest = catalog_nearest_product(cat, name);

    if (nearest == NULL)
        nearest = catalog_nearest_group(cat, name);
    return err_fail(ei, ERR_NOTFOUND, "there is no product and no key group \"%s\"%s%s%s", name,
                    nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                    nearest != NULL ? "\"?" : "");
}

static int run_show(struct cli *cli, int argc, char **argv)
{
    int status = cli_begin(cli, NULL, &argc, argv, 1, 1);
    const struct cat_group *g = NULL;
    struct catalog *cat = NULL;
    struct errinfo ei = {0};
    enum err e;

    if (status >= 0)
        return status;
    e = cli_catalog(cli, NULL, &cat, &ei);
    if (e == ERR_OK)
        g = catalog_group(cat, argv[0]);
    if (g != NULL && cli->json)
        group_json(cat, g);
    else if (g != NULL)
        show_group(cat, g);
    else if (e == ERR_OK && show_products(cli, cat, argv[0]) == 0)
        e = no_such(cat, argv[0], &ei);
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    catalog_free(cat);
    return status;
}

const struct cli_command cmd_catalog[] = {
    {.noun = "catalog",
     .verb = "list",
     .usage = "",
     .run = run_list,
     .summary = "list the products and editions that are known",
     .help =
         "From the built-in tables and the overlays in [catalog] dir (" CATALOG_DEFAULT_DIR ").\n\n"
         "  adbactl catalog list --family server --match 2022"},
    {.noun = "catalog",
     .verb = "show",
     .usage = "NAME",
     .run = run_show,
     .summary = "show a product with its keys and groups, or a key group",
     .help = "  adbactl catalog show \"Windows 11 Enterprise\"\n"
             "  adbactl catalog show \"Volume License for Windows Server 2022\""},
    {.noun = "catalog",
     .verb = "check",
     .usage = "[PATH]",
     .run = run_check,
     .summary = "say whether a folder or a file of overlays is good",
     .help = "Reads the tables with the overlays in PATH (default: those that are configured) and\n"
             "tells the first row that does not fit, with file and line. Exit code 7 then. adbad\n"
             "reads overlays when it starts."},
    {0},
};
