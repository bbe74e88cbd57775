/* The computers of the domain, and those that are not, held against the inventory. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "report/internal.h"

/* How badly off a computer is. */
static int rank(enum report_status s)
{
    static const int ranks[REPORT_STATUSES] = {
        [REPORT_LAPSED] = 0,   [REPORT_NOT_LICENSED] = 1, [REPORT_GRACE] = 2,
        [REPORT_EXPIRING] = 3, [REPORT_NO_REPORT] = 4,    [REPORT_LICENSED] = 5};

    return ranks[s];
}

/* Rows of one computer together: by account, else by client machine id; newest first. */
static int compare_owners(const struct report_row *a, const struct report_row *b)
{
    if (a->account != b->account)
        return a->account < b->account ? -1 : 1;
    if (a->account != UINT32_MAX)
        return 0;
    return memcmp(a->client_id.b, b->client_id.b, sizeof(a->client_id.b));
}

static int compare_rows(const void *left, const void *right)
{
    const struct report_row *a = *(const struct report_row *const *)left;
    const struct report_row *b = *(const struct report_row *const *)right;
    int c = compare_owners(a, b);

    if (c == 0)
        c = (b->last > a->last) - (b->last < a->last);
    return c != 0 ? c : memcmp(a->activation_id.b, b->activation_id.b, sizeof(a->activation_id.b));
}

/* A machine runs one Windows, and each product of Office once: what it asked for before is gone. */
static bool superseded(const struct report_row *newer, const struct report_row *row)
{
    return guid_equal(&newer->activation_id, &row->activation_id) ||
           (guid_equal(&newer->application_id, &row->application_id) &&
            guid_equal(&row->application_id, &cat_app_windows));
}

/* Of n rows of one computer, newest first, the one that decides. */
static const struct report_row *decide(const struct report_row **rows, size_t n, size_t *products)
{
    const struct report_row *worst = rows[0];

    *products = 0;
    for (size_t i = 0; i < n; i++) {
        bool old = false;

        for (size_t k = 0; k < i && !old; k++)
            old = superseded(rows[k], rows[i]);
        if (old)
            continue;
        ++*products;
        if (rank(rows[i]->status) < rank(worst->status))
            worst = rows[i];
    }
    return worst;
}

static void add(struct report_compliance *c, const struct report_computer *computer)
{
    enum report_status s = computer->status;

    c->computers[c->n++] = *computer;
    c->counts[computer->member][s]++;
    if ((s == REPORT_LICENSED || s == REPORT_EXPIRING) && computer->row->channel <= STORE_RELAY) {
        c->licensed_by[computer->row->channel]++;
        c->self_reported += computer->row->self_reported;
    }
}

/* Those that asked. reported has a flag for each place of the registry. */
static void add_reported(const struct report *r, const struct report_row **rows,
                         struct report_compliance *c, bool *reported)
{
    for (size_t i = 0, n; i < row_count(r); i += n) {
        struct report_computer computer = {.dns_name = ""};
        struct member m;

        for (n = 1; i + n < row_count(r) && compare_owners(rows[i], rows[i + n]) == 0;)
            n++;
        computer.row = decide(rows + i, n, &computer.products);
        computer.name = rows[i]->workstation;
        computer.member = rows[i]->member;
        computer.status = computer.row->status;
        if (rows[i]->account != UINT32_MAX && roster_at(r->roster, rows[i]->account, &m)) {
            computer.name = m.name;
            computer.dns_name = m.dns_name;
            reported[rows[i]->account] = true;
        }
        add(c, &computer);
    }
}

static void add_silent(const struct report *r, struct report_compliance *c, const bool *reported)
{
    struct member m;

    for (uint32_t at = 0; at < roster_places(r->roster); at++) {
        if (reported[at] || !roster_at(r->roster, at, &m))
            continue;
        add(c, &(struct report_computer){.name = m.name,
                                         .dns_name = m.dns_name,
                                         .member = m.enabled ? REPORT_MEMBER : REPORT_DISABLED,
                                         .status = REPORT_NO_REPORT});
    }
}

static int compare_computers(const void *left, const void *right)
{
    const struct report_computer *a = left, *b = right;
    int c = rank(a->status) - rank(b->status);

    if (c == 0)
        c = strcasecmp(a->name, b->name);
    return c != 0 || a->row == NULL || b->row == NULL
               ? c
               : memcmp(a->row->client_id.b, b->row->client_id.b, sizeof(a->row->client_id.b));
}

enum err report_compliance(const struct report *r, struct report_compliance *out,
                           struct errinfo *ei)
{
    size_t places = roster_places(r->roster), n = row_count(r);
    const struct report_row **rows = calloc(n + 1, sizeof(*rows));
    bool *reported = calloc(places + 1, sizeof(*reported));
    struct report_compliance c = {.computers = calloc(n + places + 1, sizeof(*c.computers))};
    enum err e = ERR_OK;

    if (rows == NULL || reported == NULL || c.computers == NULL) {
        free(c.computers);
        e = err_nomem(ei);
    } else {
        for (size_t i = 0; i < n; i++)
            rows[i] = &r->rows[i];
        qsort(rows, n, sizeof(*rows), compare_rows);
        add_reported(r, rows, &c, reported);
        add_silent(r, &c, reported);
        qsort(c.computers, c.n, sizeof(*c.computers), compare_computers);
        *out = c;
    }
    free(rows);
    free(reported);
    return e;
}

void report_compliance_free(struct report_compliance *c)
{
    free(c->computers);
    *c = (struct report_compliance){0};
}
