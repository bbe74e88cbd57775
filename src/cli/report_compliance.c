/* adbactl report compliance: the computers of the domain, and strangers, held against the ledger.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/out.h"
#include "cli/reports.h"
#include "report/json.h"

struct compliance {
    struct opt_texts statuses;
    unsigned bits;
    const char *member;
    enum report_member wanted; /* REPORT_MEMBERS: any */
    int64_t within;
    uint32_t limit;
    bool csv;
};

static bool listed(const struct compliance *o, const struct report_computer *c)
{
    return (o->bits == 0 || (o->bits & 1u << c->status) != 0) &&
           (o->wanted == REPORT_MEMBERS || o->wanted == c->member);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Moves what is listed to the front; how many there are without the limit. */
static size_t choose(const struct compliance *o, struct report_compliance *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (listed(o, &c->computers[i]))
            c->computers[n++] = c->computers[i];
    }
    c->n = o->limit == 0 ? n : least(n, o->limit);
    return n;
}

/* ---- for people ---- */

static void print_summary(const struct reports *r, const struct report_compliance *c)
{
    static const char *const headers[] = {"COMPUTERS", ">LICENSED", ">EXPIRING",  ">GRACE",
                                          ">NOT LIC.", ">LAPSED",   ">NO REPORT", NULL};
    int64_t read = report_registry_read(r->report);
    struct table *t = table_new(headers);
    struct facts *f = facts_new();
    char text[CLK_TEXT_MAX], self[64] = "";

    if (c->self_reported > 0)
        snprintf(self, sizeof(self), " and %zu (self-reported)", c->self_reported);
    facts_add(f, "Time", "%s", clk_format(r->now, text));
    if (read == REPORT_NEVER)
        facts_add(f, "Registry", "none: no directory was ever read, so members are not known");
    else
        facts_add(f, "Registry", "read %s ago", clk_format_duration(r->now - read, text));
    facts_add(f, "Licensed by", "KMS %zu, the directory %zu (granted over 1688)%s",
              c->licensed_by[STORE_KMS], c->licensed_by[STORE_ADBA] - c->self_reported, self);
    facts_print(f);
    putchar('\n');
    for (int m = read == REPORT_NEVER ? REPORT_NO_REGISTRY : REPORT_MEMBER;
         m <= (read == REPORT_NEVER ? REPORT_NO_REGISTRY : REPORT_STRANGER); m++) {
        table_cell(t, "%s", report_member_name((enum report_member)m));
        for (int s = 0; s < REPORT_STATUSES; s++)
            table_cell(t, "%zu", c->counts[m][s]);
    }
    table_print(t);
    putchar('\n');
}

static void print_computers(const struct report_compliance *c)
{
    static const char *const headers[] = {"COMPUTER", "MEMBER",  "STATUS",       "CHANNEL",
                                          "PRODUCT",  "EXPIRES", "LAST CONTACT", NULL};
    struct table *t = table_new(headers);

    for (size_t i = 0; i < c->n; i++) {
        const struct report_computer *p = &c->computers[i];
        char text[CLK_TEXT_MAX], name[KMS_NAME_MAX];

        table_cell(t, "%s", p->name);
        table_cell(t, "%s", report_member_name(p->member));
        table_cell(t, "%s", report_status_name(p->status));
        if (p->row == NULL) {
            for (int k = 0; k < 4; k++)
                table_cell(t, "-");
            continue;
        }
        table_cell(t, "%s", report_channel_text(p->row));
        table_cell(t, "%s", kms_product_name(p->row->product, &p->row->activation_id, name));
        table_cell(t, "%s", reports_date(p->row->expires, text));
        table_cell(t, "%s", clk_format(p->row->last, text));
    }
    table_print(t);
}

/* ---- for programs ---- */

static void csv_computer(struct csv *c, const struct report_computer *p)
{
    const struct cat_product *product = p->row == NULL ? NULL : p->row->product;
    char text[CLK_TEXT_MAX], id[GUID_TEXT_MAX];

    csv_cell(c, "%s", p->name);
    csv_cell(c, "%s", p->dns_name);
    csv_cell(c, "%s", report_member_name(p->member));
    csv_cell(c, "%s", report_status_name(p->status));
    csv_cell(c, "%zu", p->products);
    csv_cell(c, "%s", p->row == NULL ? "" : report_channel_name(p->row->channel));
    csv_cell(c, "%s", product == NULL ? "" : product->product);
    csv_cell(c, "%s", product == NULL ? "" : product->edition);
    csv_cell(c, "%s",
             p->row == NULL || p->row->expires == REPORT_NEVER ? ""
                                                               : clk_format(p->row->expires, text));
    csv_cell(c, "%s", p->row == NULL ? "" : clk_format(p->row->last, text));
    csv_cell(c, "%s", p->row == NULL ? "" : guid_format(&p->row->client_id, id));
    csv_cell(c, "%s", p->row == NULL ? "" : p->row->self_reported ? "1" : "0");
    csv_end(c);
}

static void print_csv(const struct report_compliance *c)
{
    static const char *const headers[] = {
        "computer", "dns_name",     "member",    "status",    "products",      "channel", "product",
        "edition",  "expires_time", "last_time", "client_id", "self_reported", NULL};
    struct csv csv = {0};

    csv_head(&csv, headers);
    for (size_t i = 0; i < c->n; i++)
        csv_computer(&csv, &c->computers[i]);
}

static void print_json(const struct reports *r, const struct report_compliance *c, size_t total)
{
    int64_t read = report_registry_read(r->report);
    json_t *rows = json_array();
    char now[CLK_TEXT_MAX], text[CLK_TEXT_MAX];

    for (size_t i = 0; i < c->n; i++)
        json_array_append_new(rows, report_computer_json(&c->computers[i]));
    cli_json(json_pack("{s:s, s:s?, s:o, s:I, s:o}", "time", clk_format(r->now, now), "registry",
                       read == REPORT_NEVER ? NULL : clk_format(read, text), "counts",
                       report_counts_json(c), "total", (json_int_t)total, "computers", rows));
}

static void show(const struct cli *cli, const struct compliance *o, const struct reports *r,
                 struct report_compliance *c)
{
    size_t total = choose(o, c);

    if (o->csv) {
        print_csv(c);
    } else if (cli->json) {
        print_json(r, c, total);
    } else {
        print_summary(r, c);
        if (c->n > 0)
            print_computers(c);
        if (c->n < total)
            fprintf(stderr, "%zu of %zu; --limit 0 shows all\n", c->n, total);
    }
}

/* ---- the verb ---- */

static enum err understand(struct compliance *o, struct errinfo *ei)
{
    if (o->member != NULL) {
        o->wanted = 0;
        while (o->wanted < REPORT_MEMBERS && strcmp(report_member_name(o->wanted), o->member) != 0)
            o->wanted++;
        if (o->wanted == REPORT_MEMBERS)
            return err_fail(ei, ERR_USAGE,
                            "--member takes member, disabled, no-member or unknown, not \"%s\"",
                            o->member);
    }
    return reports_statuses(&o->statuses, true, &o->bits, ei);
}

int reports_run_compliance(struct cli *cli, int argc, char **argv)
{
    struct compliance o = {.within = REPORT_SOON, .limit = 50, .wanted = REPORT_MEMBERS};
    const struct opt opts[] = {
        {.name = "within",
         .type = OPT_DURATION,
         .metavar = "DURATION",
         .help = "expiring: at most so long to the end (default 30d)",
         .dest = &o.within},
        {.name = "status",
         .type = OPT_TEXTS,
         .metavar = "STATUS",
         .help = "list only licensed, expiring, grace, not-licensed, lapsed, no-report; may be "
                 "given again",
         .dest = &o.statuses,
         .words = "licensed expiring grace not-licensed lapsed no-report"},
        OPT_WORD_ROW(
            "member", "WHICH", &o.member, "member disabled no-member unknown",
            "list only member, disabled, no-member; or unknown, which all are where no directory "
            "was ever read"),
        {.name = "limit",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "list the N worst off (default 50; 0: all)",
         .dest = &o.limit},
        OPT_FLAG_ROW("csv", &o.csv, "comma-separated, for spreadsheets"),
        {0},
    };
    struct report_compliance c = {0};
    struct errinfo ei = {0};
    struct reports r = {0};
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    e = understand(&o, &ei);
    if (e == ERR_OK)
        e = reports_open(cli, o.within, &r, &ei);
    if (e == ERR_OK)
        e = report_compliance(r.report, &c, &ei);
    if (e == ERR_OK)
        show(cli, &o, &r, &c);
    report_compliance_free(&c);
    reports_close(&r);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}
