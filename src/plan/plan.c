#include "plan/plan.h"

#include <string.h>

const char plan_source_counting[] =
    "Volume Activation 2.0 Operations Guide; products.csv, n_policy";
const char plan_source_hosts[] = "Volume Activation Technical Reference, planning KMS activation; "
                                 "6 hosts a key: error 0xC004C008";
const char plan_source_directory[] =
    "Volume Activation Technical Reference, Active Directory-based activation; products.csv, adba";

/* ---- groups ---- */

static void judge_group(const struct catalog *c, const struct plan_input *in,
                        const struct cat_group *g, struct plan_group *out)
{
    *out = (struct plan_group){.group = g};
    out->hosting = catalog_hosting(c, g, in->system, in->edition, &out->row);
    out->usable = out->hosting == CAT_HOSTING_OK;
    if (!out->usable)
        return;
    out->need_count = catalog_key_needs(c, g, in->system, out->needs);
    for (size_t i = 0; i < out->need_count; i++) {
        out->met[i] =
            catalog_need_met(c, in->system, &out->needs[i], in->updates, in->update_count);
        out->usable = out->usable && out->met[i];
    }
}

/* The group that serves a product: a usable one before the others. */
static const struct plan_group *serving(const struct plan *p, const struct cat_product *product)
{
    const struct plan_group *found = NULL;

    for (size_t i = 0; i < p->group_count; i++) {
        const struct plan_group *g = &p->groups[i];

        if (cat_group_serves(g->group, &product->kms_id) &&
            (found == NULL || (g->usable && !found->usable)))
            found = g;
    }
    return found;
}

/* Groups that serve the product: those that may run on this host, else all. */
static void suggest(const struct catalog *c, const struct plan_input *in, struct plan_row *row)
{
    const struct cat_group *groups;
    size_t n = catalog_groups(c, &groups);

    for (unsigned elsewhere = 0; elsewhere < 2 && row->suggest_count == 0; elsewhere++) {
        row->suggest_fits = elsewhere == 0;
        for (size_t i = 0; i < n && row->suggest_count < PLAN_SUGGEST_MAX; i++) {
            const struct cat_host *host;

            if (!cat_group_serves(&groups[i], &row->clients.product->kms_id))
                continue;
            if (elsewhere == 0 &&
                catalog_hosting(c, &groups[i], in->system, in->edition, &host) != CAT_HOSTING_OK)
                continue;
            row->suggest[row->suggest_count++] = &groups[i];
        }
    }
}

/* ---- machines ---- */

static uint32_t machines(const struct plan_input *in)
{
    uint32_t n = 0;

    for (size_t i = 0; i < in->client_count; i++)
        n += in->clients[i].count;
    return n;
}

/* The members among the first i kinds of machines, so that the shares add up to all. */
static uint32_t members_before(const struct plan_input *in, size_t i)
{
    uint64_t before = 0, total = machines(in);
    uint64_t members = in->members < total ? in->members : total;

    for (size_t k = 0; k < i; k++)
        before += in->clients[k].count;
    return total == 0 ? 0 : (uint32_t)(before * members / total);
}

/* Whether something but the count stands in the way of KMS. */
static enum plan_verdict judge_kms(const struct catalog *c, const struct plan_input *in,
                                   struct plan_row *row)
{
    if (row->group == NULL || row->group->hosting != CAT_HOSTING_OK) {
        suggest(c, in, row);
        return row->group == NULL ? PLAN_NO_GROUP : PLAN_HOST;
    }
    catalog_need(c, in->system, row->clients.product->product, &row->need);
    row->need_met = catalog_need_met(c, in->system, &row->need, in->updates, in->update_count);
    if (row->need.impossible)
        return PLAN_IMPOSSIBLE;
    if (!row->group->usable)
        return PLAN_UPDATE;
    return row->need_met ? PLAN_ACTIVATED : PLAN_UPDATE;
}

static void judge_row(const struct catalog *c, const struct plan_input *in, size_t i,
                      const struct plan *p, struct plan_row *row)
{
    const struct cat_product *product = in->clients[i].product;
    uint32_t members = members_before(in, i + 1) - members_before(in, i);

    *row = (struct plan_row){.clients = in->clients[i], .served_source = ""};
    row->group = serving(p, product);
    if (row->group != NULL)
        row->served_source = catalog_served_source(c, row->group->group, &product->kms_id);
    row->by_directory = product->adba && row->group != NULL ? members : 0;
    row->by_kms = in->clients[i].count - row->by_directory;
    row->verdict = row->by_kms == 0 ? PLAN_ACTIVATED : judge_kms(c, in, row);
}

/* Only answered requests are counted; Windows clients and servers together, Office apart. */
static void count(struct plan *p)
{
    for (size_t i = 0; i < p->row_count; i++) {
        const struct plan_row *r = &p->rows[i];

        p->asking += r->by_kms;
        if (r->verdict != PLAN_ACTIVATED)
            continue;
        if (r->clients.product->family == CAT_OFFICE)
            p->office_count += r->by_kms;
        else
            p->windows_count += r->by_kms;
    }
    p->two_hosts = p->asking >= PLAN_TWO_HOSTS_FROM;
}

static void judge_count(const struct plan *p, struct plan_row *row)
{
    uint32_t have = row->clients.product->family == CAT_OFFICE ? p->office_count : p->windows_count;
    uint32_t required = row->clients.product->required_count;

    if (row->verdict != PLAN_ACTIVATED || row->by_kms == 0 || have >= required)
        return;
    row->verdict = PLAN_COUNT;
    row->missing = required - have;
}

void plan_make(const struct catalog *c, const struct plan_input *in, struct plan *out)
{
    memset(out, 0, sizeof(*out));
    out->group_count = in->group_count;
    out->row_count = in->client_count;
    for (size_t i = 0; i < in->group_count; i++)
        judge_group(c, in, in->groups[i], &out->groups[i]);
    for (size_t i = 0; i < in->client_count; i++)
        judge_row(c, in, i, out, &out->rows[i]);
    count(out);
    out->activates = true;
    for (size_t i = 0; i < out->row_count; i++) {
        judge_count(out, &out->rows[i]);
        out->activates = out->activates && out->rows[i].verdict == PLAN_ACTIVATED;
    }
}
