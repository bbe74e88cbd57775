/* adbactl kms contacts: who asks this host, one row per machine and product: its last contact. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/kms_filter.h"
#include "cli/kms_peer.h"
#include "cli/out.h"
#include "report/json.h"
#include "report/seen.h"

struct contacts {
    struct kms_filter filter;
    int64_t last;
    uint32_t limit;
    bool csv;
    struct opt_texts peers; /* exports of other hosts */
};

struct listing {
    const struct contacts *f;
    const struct kms_reader *reader;
    struct seen seen;
    struct table *table; /* one of the three takes the rows */
    struct json_rows json;
    struct csv csv;
    bool is_json;
    uint32_t n;
    struct peer_contacts peers;
    size_t next_peer; /* of them */
};

#define THIS_HOST "this host"

/* ---- rows ---- */

static json_t *row_json(const struct store_activation *a, const struct cat_product *p,
                        const char *host)
{
    char when[CLK_TEXT_MAX], id[3][GUID_TEXT_MAX];

    return json_pack(
        "{s:s, s:s, s:s?, s:s?, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:s, s:i, s:s?, s:s?, s:s}",
        "workstation", a->workstation, "client_id", guid_format(&a->client_id, id[0]), "product",
        p == NULL ? NULL : p->product, "edition", p == NULL ? NULL : p->edition, "activation_id",
        guid_format(&a->activation_id, id[1]), "application_id",
        guid_format(&a->application_id, id[2]), "last", (json_int_t)a->when, "last_time",
        clk_format(a->when, when), "channel", report_channel_name(a->channel), "count",
        (json_int_t)a->count, "licence_status", (json_int_t)a->licence_status, "peer", a->peer,
        "version", a->version, "principal", kms_or_null(a->principal), "sid", kms_or_null(a->sid),
        "host", host);
}

static const char *const csv_headers[] = {
    "workstation",    "client_id", "product",   "edition",   "activation_id",
    "application_id", "last",      "last_time", "channel",   "count",
    "licence_status", "peer",      "version",   "principal", "sid",
    "host",           NULL};

static void row_csv(struct csv *c, const struct store_activation *a, const struct cat_product *p,
                    const char *host)
{
    char text[GUID_TEXT_MAX > CLK_TEXT_MAX ? GUID_TEXT_MAX : CLK_TEXT_MAX];

    csv_cell(c, "%s", a->workstation);
    csv_cell(c, "%s", guid_format(&a->client_id, text));
    csv_cell(c, "%s", p == NULL ? "" : p->product);
    csv_cell(c, "%s", p == NULL ? "" : p->edition);
    csv_cell(c, "%s", guid_format(&a->activation_id, text));
    csv_cell(c, "%s", guid_format(&a->application_id, text));
    csv_cell(c, "%" PRId64, a->when);
    csv_cell(c, "%s", clk_format(a->when, text));
    csv_cell(c, "%s", report_channel_name(a->channel));
    csv_cell(c, "%" PRIu32, a->count);
    csv_cell(c, "%" PRIu32, a->licence_status);
    csv_cell(c, "%s", a->peer);
    csv_cell(c, "%u", a->version);
    csv_cell(c, "%s", a->principal);
    csv_cell(c, "%s", a->sid);
    csv_cell(c, "%s", host);
    csv_end(c);
}

/* host NULL: there is but one. */
static void row_table(struct table *t, const struct store_activation *a,
                      const struct cat_product *p, const char *host)
{
    char when[CLK_TEXT_MAX], id[GUID_TEXT_MAX], name[KMS_NAME_MAX];

    table_cell(t, "%s", clk_format(a->when, when));
    table_cell(t, "%s", a->workstation);
    table_cell(t, "%s", kms_product_name(p, &a->activation_id, name));
    table_cell(t, "%s", kms_status_name(a->licence_status));
    table_cell(t, "%s", report_channel_name(a->channel));
    table_cell(t, "%" PRIu32, a->count);
    table_cell(t, "%s", a->peer);
    table_cell(t, "%s", guid_format(&a->client_id, id));
    if (host != NULL)
        table_cell(t, "%s", host);
}

/* ERR_LIMIT: there are enough. */
static enum err put(struct listing *l, const struct store_activation *a, const char *host)
{
    const struct cat_product *p =
        catalog_product_by_activation_id(l->reader->catalog, &a->activation_id);
    bool is_new;
    enum err e = ERR_OK;

    if (!kms_filter_product(&l->f->filter, a, p))
        return ERR_OK;
    e = seen_add(&l->seen, &a->client_id, &a->activation_id, NULL, &is_new);
    if (e != ERR_OK || !is_new || !kms_filter_contact(&l->f->filter, a))
        return e;
    l->n++;
    if (l->is_json)
        e = json_rows_add(&l->json, row_json(a, p, host));
    else if (l->f->csv)
        row_csv(&l->csv, a, p, host);
    else
        row_table(l->table, a, p, l->f->peers.n > 0 ? host : NULL);
    return e == ERR_OK && l->n == l->f->limit ? ERR_LIMIT : e;
}

/* What the others saw at that time or later. */
static enum err put_peers(struct listing *l, int64_t since)
{
    enum err e = ERR_OK;

    while (e == ERR_OK && l->next_peer < l->peers.n &&
           l->peers.rows[l->next_peer].a.when >= since) {
        const struct peer_contact *c = &l->peers.rows[l->next_peer++];

        e = put(l, &c->a, c->host);
    }
    return e;
}

static enum err take(void *arg, const struct store_activation *a)
{
    struct listing *l = arg;
    enum err e = put_peers(l, a->when + 1);

    return e == ERR_OK ? put(l, a, THIS_HOST) : e;
}

static enum err read_peers(struct listing *l, int64_t since, struct errinfo *ei)
{
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < l->f->peers.n; i++)
        e = peer_contacts_read(&l->peers, l->f->peers.v[i], since, ei);
    peer_contacts_sort(&l->peers);
    return e;
}

static enum err list(struct listing *l, struct errinfo *ei)
{
    int64_t since;
    enum err e = kms_since(l->reader->settings, l->f->last, &since, ei);

    if (e == ERR_OK)
        e = read_peers(l, since, ei);
    if (e != ERR_OK)
        return e;
    if (l->is_json)
        json_rows_begin(&l->json, "contacts");
    else if (l->f->csv)
        csv_head(&l->csv, csv_headers);
    e = store_each_recent(l->reader->store, since, 0, take, l, ei);
    if (e == ERR_OK)
        e = put_peers(l, INT64_MIN);
    if (l->is_json)
        json_rows_end(&l->json);
    if (e == ERR_NOMEM)
        return err_nomem(ei);
    return e == ERR_LIMIT ? ERR_OK : e;
}

static int contacts(struct cli *cli, struct contacts *f)
{
    const char *const headers[] = {"LAST CONTACT",
                                   "WORKSTATION",
                                   "PRODUCT",
                                   "STATUS",
                                   "CHANNEL",
                                   ">COUNT",
                                   "PEER",
                                   "CMID",
                                   f->peers.n > 0 ? "SEEN BY" : NULL,
                                   NULL};
    struct kms_reader reader;
    struct errinfo ei = {0};
    struct listing l = {.f = f, .reader = &reader, .is_json = cli->json};
    enum err e = kms_reader_open(cli, &reader, &ei);

    if (e == ERR_OK)
        e = kms_filter_read(reader.catalog, &f->filter, &ei);
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
    peer_contacts_free(&l.peers);
    kms_reader_close(&reader);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}

int kms_run_contacts(struct cli *cli, int argc, char **argv)
{
    struct contacts f = {.limit = 50};
    const struct opt opts[] = {
        OPT_TEXT_ROW("product", "NAME", &f.filter.product,
                     "of this product (\"Windows 11\", with or without edition), or activation id"),
        OPT_WORD_ROW("application", "NAME", &f.filter.application, KMS_APPLICATIONS,
                     "windows, office, or an id"),
        {.name = "since",
         .type = OPT_DURATION,
         .metavar = "DURATION",
         .help = "in the last DURATION on the ledger's clock (7d, 2h)",
         .dest = &f.last},
        OPT_TEXT_ROW("source", "ADDRESS", &f.filter.source, "last from this address or network"),
        OPT_TEXT_ROW("workstation", "PATTERN", &f.filter.workstation,
                     "last with this name; * and ? as in a shell, in any case"),
        OPT_WORD_ROW("channel", "NAME", &f.filter.channel, KMS_CHANNELS,
                     "last answered through kms, adba or relay"),
        {.name = "limit",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "the newest N only (default 50; 0: all)",
         .dest = &f.limit},
        {.name = "peer",
         .type = OPT_TEXTS,
         .metavar = "FILE",
         .help = "and what another host saw: its \"adbactl ledger export\"; may be given again",
         .dest = &f.peers},
        OPT_FLAG_ROW("csv", &f.csv, "comma-separated, for spreadsheets"),
        {0},
    };
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);

    return code >= 0 ? code : contacts(cli, &f);
}
