/* The inventory, page by page and as a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashboard/internal.h"
#include "report/csv.h"
#include "report/json.h"

#define PAGE_MAX 500

/* ---- the question ---- */

struct question {
    struct report_query q;
    bool by_channel, by_product, self_reported;
    enum store_channel channel;
    struct guid product;
};

static bool wants(void *arg, const struct report_row *row)
{
    const struct question *q = arg;

    return (!q->by_channel || row->channel == q->channel) &&
           (!q->self_reported || row->self_reported) &&
           (!q->by_product || guid_equal(&row->activation_id, &q->product));
}

static bool given(const char *text)
{
    return text != NULL && *text != '\0';
}

static enum err read_filters(const struct dashboard_machines_args *a, struct question *q,
                             struct errinfo *ei)
{
    q->self_reported = given(a->channel) && strcmp(a->channel, "self-reported") == 0;
    q->by_channel = given(a->channel) && !q->self_reported;
    q->by_product = given(a->product);
    if (given(a->search))
        q->q.text = a->search;
    if (given(a->status)) {
        enum report_status s = report_status_named(a->status);

        if (s == REPORT_STATUSES || s == REPORT_NO_REPORT)
            return err_fail(ei, ERR_USAGE,
                            "status: expected licensed, expiring, grace, not-licensed or lapsed");
        q->q.statuses = 1u << s;
    }
    if (q->by_channel) {
        while (q->channel <= STORE_RELAY &&
               strcmp(report_channel_name(q->channel), a->channel) != 0)
            q->channel++;
        if (q->channel > STORE_RELAY)
            return err_fail(ei, ERR_USAGE, "channel: expected kms, adba, relay or self-reported");
    }
    if (q->by_product && !guid_parse(a->product, &q->product))
        return err_fail(ei, ERR_USAGE, "product: expected an activation id");
    return ERR_OK;
}

static enum err read_order(const struct dashboard_machines_args *a, struct question *q,
                           struct errinfo *ei)
{
    if (given(a->sort))
        q->q.sort = report_sort_named(a->sort);
    if (q->q.sort == REPORT_SORTS)
        return err_fail(ei, ERR_USAGE,
                        "sort: expected last, machine, product, status, channel or expires");
    q->q.reverse = given(a->order);
    if (q->q.reverse && strcmp(a->order, "reverse") != 0)
        return err_fail(ei, ERR_USAGE, "order: expected reverse, or nothing");
    return ERR_OK;
}

static enum err read_question(const struct dashboard_machines_args *a, struct question *q,
                              struct errinfo *ei)
{
    enum err e;

    *q = (struct question){.q = {.since = REPORT_NEVER, .sort = REPORT_BY_LAST, .wants = wants}};
    q->q.arg = q;
    e = read_filters(a, q, ei);
    if (e == ERR_OK)
        e = read_order(a, q, ei);
    if (e == ERR_OK)
        e = dashboard_number("offset", a->offset, 0, INT32_MAX, &q->q.offset, ei);
    if (e == ERR_OK)
        e = dashboard_number("limit", a->limit, 50, PAGE_MAX, &q->q.limit, ei);
    return e;
}

/* ---- the answer ---- */

static enum err read_report(struct dashboard *d, struct store *s, struct errinfo *ei)
{
    enum err e = dashboard_begin(d, s, ei);

    return e == ERR_OK ? report_read(d->report, s, clk_now(&d->clk), REPORT_SOON, ei) : e;
}

void dashboard_totals_fini(struct dashboard_totals *t)
{
    json_decref(t->products);
    *t = (struct dashboard_totals){0};
}

static enum err add_products(const struct report *r, struct dashboard_totals *t, struct errinfo *ei)
{
    struct report_product *products = NULL;
    char id[GUID_TEXT_MAX];
    size_t n = 0;
    enum err e = report_products(r, &products, &n, ei);

    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        const struct cat_product *p = products[i].product;

        t->rows += products[i].machines;
        json_array_append_new(t->products, json_pack("{s:s, s:s?, s:s?}", "activation_id",
                                                     guid_format(&products[i].activation_id, id),
                                                     "product", p == NULL ? NULL : p->product,
                                                     "edition", p == NULL ? NULL : p->edition));
    }
    free(products);
    return e;
}

/* How many rows there are, of which products, of how many computers, and who never asked. It takes
 * looking at every row, so it is kept until there are others. */
static enum err add_up(struct dashboard *d, struct errinfo *ei)
{
    struct dashboard_totals t = {.generation = report_generation(d->report),
                                 .products = json_array()};
    struct report_compliance c = {0};
    enum err e;

    if (d->totals.generation == t.generation) {
        json_decref(t.products);
        return ERR_OK;
    }
    e = t.products == NULL ? err_nomem(ei) : add_products(d->report, &t, ei);
    if (e == ERR_OK)
        e = report_compliance(d->report, &c, ei);
    for (int m = 0; e == ERR_OK && m < REPORT_MEMBERS; m++)
        t.silent += c.counts[m][REPORT_NO_REPORT];
    t.computers = c.n - t.silent;
    report_compliance_free(&c);
    dashboard_totals_fini(&d->totals);
    if (e == ERR_OK)
        d->totals = t;
    else
        dashboard_totals_fini(&t);
    return e;
}

static enum err add_totals(struct dashboard *d, json_t *j, struct errinfo *ei)
{
    const struct dashboard_totals *t = &d->totals;
    enum err e = add_up(d, ei);

    if (e != ERR_OK)
        return e;
    json_object_set_new(j, "total", json_integer((json_int_t)t->rows));
    json_object_set_new(j, "computers", json_integer((json_int_t)t->computers));
    json_object_set_new(j, "no_report", json_integer((json_int_t)t->silent));
    json_object_set(j, "products", t->products);
    return ERR_OK;
}

enum err dashboard_machines(struct dashboard *d, struct store *s,
                            const struct dashboard_machines_args *a, json_t **out,
                            struct errinfo *ei)
{
    struct report_list found = {0};
    json_t *j = json_object(), *rows = json_array();
    struct question q;
    enum err e = read_question(a, &q, ei);

    if (e == ERR_OK)
        e = read_report(d, s, ei);
    if (e == ERR_OK)
        e = report_select(d->report, &q.q, &found, ei);
    for (size_t i = 0; e == ERR_OK && i < found.n; i++) {
        if (json_array_append_new(rows, report_row_json(found.rows[i])) != 0)
            e = err_nomem(ei);
    }
    json_object_set_new(j, "matched", json_integer((json_int_t)found.total));
    json_object_set_new(j, "offset", json_integer((json_int_t)q.q.offset));
    json_object_set_new(j, "machines", rows);
    if (e == ERR_OK)
        e = add_totals(d, j, ei);
    report_list_free(&found);
    if (e == ERR_OK)
        *out = j;
    else
        json_decref(j);
    return e;
}

/* ---- the file ---- */

#define LINE_END "\r\n" /* as RFC 4180 has it */

enum err dashboard_machines_csv(struct dashboard *d, struct store *s,
                                const struct dashboard_machines_args *a, struct buf *out,
                                struct errinfo *ei)
{
    struct report_list found = {0};
    struct question q;
    enum err e = read_question(a, &q, ei);

    q.q.offset = q.q.limit = 0;
    if (e == ERR_OK)
        e = read_report(d, s, ei);
    if (e == ERR_OK)
        e = report_select(d->report, &q.q, &found, ei);
    if (e == ERR_OK)
        report_csv_head(out, LINE_END);
    for (size_t i = 0; e == ERR_OK && i < found.n; i++)
        report_csv_row(out, found.rows[i], LINE_END);
    report_list_free(&found);
    return e;
}
