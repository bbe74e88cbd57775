#include <string.h>

#include "base/buf.h"
#include "catalog/internal.h"

/* ---- kms_products.csv ---- */

enum { U_NAME, U_CALLED, U_COLUMNS };

static struct unit *find_unit(const struct catalog *cat, const char *name)
{
    for (size_t i = 0; i < cat->units.count; i++) {
        struct unit *u = VEC_AT(cat->units, struct unit, i);

        if (name_equal(u->names.name, name))
            return u;
    }
    return NULL;
}

static enum err unit_row(struct catalog *cat, const struct csv *c, const char **v,
                         struct errinfo *ei)
{
    struct unit *u = find_unit(cat, v[U_NAME]);
    enum err e;

    if (*v[U_NAME] == '\0')
        return csv_fail(c, ei, "the KMS product has no name");
    if (u != NULL && u->source == cat->source)
        return csv_fail(c, ei, "the KMS product \"%s\" is there twice", v[U_NAME]);
    if (u != NULL && strcmp(u->names.name, v[U_NAME]) != 0)
        return csv_fail(c, ei, "the KMS product \"%s\" is written \"%s\" in %s:%u", v[U_NAME],
                        u->names.name, u->origin.file, u->origin.line);
    if (u == NULL)
        u = vec_add(&cat->units, sizeof(*u));
    if (u == NULL)
        return err_nomem(ei);
    u->names = (struct names){.name = v[U_NAME]};
    u->origin = (struct origin){c->file, c->line};
    u->source = cat->source;
    e = names_add(cat, &u->names, c, v[U_CALLED], ei);
    return e != ERR_OK ? e : cat_lab_id("kms", u->names.name, &u->kms_id, ei);
}

enum err cat_read_units(struct catalog *cat, struct csv *c, struct errinfo *ei)
{
    static const char *const columns[U_COLUMNS] = {"kms_product", "called"};
    const char *v[U_COLUMNS];
    bool got = true;
    enum err e = csv_header(c, columns, U_COLUMNS, ei);

    while (e == ERR_OK) {
        e = csv_row(c, v, &got, ei);
        if (e != ERR_OK || !got)
            break;
        e = unit_row(cat, c, v, ei);
    }
    return e;
}

/* A row that was replaced may have been the only one that used it. */
static bool is_used(const struct catalog *cat, size_t unit)
{
    for (size_t i = 0; i < cat->editions.count; i++)
        if (VEC_AT(cat->editions, struct edition, i)->unit == unit)
            return true;
    return false;
}

enum err cat_check_units(const struct catalog *cat, struct errinfo *ei)
{
    for (size_t i = 0; i < cat->units.count; i++) {
        const struct unit *u = VEC_AT(cat->units, struct unit, i);

        if (!is_used(cat, i))
            return err_fail(ei, ERR_MALFORMED, "%s:%u: no product has the KMS product \"%s\"",
                            u->origin.file, u->origin.line, u->names.name);
    }
    return ERR_OK;
}

/* ---- products.csv ---- */

enum {
    P_PRODUCT,
    P_EDITION,
    P_ALIASES,
    P_EDITION_ALIASES,
    P_FAMILY,
    P_N_POLICY,
    P_PROTOCOL,
    P_ADBA,
    P_KMS_PRODUCT,
    P_NEEDED,
    P_BASE = P_NEEDED,
    P_COLUMNS
};

static const char *const product_columns[P_COLUMNS] = {
    "product",  "edition",  "aliases", "edition_aliases", "family",
    "n_policy", "protocol", "adba",    "kms_product",     "base",
};

static enum err check_titles(const struct catalog *cat, const struct csv *c, size_t own,
                             struct errinfo *ei)
{
    const struct names *mine = &VEC_AT(cat->titles, struct title, own)->names;

    /* Products may share an alias ("Windows 10/11"); a name belongs to one product only. */
    for (size_t i = 0; i < cat->titles.count; i++) {
        const struct names *other = &VEC_AT(cat->titles, struct title, i)->names;

        if (i == own)
            continue;
        if (name_equal(mine->name, other->name))
            return csv_fail(c, ei, "\"%s\" is written \"%s\" in an earlier row", mine->name,
                            other->name);
        if (names_match(mine, other->name))
            return csv_fail(c, ei, "an alias of \"%s\" is the name of another product, \"%s\"",
                            mine->name, other->name);
        if (names_match(other, mine->name))
            return csv_fail(c, ei, "\"%s\" is an alias of another product, \"%s\"", mine->name,
                            other->name);
    }
    return ERR_OK;
}

static enum err parse_family(const struct csv *c, const char *text, enum cat_family *out,
                             struct errinfo *ei)
{
    static const char *const families[] = {
        [CAT_CLIENT] = "client", [CAT_SERVER] = "server", [CAT_OFFICE] = "office"};

    for (unsigned i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (strcmp(text, families[i]) == 0) {
            *out = (enum cat_family)i;
            return ERR_OK;
        }
    }
    return csv_fail(c, ei, "family is \"%s\"; it is client, server or office", text);
}

/* Finds or makes the row's product and adds its aliases. */
static enum err take_title(struct catalog *cat, const struct csv *c, const char **v, size_t *at,
                           struct errinfo *ei)
{
    struct title *t = NULL;
    enum err e;

    if (*v[P_PRODUCT] == '\0')
        return csv_fail(c, ei, "the product has no name");
    for (*at = 0; *at < cat->titles.count; ++*at) {
        t = VEC_AT(cat->titles, struct title, *at);
        if (strcmp(t->names.name, v[P_PRODUCT]) == 0)
            break;
    }
    if (*at == cat->titles.count) {
        t = vec_add(&cat->titles, sizeof(*t));
        if (t == NULL)
            return err_nomem(ei);
        t->names.name = v[P_PRODUCT];
        t->source = cat->source;
        t->base = "";
        e = parse_family(c, v[P_FAMILY], &t->family, ei);
        if (e != ERR_OK)
            return e;
    }
    if (*v[P_BASE] != '\0' && !cat_title_known(cat, v[P_BASE]))
        return csv_fail(c, ei, "no earlier product is called \"%s\", the base", v[P_BASE]);
    if (*v[P_BASE] != '\0')
        t->base = v[P_BASE];
    e = names_add(cat, &t->names, c, v[P_ALIASES], ei);
    return e != ERR_OK ? e : check_titles(cat, c, *at, ei);
}

static enum err parse_bool(const struct csv *c, const char *text, bool *out, struct errinfo *ei)
{
    *out = strcmp(text, "yes") == 0;
    if (!*out && strcmp(text, "no") != 0)
        return csv_fail(c, ei, "adba is \"%s\"; it is yes or no", text);
    return ERR_OK;
}

static enum err parse_number(const struct csv *c, const char *text, const char *what, unsigned min,
                             unsigned max, unsigned *out, struct errinfo *ei)
{
    unsigned n = 0;
    const char *p = text;

    while (*p >= '0' && *p <= '9' && n <= max)
        n = n * 10 + (unsigned)(*p++ - '0');
    if (p == text || *p != '\0' || n < min || n > max)
        return csv_fail(c, ei, "%s is \"%s\"; it is a number from %u to %u", what, text, min, max);
    *out = n;
    return ERR_OK;
}

static enum err parse_values(const struct csv *c, const char **v, struct cat_product *p,
                             struct errinfo *ei)
{
    unsigned n_policy = 0;
    enum err e = parse_family(c, v[P_FAMILY], &p->family, ei);

    if (e == ERR_OK)
        e = parse_number(c, v[P_N_POLICY], "n_policy", 1, 1000, &n_policy, ei);
    if (e == ERR_OK)
        e = parse_number(c, v[P_PROTOCOL], "protocol", 4, 6, &p->protocol, ei);
    if (e == ERR_OK)
        e = parse_bool(c, v[P_ADBA], &p->adba, ei);
    p->required_count = n_policy;
    p->application_id = p->family == CAT_OFFICE ? cat_app_office : cat_app_windows;
    return e;
}

/* Ties the product to its KMS product, whose family is that of the products it stands for. */
static enum err parse_unit(struct catalog *cat, const struct csv *c, const char *name,
                           struct cat_product *p, size_t *at, struct errinfo *ei)
{
    struct unit *u = find_unit(cat, name);

    if (u == NULL)
        return csv_fail(c, ei, "the KMS product \"%s\" is not in kms_products.csv", name);
    if (u->used && u->family != p->family)
        return csv_fail(c, ei, "the KMS product \"%s\" has products of another family", name);
    u->used = true;
    u->family = p->family;
    p->kms_id = u->kms_id;
    *at = (size_t)(u - VEC_AT(cat->units, struct unit, 0));
    return ERR_OK;
}

/* Finds the row of an earlier source that this one replaces: *at is its place, or the number of
 * rows if there is none. */
static enum err find_replaced(const struct catalog *cat, const struct csv *c,
                              const struct edition *mine, size_t *at, struct errinfo *ei)
{
    *at = cat->editions.count;
    for (size_t i = 0; i < cat->editions.count; i++) {
        const struct edition *other = VEC_AT(cat->editions, struct edition, i);

        if (other->title != mine->title || !names_clash(&other->names, &mine->names))
            continue;
        if (other->source == mine->source || strcmp(other->names.name, mine->names.name) != 0)
            return csv_fail(c, ei, "the edition \"%s\" or an alias of it is there twice",
                            mine->names.name);
        *at = i;
    }
    return ERR_OK;
}

static enum err activation_id(struct cat_product *p, struct errinfo *ei)
{
    struct buf b = BUF_INIT;
    const char *name;
    enum err e;

    buf_add_fmt(&b, "%s/%s", p->product, p->edition);
    name = buf_str(&b);
    e = name == NULL ? err_nomem(ei) : cat_lab_id("activation", name, &p->activation_id, ei);
    buf_fini(&b);
    return e;
}

/* At the end, or in the place of a row that it replaces; its setup key stays. */
static enum err put_product(struct catalog *cat, const struct cat_product *p,
                            const struct edition *ed, size_t at, struct errinfo *ei)
{
    struct cat_product *product;
    struct edition *edition;
    const char *key;
    unsigned key_source;

    if (at == cat->editions.count && (vec_add(&cat->products, sizeof(*p)) == NULL ||
                                      vec_add(&cat->editions, sizeof(*ed)) == NULL))
        return err_nomem(ei);
    product = VEC_AT(cat->products, struct cat_product, at);
    edition = VEC_AT(cat->editions, struct edition, at);
    key = product->setup_key;
    key_source = edition->key_source;
    *product = *p;
    product->setup_key = key;
    *edition = *ed;
    edition->key_source = key_source;
    return ERR_OK;
}

static enum err add_product(struct catalog *cat, const struct csv *c, const char **v, size_t title,
                            struct errinfo *ei)
{
    struct cat_product p = {.product = v[P_PRODUCT], .edition = v[P_EDITION]};
    struct edition ed = {.names = {.name = v[P_EDITION]},
                         .origin = {c->file, c->line},
                         .source = cat->source,
                         .title = title};
    size_t at = 0;
    enum err e = parse_values(c, v, &p, ei);

    if (e == ERR_OK && *p.edition == '\0')
        e = csv_fail(c, ei, "the edition has no name");
    if (e == ERR_OK)
        e = parse_unit(cat, c, v[P_KMS_PRODUCT], &p, &ed.unit, ei);
    if (e == ERR_OK)
        e = names_add(cat, &ed.names, c, v[P_EDITION_ALIASES], ei);
    if (e == ERR_OK)
        e = find_replaced(cat, c, &ed, &at, ei);
    if (e == ERR_OK)
        e = activation_id(&p, ei);
    return e != ERR_OK ? e : put_product(cat, &p, &ed, at, ei);
}

/* A system that may be a KMS host but is no KMS client: a name and nothing else. */
static enum err check_host_only(const struct csv *c, const char **v, struct errinfo *ei)
{
    enum cat_family family;

    if (*v[P_EDITION] != '\0' || *v[P_EDITION_ALIASES] != '\0' || *v[P_N_POLICY] != '\0' ||
        *v[P_PROTOCOL] != '\0' || *v[P_ADBA] != '\0')
        return csv_fail(c, ei,
                        "no kms_product makes \"%s\" a host only: edition, edition_aliases, "
                        "n_policy, protocol and adba are empty then",
                        v[P_PRODUCT]);
    return parse_family(c, v[P_FAMILY], &family, ei);
}

enum err cat_read_products(struct catalog *cat, struct csv *c, struct errinfo *ei)
{
    const char *v[P_COLUMNS];
    bool got = true;
    enum err e = csv_header_some(c, product_columns, P_COLUMNS, P_NEEDED, ei);

    while (e == ERR_OK) {
        size_t title = 0;

        e = csv_row(c, v, &got, ei);
        if (e != ERR_OK || !got)
            break;
        e = take_title(cat, c, v, &title, ei);
        if (e != ERR_OK)
            break;
        if (*v[P_KMS_PRODUCT] == '\0')
            e = check_host_only(c, v, ei);
        else
            e = add_product(cat, c, v, title, ei);
    }
    return e;
}

/* ---- client_setup_keys.csv ---- */

enum { K_PRODUCT, K_EDITION, K_KEY, K_COLUMNS };

static bool is_key(const char *text)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        bool letter = (text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= '0' && text[i] <= '9');

        if (i % 6 == 5 ? text[i] != '-' : !letter)
            return false;
    }
    return i == 29;
}

static bool key_names(const struct catalog *cat, size_t product, const char **v)
{
    const struct edition *ed = VEC_AT(cat->editions, struct edition, product);

    return names_match(&VEC_AT(cat->titles, struct title, ed->title)->names, v[K_PRODUCT]) &&
           names_match(&ed->names, v[K_EDITION]);
}

/* A key is that of one row's products: the other side of a look-up by key must not change. */
static enum err check_key_owner(const struct catalog *cat, const struct csv *c, const char **v,
                                struct errinfo *ei)
{
    const struct cat_product *other = NULL;
    bool named = false;

    for (size_t i = 0; i < cat->products.count; i++) {
        const struct cat_product *p = VEC_AT(cat->products, struct cat_product, i);
        bool has = p->setup_key != NULL && strcmp(p->setup_key, v[K_KEY]) == 0;
        bool mine = key_names(cat, i, v);

        if (has && mine)
            return ERR_OK;
        if (has)
            other = p;
        named = named || mine;
    }
    return other == NULL || !named ? ERR_OK
                                   : csv_fail(c, ei, "the key %s is that of %s %s", v[K_KEY],
                                              other->product, other->edition);
}

/* Gives the key to every product that the row names: several share one. */
static enum err key_row(struct catalog *cat, const struct csv *c, const char **v,
                        struct errinfo *ei)
{
    bool any = false;
    enum err e;

    if (!is_key(v[K_KEY]))
        return csv_fail(c, ei, "\"%s\" is not five groups of five letters and digits", v[K_KEY]);
    e = check_key_owner(cat, c, v, ei);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < cat->products.count; i++) {
        struct edition *ed = VEC_AT(cat->editions, struct edition, i);
        struct cat_product *p = VEC_AT(cat->products, struct cat_product, i);

        if (!key_names(cat, i, v))
            continue;
        if (p->setup_key != NULL && strcmp(p->setup_key, v[K_KEY]) != 0 &&
            ed->key_source == cat->source)
            return csv_fail(c, ei, "%s %s has another key already, %s", p->product, p->edition,
                            p->setup_key);
        p->setup_key = v[K_KEY];
        ed->key_source = cat->source;
        any = true;
    }
    if (!any)
        return csv_fail(c, ei, "no product in products.csv is called \"%s\", edition \"%s\"",
                        v[K_PRODUCT], v[K_EDITION]);
    return ERR_OK;
}

typedef enum err key_row_fn(struct catalog *cat, const struct csv *c, const char **v,
                            struct errinfo *ei);

static enum err read_key_rows(struct catalog *cat, struct csv *c, key_row_fn *row,
                              struct errinfo *ei)
{
    static const char *const columns[K_COLUMNS] = {"product", "edition", "key"};
    const char *v[K_COLUMNS];
    bool got = true;
    enum err e = csv_header(c, columns, K_COLUMNS, ei);

    while (e == ERR_OK) {
        e = csv_row(c, v, &got, ei);
        if (e != ERR_OK || !got)
            break;
        e = row(cat, c, v, ei);
    }
    return e;
}

enum err cat_read_keys(struct catalog *cat, struct csv *c, struct errinfo *ei)
{
    return read_key_rows(cat, c, key_row, ei);
}

/* ---- avma_keys.csv ---- */

/* The latest row that names a product gives it its key. */
static enum err avma_row(struct catalog *cat, const struct csv *c, const char **v,
                         struct errinfo *ei)
{
    bool any = false;

    if (!is_key(v[K_KEY]))
        return csv_fail(c, ei, "\"%s\" is not five groups of five letters and digits", v[K_KEY]);
    for (size_t i = 0; i < cat->products.count; i++) {
        if (!key_names(cat, i, v))
            continue;
        VEC_AT(cat->products, struct cat_product, i)->avma_key = v[K_KEY];
        any = true;
    }
    return any ? ERR_OK
               : csv_fail(c, ei, "no product in products.csv is called \"%s\", edition \"%s\"",
                          v[K_PRODUCT], v[K_EDITION]);
}

enum err cat_read_avma(struct catalog *cat, struct csv *c, struct errinfo *ei)
{
    return read_key_rows(cat, c, avma_row, ei);
}
