#include "catalog/catalog.h"

#include "catalog/internal.h"

size_t catalog_products(const struct catalog *c, const struct cat_product **first)
{
    *first = c->products.items;
    return c->products.count;
}

size_t catalog_groups(const struct catalog *c, const struct cat_group **first)
{
    *first = c->groups.items;
    return c->groups.count;
}

size_t catalog_errors(const struct catalog *c, const struct cat_error **first)
{
    *first = c->errors.items;
    return c->errors.count;
}

size_t catalog_events(const struct catalog *c, const struct cat_event **first)
{
    *first = c->events.items;
    return c->events.count;
}

static const struct cat_product *product_at(const struct catalog *c, size_t i)
{
    return VEC_AT(c->products, struct cat_product, i);
}

static const struct names *title_of(const struct catalog *c, size_t product)
{
    size_t title = VEC_AT(c->editions, struct edition, product)->title;

    return &VEC_AT(c->titles, struct title, title)->names;
}

static const struct names *edition_of(const struct catalog *c, size_t product)
{
    return &VEC_AT(c->editions, struct edition, product)->names;
}

static const struct edition *row_of(const struct catalog *c, const struct cat_product *p)
{
    return VEC_AT(c->editions, struct edition, (size_t)(p - product_at(c, 0)));
}

const char *catalog_product_origin(const struct catalog *c, const struct cat_product *p,
                                   unsigned *line)
{
    *line = row_of(c, p)->origin.line;
    return row_of(c, p)->origin.file;
}

bool catalog_product_is_overlay(const struct catalog *c, const struct cat_product *p)
{
    return row_of(c, p)->source > cat_builtin_count;
}

/* Both in one: "Windows 11 Enterprise". */
static const struct cat_product *by_full_name(const struct catalog *c, const char *name)
{
    for (size_t i = 0; i < c->products.count; i++)
        if (names_match_pair(title_of(c, i), edition_of(c, i), name))
            return product_at(c, i);
    return NULL;
}

static const struct cat_product *only_edition(const struct catalog *c, const char *product)
{
    const struct cat_product *found = NULL;

    for (size_t i = 0; i < c->products.count; i++) {
        if (!names_match(title_of(c, i), product))
            continue;
        if (found != NULL)
            return NULL;
        found = product_at(c, i);
    }
    return found != NULL ? found : by_full_name(c, product);
}

const struct cat_product *catalog_product(const struct catalog *c, const char *product,
                                          const char *edition)
{
    if (edition == NULL)
        return only_edition(c, product);
    for (size_t i = 0; i < c->products.count; i++)
        if (names_match(title_of(c, i), product) && names_match(edition_of(c, i), edition))
            return product_at(c, i);
    return NULL;
}

static bool has_key(const struct cat_product *p, const char *key)
{
    return p->setup_key != NULL && name_equal(p->setup_key, key);
}

const struct cat_product *catalog_product_by_key(const struct catalog *c, const char *key,
                                                 const struct cat_product *prefer)
{
    if (prefer != NULL && has_key(prefer, key))
        return prefer;
    for (size_t i = 0; i < c->products.count; i++)
        if (has_key(product_at(c, i), key))
            return product_at(c, i);
    return NULL;
}

const struct cat_product *catalog_product_by_activation_id(const struct catalog *c,
                                                           const struct guid *id)
{
    for (size_t i = 0; i < c->products.count; i++)
        if (guid_equal(&product_at(c, i)->activation_id, id))
            return product_at(c, i);
    return NULL;
}

const struct cat_product *catalog_product_by_kms_id(const struct catalog *c, const struct guid *id)
{
    for (size_t i = 0; i < c->products.count; i++)
        if (guid_equal(&product_at(c, i)->kms_id, id))
            return product_at(c, i);
    return NULL;
}

const char *catalog_kms_name(const struct catalog *c, const struct guid *id)
{
    for (size_t i = 0; i < c->units.count; i++) {
        const struct unit *u = VEC_AT(c->units, struct unit, i);

        if (guid_equal(&u->kms_id, id))
            return u->names.name;
    }
    return NULL;
}

const struct cat_group *catalog_group(const struct catalog *c, const char *name)
{
    for (size_t i = 0; i < c->groups.count; i++) {
        const struct cat_group *g = VEC_AT(c->groups, struct cat_group, i);

        if (name_equal(g->name, name))
            return g;
    }
    return NULL;
}

const struct cat_error *catalog_error(const struct catalog *c, uint32_t code)
{
    for (size_t i = 0; i < c->errors.count; i++) {
        const struct cat_error *row = VEC_AT(c->errors, struct cat_error, i);

        if (row->code == code)
            return row;
    }
    return NULL;
}

const char *catalog_remedy(const struct cat_error *e)
{
    return e->advice[0] != '\0' ? e->advice : e->remedy;
}

const struct cat_event *catalog_event(const struct catalog *c, uint32_t id)
{
    for (size_t i = 0; i < c->events.count; i++) {
        const struct cat_event *row = VEC_AT(c->events, struct cat_event, i);

        if (row->id == id)
            return row;
    }
    return NULL;
}

const char *catalog_nearest_product(const struct catalog *c, const char *name)
{
    struct nearest n = nearest_to(name);

    for (size_t i = 0; i < c->titles.count; i++)
        nearest_try_names(&n, &VEC_AT(c->titles, struct title, i)->names);
    return n.best;
}

const char *catalog_nearest_edition(const struct catalog *c, const char *product, const char *name)
{
    struct nearest n = nearest_to(name);

    for (size_t i = 0; i < c->products.count; i++)
        if (names_match(title_of(c, i), product))
            nearest_try_names(&n, edition_of(c, i));
    return n.best;
}

const char *catalog_nearest_group(const struct catalog *c, const char *name)
{
    struct nearest n = nearest_to(name);

    for (size_t i = 0; i < c->groups.count; i++)
        nearest_try(&n, VEC_AT(c->groups, struct cat_group, i)->name);
    return n.best;
}

enum err catalog_group_named(const struct catalog *c, const char *name,
                             const struct cat_group **out, struct errinfo *ei)
{
    const char *nearest;

    *out = catalog_group(c, name);
    if (*out != NULL)
        return ERR_OK;
    nearest = catalog_nearest_group(c, name);
    return err_fail(ei, ERR_NOTFOUND,
                    "there is no host-key group \"%s\"%s%s%s (\"adbactl hostkey groups\" lists "
                    "them)",
                    name, nearest != NULL ? "; did you mean \"" : "",
                    nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}
