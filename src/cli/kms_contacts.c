/* adbactl kms contacts: who asks this host, one row per machine and product: its last contact. */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clk.h"
#include "cli/kms.h"
#include "cli/out.h"
#include "cli/seen.h"
#include "net/address.h"
#include "net/cidr.h"

struct filter {
    /* as given */
    const char *product, *application, *source, *workstation, *channel;
    int64_t last;
    uint32_t limit;
    bool csv;
    /* as understood */
    struct guid product_id, application_id;
    bool by_product_id;
    struct cidr network;
};

struct listing {
    const struct filter *f;
    const struct kms_reader *reader;
    struct seen seen;
    struct table *table; /* one of the three takes the rows */
    struct json_rows json;
    struct csv csv;
    bool is_json;
    uint32_t n;
};

/* ---- filters ---- */

static bool names_product(const struct cat_product *p, const char *name)
{
    char both[KMS_NAME_MAX];

    return strcasecmp(p->product, name) == 0 ||
           strcasecmp(kms_product_name(p, &p->activation_id, both), name) == 0;
}

static enum err read_product(const struct catalog *c, struct filter *f, struct errinfo *ei)
{
    const struct cat_product *all;
    size_t n = catalog_products(c, &all);
    const char *nearest;

    f->by_product_id = guid_parse(f->product, &f->product_id);
    if (f->by_product_id)
        return ERR_OK;
    for (size_t i = 0; i < n; i++) {
        if (names_product(&all[i], f->product))
            return ERR_OK;
    }
    nearest = catalog_nearest_product(c, f->product);
    return err_fail(ei, ERR_USAGE, "--product \"%s\": no product of that name%s%s%s", f->product,
                    nearest != NULL ? "; did you mean \"" : "; give an activation id for others",
                    nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

static enum err read_application(struct filter *f, struct errinfo *ei)
{
    if (strcasecmp(f->application, "windows") == 0)
        f->application_id = cat_app_windows;
    else if (strcasecmp(f->application, "office") == 0)
        f->application_id = cat_app_office;
    else if (!guid_parse(f->application, &f->application_id))
        return err_fail(ei, ERR_USAGE, "--application takes windows, office or an id, not \"%s\"",
                        f->application);
    return ERR_OK;
}

static enum err read_channel(const struct filter *f, struct errinfo *ei)
{
    for (int i = STORE_KMS; i <= STORE_RELAY; i++) {
        if (strcmp(f->channel, kms_channel_name((enum store_channel)i)) == 0)
            return ERR_OK;
    }
    return err_fail(ei, ERR_USAGE, "--channel takes kms, adba or relay, not \"%s\"", f->channel);
}

static enum err read_filter(const struct catalog *c, struct filter *f, struct errinfo *ei)
{
    enum err e = ERR_OK;

    if (f->product != NULL)
        e = read_product(c, f, ei);
    if (e == ERR_OK && f->application != NULL)
        e = read_application(f, ei);
    if (e == ERR_OK && f->channel != NULL)
        e = read_channel(f, ei);
    if (e == ERR_OK && f->source != NULL && cidr_parse(f->source, &f->network, NULL) != ERR_OK)
        e = err_fail(ei, ERR_USAGE,
                     "--source takes an address or a network such as 192.0.2.0/24, not \"%s\"",
                     f->source);
    return e;
}

/* What belongs to the key: it may be asked before a machine is known. */
static bool is_of_product(const struct filter *f, const struct store_activation *a,
                          const struct cat_product *p)
{
    if (f->application != NULL && !guid_equal(&f->application_id, &a->application_id))
        return false;
    if (f->product == NULL)
        return true;
    return f->by_product_id ? guid_equal(&f->product_id, &a->activation_id)
                            : p != NULL && names_product(p, f->product);
}

static bool comes_from(const struct filter *f, const char *peer)
{
    struct cidr network = f->network;
    const struct cidr_set set = {&network, 1};
    union address a;

    return address_parse(peer, &a, NULL) == ERR_OK && cidr_set_has(&set, &a);
}

/* What is asked of a machine's last contact. */
static bool is_wanted(const struct filter *f, const struct store_activation *a)
{
    if (f->channel != NULL && strcmp(f->channel, kms_channel_name(a->channel)) != 0)
        return false;
    if (f->workstation != NULL && fnmatch(f->workstation, a->workstation, FNM_CASEFOLD) != 0)
        return false;
    return f->source == NULL || comes_from(f, a->peer);
}

/* ---- rows ---- */

static json_t *row_json(const struct store_activation *a, const struct cat_product *p)
{
    char when[CLK_TEXT_MAX], id[3][GUID_TEXT_MAX];

    return json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:s, s:i}",
                     "workstation", a->workstation, "client_id", guid_format(&a->client_id, id[0]),
                     "product", p == NULL ? NULL : p->product, "edition",
                     p == NULL ? NULL : p->edition, "activation_id",
                     guid_format(&a->activation_id, id[1]), "application_id",
                     guid_format(&a->application_id, id[2]), "last", (json_int_t)a->when,
                     "last_time", clk_format(a->when, when), "channel",
                     kms_channel_name(a->channel), "count", (json_int_t)a->count, "licence_status",
                     (json_int_t)a->licence_status, "peer", a->peer, "version", a->version);
}

static const char *const csv_headers[] = {"workstation",    "client_id", "product", "edition",
                                          "activation_id",  "last_time", "channel", "count",
                                          "licence_status", "peer",      "version", NULL};

static void row_csv(struct csv *c, const struct store_activation *a, const struct cat_product *p)
{
    char text[GUID_TEXT_MAX > CLK_TEXT_MAX ? GUID_TEXT_MAX : CLK_TEXT_MAX];

    csv_cell(c, "%s", a->workstation);
    csv_cell(c, "%s", guid_format(&a->client_id, text));
    csv_cell(c, "%s", p == NULL ? "" : p->product);
    csv_cell(c, "%s", p == NULL ? "" : p->edition);
    csv_cell(c, "%s", guid_format(&a->activation_id, text));
    csv_cell(c, "%s", clk_format(a->when, text));
    csv_cell(c, "%s", kms_channel_name(a->channel));
    csv_cell(c, "%" PRIu32, a->count);
    csv_cell(c, "%" PRIu32, a->licence_status);
    csv_cell(c, "%s", a->peer);
    csv_cell(c, "%u", a->version);
    csv_end(c);
}

static void row_table(struct table *t, const struct store_activation *a,
                      const struct cat_product *p)
{
    char when[CLK_TEXT_MAX], id[GUID_TEXT_MAX], name[KMS_NAME_MAX];

    table_cell(t, "%s", clk_format(a->when, when));
    table_cell(t, "%s", a->workstation);
    table_cell(t, "%s", kms_product_name(p, &a->activation_id, name));
    table_cell(t, "%s", kms_status_name(a->licence_status));
    table_cell(t, "%s", kms_channel_name(a->channel));
    table_cell(t, "%" PRIu32, a->count);
    table_cell(t, "%s", a->peer);
    table_cell(t, "%s", guid_format(&a->client_id, id));
}

/* ERR_LIMIT: there are enough. */
static enum err take(void *arg, const struct store_activation *a)
{
    struct listing *l = arg;
    const struct cat_product *p =
        catalog_product_by_activation_id(l->reader->catalog, &a->activation_id);
    bool is_new;
    enum err e = ERR_OK;

    if (!is_of_product(l->f, a, p))
        return ERR_OK;
    e = seen_add(&l->seen, &a->client_id, &a->activation_id, &is_new);
    if (e != ERR_OK || !is_new || !is_wanted(l->f, a))
        return e;
    l->n++;
    if (l->is_json)
        e = json_rows_add(&l->json, row_json(a, p));
    else if (l->f->csv)
        row_csv(&l->csv, a, p);
    else
        row_table(l->table, a, p);
    return e == ERR_OK && l->n == l->f->limit ? ERR_LIMIT : e;
}

static enum err list(struct listing *l, struct errinfo *ei)
{
    int64_t since;
    enum err e = kms_since(l->reader->settings, l->f->last, &since, ei);

    if (e != ERR_OK)
        return e;
    if (l->is_json)
        json_rows_begin(&l->json, "contacts");
    for (size_t i = 0; !l->is_json && l->f->csv && csv_headers[i] != NULL; i++)
        csv_cell(&l->csv, "%s", csv_headers[i]);
    if (!l->is_json && l->f->csv)
        csv_end(&l->csv);
    e = store_each_recent(l->reader->store, since, 0, take, l, ei);
    if (l->is_json)
        json_rows_end(&l->json);
    if (e == ERR_NOMEM)
        return err_nomem(ei);
    return e == ERR_LIMIT ? ERR_OK : e;
}

static int contacts(struct cli *cli, struct filter *f)
{
    static const char *const headers[] = {"LAST CONTACT", "WORKSTATION", "PRODUCT",
                                          "STATUS",       "CHANNEL",     ">COUNT",
                                          "PEER",         "CMID",        NULL};
    struct kms_reader reader;
    struct errinfo ei = {0};
    struct listing l = {.f = f, .reader = &reader, .is_json = cli->json};
    enum err e = kms_reader_open(cli, &reader, &ei);

    if (e == ERR_OK)
        e = read_filter(reader.catalog, f, &ei);
    if (e == ERR_OK) {
        l.table = table_new(headers);
        e = list(&l, &ei);
    }
    if (e == ERR_OK && !cli->json && !f->csv) {
        if (l.n > 0)
            table_print(l.table);
        else
            puts("No contacts.");
        if (l.n > 0)
            l.table = NULL;
    }
    table_free(l.table);
    seen_free(&l.seen);
    kms_reader_close(&reader);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}

int kms_run_contacts(struct cli *cli, int argc, char **argv)
{
    struct filter f = {.limit = 50};
    const struct opt opts[] = {
        OPT_TEXT_ROW("product", "NAME", &f.product,
                     "of this product (\"Windows 11\", with or without edition), or activation id"),
        OPT_TEXT_ROW("application", "NAME", &f.application, "windows, office, or an id"),
        {.name = "since",
         .type = OPT_DURATION,
         .metavar = "DURATION",
         .help = "in the last DURATION on the ledger's clock (7d, 2h)",
         .dest = &f.last},
        OPT_TEXT_ROW("source", "ADDRESS", &f.source, "last from this address or network"),
        OPT_TEXT_ROW("workstation", "PATTERN", &f.workstation,
                     "last with this name; * and ? as in a shell, in any case"),
        OPT_TEXT_ROW("channel", "NAME", &f.channel, "last answered through kms, adba or relay"),
        {.name = "limit",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "the newest N only (default 50; 0: all)",
         .dest = &f.limit},
        OPT_FLAG_ROW("csv", &f.csv, "comma-separated, for spreadsheets"),
        {0},
    };
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);

    return code >= 0 ? code : contacts(cli, &f);
}
