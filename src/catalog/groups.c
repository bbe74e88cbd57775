#include <stdlib.h>
#include <string.h>

#include "catalog/internal.h"

enum { G_GROUP, G_RELATION, G_PRODUCT, G_NEEDED, G_NOTE = G_NEEDED, G_RULE, G_SOURCE, G_COLUMNS };

static enum err take_group(struct catalog *cat, const struct csv *c, const char *name, size_t *at,
                           struct errinfo *ei)
{
    struct cat_group *g;
    struct origin *origin;

    if (*name == '\0')
        return csv_fail(c, ei, "the group has no name");
    for (*at = 0; *at < cat->groups.count; ++*at) {
        g = VEC_AT(cat->groups, struct cat_group, *at);
        if (strcmp(g->name, name) == 0)
            return ERR_OK;
        if (name_equal(g->name, name))
            return csv_fail(c, ei, "the group \"%s\" is written \"%s\" in an earlier row", name,
                            g->name);
    }
    g = vec_add(&cat->groups, sizeof(*g));
    origin = vec_add(&cat->origins, sizeof(*origin));
    if (g == NULL || origin == NULL)
        return err_nomem(ei);
    *origin = (struct origin){c->file, c->line};
    g->name = name;
    return cat_lab_id("csvlk", name, &g->sku_id, ei);
}

static enum err add_member(struct catalog *cat, size_t group, size_t unit, const char *source,
                           struct errinfo *ei)
{
    struct member *m;

    for (size_t i = 0; i < cat->members.count; i++) {
        m = VEC_AT(cat->members, struct member, i);
        if (m->group == group && m->unit == unit)
            return ERR_OK;
    }
    m = vec_add(&cat->members, sizeof(*m));
    if (m == NULL)
        return err_nomem(ei);
    *m = (struct member){.group = group, .unit = unit, .source = source};
    return ERR_OK;
}

/* The row's name may stand for several KMS products ("Windows 7": Professional, Enterprise). */
static enum err activates(struct catalog *cat, const struct csv *c, size_t group,
                          const char *product, const char *source, struct errinfo *ei)
{
    bool any = false;
    enum err e = ERR_OK;

    for (size_t i = 0; i < cat->units.count && e == ERR_OK; i++) {
        if (!names_match(&VEC_AT(cat->units, struct unit, i)->names, product))
            continue;
        e = add_member(cat, group, i, source, ei);
        any = true;
    }
    if (!any)
        return csv_fail(c, ei, "no KMS product in kms_products.csv is called \"%s\"", product);
    return e;
}

static enum err add_host(struct catalog *cat, const struct csv *c, const char **v,
                         struct errinfo *ei)
{
    const struct cat_host row = {
        .group = v[G_GROUP], .system = v[G_PRODUCT], .note = v[G_NOTE], .source = v[G_SOURCE]};

    if (!cat_title_known(cat, row.system))
        return csv_fail(c, ei, "no product in products.csv is called \"%s\"", row.system);
    return cat_add_host(cat, c, &row, v[G_RULE], ei);
}

static enum err group_row(struct catalog *cat, const struct csv *c, const char **v,
                          struct errinfo *ei)
{
    size_t group = 0;
    enum err e = take_group(cat, c, v[G_GROUP], &group, ei);

    if (e != ERR_OK)
        return e;
    if (strcmp(v[G_RELATION], "activates") == 0)
        return activates(cat, c, group, v[G_PRODUCT], v[G_SOURCE], ei);
    if (strcmp(v[G_RELATION], "host") == 0)
        return add_host(cat, c, v, ei);
    return csv_fail(c, ei, "relation is \"%s\"; it is host or activates", v[G_RELATION]);
}

enum err cat_read_groups(struct catalog *cat, struct csv *c, struct errinfo *ei)
{
    static const char *const columns[G_COLUMNS] = {"csvlk_group", "relation", "product",
                                                   "note",        "rule",     "source"};
    const char *v[G_COLUMNS];
    bool got = true;
    enum err e = csv_header_some(c, columns, G_COLUMNS, G_NEEDED, ei);

    while (e == ERR_OK) {
        e = csv_row(c, v, &got, ei);
        if (e != ERR_OK || !got)
            break;
        e = group_row(cat, c, v, ei);
    }
    return e;
}

static int compare_guids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct guid));
}

/* A group that serves a server is a server group, whatever clients it serves besides. */
static enum cat_family wider(enum cat_family a, enum cat_family b)
{
    if (a == CAT_SERVER || b == CAT_SERVER)
        return CAT_SERVER;
    return a == CAT_OFFICE || b == CAT_OFFICE ? CAT_OFFICE : CAT_CLIENT;
}

static enum err finish(struct catalog *cat, size_t group, struct errinfo *ei)
{
    struct cat_group *g = VEC_AT(cat->groups, struct cat_group, group);
    struct guid *ids = arena_alloc(&cat->mem, cat->units.count * sizeof(*ids));

    if (ids == NULL)
        return err_nomem(ei);
    for (size_t i = 0; i < cat->members.count; i++) {
        const struct member *m = VEC_AT(cat->members, struct member, i);
        const struct unit *u = VEC_AT(cat->units, struct unit, m->unit);

        if (m->group != group)
            continue;
        g->family = g->kms_id_count == 0 ? u->family : wider(g->family, u->family);
        ids[g->kms_id_count++] = u->kms_id;
    }
    if (g->kms_id_count == 0) {
        const struct origin *o = VEC_AT(cat->origins, struct origin, group);

        return err_fail(ei, ERR_MALFORMED, "%s:%u: the group \"%s\" activates nothing", o->file,
                        o->line, g->name);
    }
    qsort(ids, g->kms_id_count, sizeof(*ids), compare_guids);
    g->kms_ids = ids;
    return ERR_OK;
}

enum err cat_finish_groups(struct catalog *cat, struct errinfo *ei)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < cat->groups.count && e == ERR_OK; i++)
        e = finish(cat, i, ei);
    return e;
}

size_t cat_group_find(const struct cat_group *g, const struct guid *kms_id)
{
    const struct guid *at = g->kms_id_count == 0 ? NULL
                                                 : bsearch(kms_id, g->kms_ids, g->kms_id_count,
                                                           sizeof(*kms_id), compare_guids);

    return at != NULL ? (size_t)(at - g->kms_ids) : CAT_NOT_FOUND;
}

bool cat_group_serves(const struct cat_group *g, const struct guid *kms_id)
{
    return cat_group_find(g, kms_id) != CAT_NOT_FOUND;
}

const char *catalog_served_source(const struct catalog *c, const struct cat_group *g,
                                  const struct guid *kms_id)
{
    for (size_t i = 0; i < c->members.count; i++) {
        const struct member *m = VEC_AT(c->members, struct member, i);

        if (VEC_AT(c->groups, struct cat_group, m->group) == g &&
            guid_equal(&VEC_AT(c->units, struct unit, m->unit)->kms_id, kms_id))
            return m->source;
    }
    return "";
}
