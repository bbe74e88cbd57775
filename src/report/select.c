/* The inventory: what a query finds, and totals by product. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "report/internal.h"

static const char *const sort_names[REPORT_SORTS] = {
    [REPORT_BY_LAST] = "last",       [REPORT_BY_WORKSTATION] = "machine",
    [REPORT_BY_PRODUCT] = "product", [REPORT_BY_STATUS] = "status",
    [REPORT_BY_CHANNEL] = "channel", [REPORT_BY_EXPIRES] = "expires"};

const char *report_sort_name(enum report_sort s)
{
    return s < REPORT_SORTS ? sort_names[s] : "?";
}

enum report_sort report_sort_named(const char *name)
{
    enum report_sort s = 0;

    while (s < REPORT_SORTS && strcmp(sort_names[s], name) != 0)
        s++;
    return s;
}

enum report_status report_status_named(const char *name)
{
    enum report_status s = 0;

    while (s < REPORT_STATUSES && strcmp(report_status_name(s), name) != 0)
        s++;
    return s;
}

const char *report_product_text(const struct cat_product *p, char text[REPORT_PRODUCT_MAX])
{
    snprintf(text, REPORT_PRODUCT_MAX, "%s%s%s", p == NULL ? "" : p->product,
             p == NULL || p->edition[0] == '\0' ? "" : " ", p == NULL ? "" : p->edition);
    return text;
}

int report_compare_products(const struct cat_product *a, const struct guid *a_id,
                            const struct cat_product *b, const struct guid *b_id)
{
    char left[REPORT_PRODUCT_MAX], right[REPORT_PRODUCT_MAX];
    int c = 0;

    if ((a == NULL) != (b == NULL))
        return a == NULL ? 1 : -1;
    if (a != NULL)
        c = strcasecmp(report_product_text(a, left), report_product_text(b, right));
    return c != 0 ? c : memcmp(a_id->b, b_id->b, sizeof(a_id->b));
}

/* ---- selecting ---- */

static bool has_text(const struct report_row *row, const char *text)
{
    char product[REPORT_PRODUCT_MAX], id[GUID_TEXT_MAX];

    return strcasestr(row->workstation, text) != NULL || strcasestr(row->peer, text) != NULL ||
           strcasestr(report_product_text(row->product, product), text) != NULL ||
           strcasestr(guid_format(&row->client_id, id), text) != NULL ||
           strcasestr(guid_format(&row->activation_id, id), text) != NULL;
}

static bool wanted(const struct report_query *q, const struct report_row *row)
{
    if (row->last < q->since || (q->statuses != 0 && (q->statuses & 1u << row->status) == 0))
        return false;
    if (q->text != NULL && !has_text(row, q->text))
        return false;
    return q->wants == NULL || q->wants(q->arg, row);
}

static int compare_times(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Those that never expire, last. */
static int compare_expiry(int64_t a, int64_t b)
{
    if (a == REPORT_NEVER || b == REPORT_NEVER)
        return (a == REPORT_NEVER) - (b == REPORT_NEVER);
    return compare_times(a, b);
}

static int compare_by(enum report_sort by, const struct report_row *a, const struct report_row *b)
{
    switch (by) {
    case REPORT_BY_LAST:
        return compare_times(b->last, a->last);
    case REPORT_BY_PRODUCT:
        return report_compare_products(a->product, &a->activation_id, b->product,
                                       &b->activation_id);
    case REPORT_BY_STATUS:
        return (int)a->status - (int)b->status;
    case REPORT_BY_CHANNEL:
        return ((int)a->channel - (int)b->channel) * 2 + a->self_reported - b->self_reported;
    case REPORT_BY_EXPIRES:
        return compare_expiry(a->expires, b->expires);
    case REPORT_BY_WORKSTATION:
    default:
        return 0; /* by name, as all that are equal */
    }
}

static int compare_rows(const void *left, const void *right, void *arg)
{
    const struct report_row *a = *(const struct report_row *const *)left;
    const struct report_row *b = *(const struct report_row *const *)right;
    const struct report_query *q = arg;
    int c = compare_by(q->sort, a, b);

    if (c == 0)
        c = strcasecmp(a->workstation, b->workstation);
    if (c == 0)
        c = memcmp(a->client_id.b, b->client_id.b, sizeof(a->client_id.b));
    if (c == 0)
        c = memcmp(a->activation_id.b, b->activation_id.b, sizeof(a->activation_id.b));
    return q->reverse ? -c : c;
}

enum err report_select(const struct report *r, const struct report_query *q,
                       struct report_list *out, struct errinfo *ei)
{
    struct report_list l = {.rows = calloc(row_count(r) + 1, sizeof(*l.rows))};

    if (l.rows == NULL)
        return err_nomem(ei);
    for (size_t i = 0; i < row_count(r); i++) {
        if (wanted(q, &r->rows[i]))
            l.rows[l.total++] = &r->rows[i];
    }
    qsort_r(l.rows, l.total, sizeof(*l.rows), compare_rows, (void *)(uintptr_t)q);
    if (q->offset < l.total)
        l.n = l.total - q->offset;
    if (q->limit > 0 && l.n > q->limit)
        l.n = q->limit;
    memmove(l.rows, l.rows + (l.n > 0 ? q->offset : 0), l.n * sizeof(*l.rows));
    *out = l;
    return ERR_OK;
}

void report_list_free(struct report_list *l)
{
    free(l->rows);
    *l = (struct report_list){0};
}

/* ---- products ---- */

static void add_to(struct report_product *p, const struct report_row *row)
{
    p->machines++;
    p->by_status[row->status]++;
    p->by_channel[row->channel <= STORE_RELAY ? row->channel : STORE_KMS]++;
    p->self_reported += row->self_reported;
    if (row->required_count > p->required_count)
        p->required_count = row->required_count;
    if (row->last > p->last)
        p->last = row->last;
}

/* Rows of one product stand together, and products in their order. */
static void sum_up(const struct report *r, const struct report_list *l, struct report_product *all,
                   size_t *n)
{
    struct report_product *p = all;

    for (size_t i = 0; i < l->n; i++) {
        const struct report_row *row = l->rows[i];

        if (*n == 0 || !guid_equal(&p->activation_id, &row->activation_id)) {
            p = &all[(*n)++];
            p->activation_id = row->activation_id;
            p->application_id = row->application_id;
            p->product = row->product;
            p->last = row->last;
            p->count = report_count(r, &row->application_id);
        }
        add_to(p, row);
    }
}

enum err report_products(const struct report *r, struct report_product **out, size_t *n,
                         struct errinfo *ei)
{
    const struct report_query by_product = {.since = REPORT_NEVER, .sort = REPORT_BY_PRODUCT};
    struct report_product *all;
    struct report_list l;
    enum err e = report_select(r, &by_product, &l, ei);

    if (e != ERR_OK)
        return e;
    *n = 0;
    all = calloc(l.n + 1, sizeof(*all));
    if (all == NULL) {
        report_list_free(&l);
        return err_nomem(ei);
    }
    sum_up(r, &l, all, n);
    report_list_free(&l);
    *out = all;
    return ERR_OK;
}
