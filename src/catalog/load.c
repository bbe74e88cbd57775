#include <stdlib.h>
#include <string.h>

#include "catalog/internal.h"

typedef enum err reader_fn(struct catalog *cat, struct csv *c, struct errinfo *ei);

/* In the order of reading: each table names things from those above it. */
static reader_fn *const readers[CAT_TABLE_COUNT] = {
    [CAT_KMS_PRODUCTS] = cat_read_units,      [CAT_PRODUCTS] = cat_read_products,
    [CAT_SETUP_KEYS] = cat_read_keys,         [CAT_GROUPS] = cat_read_groups,
    [CAT_UPDATES] = cat_read_updates,         [CAT_ERRORS] = cat_read_errors,
    [CAT_EVENTS] = cat_read_events,           [CAT_AVMA_KEYS] = cat_read_avma,
    [CAT_AVMA_MATRIX] = cat_read_avma_matrix,
};

const char *const cat_table_files[CAT_TABLE_COUNT] = {
    [CAT_KMS_PRODUCTS] = "kms_products.csv",
    [CAT_PRODUCTS] = "products.csv",
    [CAT_SETUP_KEYS] = "client_setup_keys.csv",
    [CAT_GROUPS] = "host_key_groups.csv",
    [CAT_UPDATES] = "host_updates.csv",
    [CAT_ERRORS] = "error_codes.csv",
    [CAT_EVENTS] = "event_ids.csv",
    [CAT_AVMA_KEYS] = "avma_keys.csv",
    [CAT_AVMA_MATRIX] = "avma_matrix.csv",
};

static enum err read_table(struct catalog *cat, enum cat_table table,
                           const struct cat_source *sources, size_t n, struct errinfo *ei)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        struct csv c;
        const char *file;

        if (sources[i].table != table)
            continue;
        file = arena_strndup(&cat->mem, sources[i].file, strlen(sources[i].file));
        if (file == NULL)
            return err_nomem(ei);
        csv_init(&c, file, sources[i].bytes, sources[i].len, &cat->mem);
        cat->source = (unsigned)i + 1;
        e = readers[table](cat, &c, ei);
    }
    return e;
}

enum err catalog_load_from(const struct cat_source *sources, size_t n, struct catalog **out,
                           struct errinfo *ei)
{
    struct catalog *cat = calloc(1, sizeof(*cat));
    enum err e = ERR_OK;

    if (cat == NULL)
        return err_nomem(ei);
    for (unsigned t = 0; t < CAT_TABLE_COUNT && e == ERR_OK; t++)
        e = read_table(cat, (enum cat_table)t, sources, n, ei);
    if (e == ERR_OK)
        e = cat_check_units(cat, ei);
    if (e == ERR_OK)
        e = cat_check_ids(cat, ei);
    if (e == ERR_OK)
        e = cat_finish_groups(cat, ei);
    if (e != ERR_OK)
        catalog_free(cat);
    else
        *out = cat;
    return e;
}

enum err catalog_load(struct catalog **out, struct errinfo *ei)
{
    return catalog_load_from(cat_builtin, cat_builtin_count, out, ei);
}

void catalog_free(struct catalog *c)
{
    if (c == NULL)
        return;
    free(c->titles.items);
    free(c->units.items);
    free(c->products.items);
    free(c->editions.items);
    free(c->groups.items);
    free(c->origins.items);
    free(c->members.items);
    free(c->hosts.items);
    free(c->host_rows.items);
    free(c->updates.items);
    free(c->update_rows.items);
    free(c->avma.items);
    free(c->errors.items);
    free(c->error_rows.items);
    free(c->events.items);
    free(c->event_rows.items);
    arena_reset(&c->mem);
    free(c);
}
