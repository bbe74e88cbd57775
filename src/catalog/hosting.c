#include "catalog/hosting.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/internal.h"

size_t catalog_hosts(const struct catalog *c, const struct cat_host **first)
{
    *first = c->hosts.items;
    return c->hosts.count;
}

size_t catalog_updates(const struct catalog *c, const struct cat_update **first)
{
    *first = c->updates.items;
    return c->updates.count;
}

/* ---- rows ---- */

static enum err parse_rule(struct catalog *cat, const struct csv *c, const char *text,
                           struct cat_host *row, struct errinfo *ei)
{
    static const char except[] = "except ", needs[] = "needs ";

    if (strcmp(text, "or later") == 0) {
        row->or_later = true;
    } else if (strcmp(text, "disputed") == 0) {
        row->disputed = true;
    } else if (strncmp(text, except, sizeof(except) - 1) == 0) {
        row->except = arena_strndup(&cat->mem, text + sizeof(except) - 1,
                                    strlen(text) - (sizeof(except) - 1));
    } else if (strncmp(text, needs, sizeof(needs) - 1) == 0) {
        row->needs =
            arena_strndup(&cat->mem, text + sizeof(needs) - 1, strlen(text) - (sizeof(needs) - 1));
    } else if (*text != '\0') {
        return csv_fail(
            c, ei,
            "rule is \"%s\"; it is empty, \"or later\", \"disputed\", \"except EDITION\" "
            "or \"needs UPDATE\"",
            text);
    }
    return row->except == NULL || row->needs == NULL ? err_nomem(ei) : ERR_OK;
}

/* Takes the rows of earlier sources for the same system and group out. */
static void drop_older(struct catalog *cat, const struct cat_host *row)
{
    size_t kept = 0;

    for (size_t i = 0; i < cat->hosts.count; i++) {
        const struct cat_host *h = VEC_AT(cat->hosts, struct cat_host, i);
        unsigned source = *VEC_AT(cat->host_rows, unsigned, i);

        if (source != cat->source && name_equal(h->group, row->group) &&
            strcmp(h->system, row->system) == 0)
            continue;
        *VEC_AT(cat->hosts, struct cat_host, kept) = *h;
        *VEC_AT(cat->host_rows, unsigned, kept) = source;
        kept++;
    }
    cat->hosts.count = kept;
    cat->host_rows.count = kept;
}

enum err cat_add_host(struct catalog *cat, const struct csv *c, const struct cat_host *row,
                      const char *rule, struct errinfo *ei)
{
    struct cat_host h = *row, *at;
    unsigned *source;
    enum err e;

    h.except = "";
    h.needs = "";
    e = parse_rule(cat, c, rule, &h, ei);
    if (e != ERR_OK)
        return e;
    drop_older(cat, row);
    at = vec_add(&cat->hosts, sizeof(*at));
    source = vec_add(&cat->host_rows, sizeof(*source));
    if (at == NULL || source == NULL)
        return err_nomem(ei);
    *at = h;
    *source = cat->source;
    return ERR_OK;
}

enum { U_HOST, U_CLIENT, U_UPDATE, U_NEEDED, U_DATE = U_NEEDED, U_NOTE, U_SOURCE, U_COLUMNS };

static bool is_kb(const char *text)
{
    size_t digits = strncmp(text, "KB", 2) == 0 ? strspn(text + 2, "0123456789") : 0;

    return digits >= 5 && digits <= 8 && text[2 + digits] == '\0';
}

static enum err update_row(struct catalog *cat, const struct csv *c, const char **v,
                           struct errinfo *ei)
{
    struct cat_update row = {v[U_HOST], v[U_CLIENT], v[U_UPDATE],
                             v[U_DATE], v[U_NOTE],   v[U_SOURCE]};
    struct cat_update *at = NULL;
    unsigned *source = NULL;

    if (!cat_title_known(cat, row.host) || !cat_title_known(cat, row.client))
        return csv_fail(c, ei, "no product in products.csv is called \"%s\"",
                        cat_title_known(cat, row.host) ? row.client : row.host);
    if (strcmp(row.update, "(impossible)") == 0)
        row.update = "";
    else if (!is_kb(row.update))
        return csv_fail(c, ei, "update is \"%s\"; it is KB and a number, or (impossible)",
                        row.update);
    for (size_t i = 0; i < cat->updates.count; i++) {
        at = VEC_AT(cat->updates, struct cat_update, i);
        source = VEC_AT(cat->update_rows, unsigned, i);
        if (name_equal(at->host, row.host) && name_equal(at->client, row.client) &&
            strcmp(at->update, row.update) == 0)
            break;
        at = NULL;
    }
    if (at != NULL && *source == cat->source)
        return csv_fail(c, ei, "%s for %s on %s is there twice", v[U_UPDATE], row.client, row.host);
    if (at == NULL) {
        at = vec_add(&cat->updates, sizeof(*at));
        source = vec_add(&cat->update_rows, sizeof(*source));
    }
    if (at == NULL || source == NULL)
        return err_nomem(ei);
    *at = row;
    *source = cat->source;
    return ERR_OK;
}

enum err cat_read_updates(struct catalog *cat, struct csv *c, struct errinfo *ei)
{
    static const char *const columns[U_COLUMNS] = {"host_os", "client_os", "update",
                                                   "date",    "note",      "source"};
    const char *v[U_COLUMNS];
    bool got = true;
    enum err e = csv_header_some(c, columns, U_COLUMNS, U_NEEDED, ei);

    while (e == ERR_OK) {
        e = csv_row(c, v, &got, ei);
        if (e != ERR_OK || !got)
            break;
        e = update_row(cat, c, v, ei);
    }
    return e;
}

/* ---- systems ---- */

static const struct title *title_at(const struct catalog *c, size_t i)
{
    return VEC_AT(c->titles, struct title, i);
}

static const struct title *title_named(const struct catalog *c, const char *name)
{
    for (size_t i = 0; i < c->titles.count; i++)
        if (names_match(&title_at(c, i)->names, name))
            return title_at(c, i);
    return NULL;
}

bool cat_title_known(const struct catalog *cat, const char *name)
{
    return title_named(cat, name) != NULL;
}

const char *catalog_system(const struct catalog *c, const char *text, const char **edition)
{
    const struct title *t = title_named(c, text);

    *edition = NULL;
    if (t != NULL)
        return t->names.name;
    for (size_t i = 0; i < c->editions.count; i++) {
        const struct edition *ed = VEC_AT(c->editions, struct edition, i);

        if (!names_match_pair(&title_at(c, ed->title)->names, &ed->names, text))
            continue;
        *edition = ed->names.name;
        return title_at(c, ed->title)->names.name;
    }
    return NULL;
}

enum cat_family catalog_system_family(const struct catalog *c, const char *system)
{
    const struct title *t = title_named(c, system);

    return t != NULL ? t->family : CAT_CLIENT;
}

/* The system itself, or the one that it is a release of. */
static const struct title *base_of(const struct catalog *c, const struct title *t)
{
    const struct title *base = *t->base != '\0' ? title_named(c, t->base) : NULL;

    return base != NULL ? base : t;
}

/* products.csv goes from new to old within a family; what an overlay adds is newer than all
 * before. */
static bool newer_or_same(const struct title *a, const struct title *b)
{
    return a->source != b->source ? a->source > b->source : a <= b;
}

static bool row_names(const struct catalog *c, const struct cat_host *h, const struct title *t)
{
    const struct title *own = title_named(c, h->system), *base = base_of(c, t);

    if (own == NULL)
        return false;
    return own == t || own == base ||
           (h->or_later && own->family == base->family && newer_or_same(base, own));
}

enum cat_hosting catalog_hosting(const struct catalog *c, const struct cat_group *g,
                                 const char *system, const char *edition,
                                 const struct cat_host **row)
{
    const struct title *t = title_named(c, system);
    enum cat_hosting verdict = CAT_HOSTING_UNLISTED;

    *row = NULL;
    for (size_t i = 0; t != NULL && i < c->hosts.count; i++) {
        const struct cat_host *h = VEC_AT(c->hosts, struct cat_host, i);

        if (!name_equal(h->group, g->name) || !row_names(c, h, t))
            continue;
        *row = h;
        if (h->disputed)
            return CAT_HOSTING_DISPUTED;
        verdict = edition != NULL && *h->except != '\0' && name_equal(h->except, edition)
                      ? CAT_HOSTING_EDITION
                      : CAT_HOSTING_OK;
    }
    return verdict;
}

/* ---- updates ---- */

static void need_add(struct cat_need *n, const char *update, const char *note, const char *source)
{
    if (n->count == CAT_NEED_ROWS_MAX)
        return;
    n->any_of[n->count].update = update;
    n->any_of[n->count].note = note;
    n->any_of[n->count].source = source;
    n->count++;
}

static bool same_title(const struct catalog *c, const char *name, const struct title *t)
{
    const struct title *named = title_named(c, name);

    return named != NULL && (named == t || named == base_of(c, t));
}

void catalog_need(const struct catalog *c, const char *system, const char *product,
                  struct cat_need *out)
{
    const struct title *host = title_named(c, system), *client = title_named(c, product);

    *out = (struct cat_need){.what = client != NULL ? client->names.name : product};
    for (size_t i = 0; host != NULL && client != NULL && i < c->updates.count; i++) {
        const struct cat_update *u = VEC_AT(c->updates, struct cat_update, i);

        if (!same_title(c, u->host, host) || !same_title(c, u->client, client))
            continue;
        if (*u->update == '\0' && !out->impossible) {
            out->impossible = true;
            out->count = 0;
        }
        if (!out->impossible || *u->update == '\0')
            need_add(out, u->update, u->note, u->source);
    }
}

/* The newest title of a family (or of all but servers) that the group serves. */
static const struct title *newest(const struct catalog *c, const struct cat_group *g, bool server)
{
    const struct title *found = NULL;

    for (size_t i = 0; i < c->products.count; i++) {
        const struct cat_product *p = VEC_AT(c->products, struct cat_product, i);
        const struct title *t = title_at(c, VEC_AT(c->editions, struct edition, i)->title);

        if ((p->family == CAT_SERVER) != server || !cat_group_serves(g, &p->kms_id))
            continue;
        if (found == NULL || newer_or_same(t, found))
            found = t;
    }
    return found;
}

size_t catalog_key_needs(const struct catalog *c, const struct cat_group *g, const char *system,
                         struct cat_need out[CAT_KEY_NEEDS_MAX])
{
    const struct title *asking[] = {newest(c, g, true), newest(c, g, false)};
    const struct cat_host *row;
    size_t n = 0;

    (void)catalog_hosting(c, g, system, NULL, &row);
    if (row != NULL && *row->needs != '\0') {
        out[n] = (struct cat_need){.what = g->name};
        need_add(&out[n++], row->needs, row->note, row->source);
    }
    for (size_t i = 0; i < 2; i++) {
        if (asking[i] == NULL)
            continue;
        catalog_need(c, system, asking[i]->names.name, &out[n]);
        n += out[n].count != 0;
    }
    return n;
}

static unsigned long kb_number(const char *update)
{
    return strlen(update) < 3 ? 0 : strtoul(update + 2, NULL, 10);
}

static bool listed_for(const struct catalog *c, const struct title *host, const char *update)
{
    for (size_t i = 0; host != NULL && i < c->updates.count; i++) {
        const struct cat_update *u = VEC_AT(c->updates, struct cat_update, i);

        if (name_equal(u->update, update) && same_title(c, u->host, host))
            return true;
    }
    return false;
}

bool catalog_need_met(const struct catalog *c, const char *system, const struct cat_need *need,
                      const char *const *installed, size_t n)
{
    const struct title *host = title_named(c, system);

    if (need->impossible)
        return false;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < need->count; j++) {
            const char *wanted = need->any_of[j].update;

            if (name_equal(installed[i], wanted) ||
                (kb_number(installed[i]) > kb_number(wanted) && listed_for(c, host, installed[i])))
                return true;
        }
    }
    return need->count == 0;
}
