/* The CSV reader, and what the catalogue's loader does with a table that a stranger wrote: the
 * first byte chooses which table the rest stands for, behind the built-in ones as an overlay. */
#include <stdint.h>
#include <stdlib.h>

#include "catalog/explain.h"
#include "catalog/hosting.h"
#include "catalog/tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_records(const uint8_t *data, size_t size)
{
    struct arena mem = ARENA_INIT;
    struct errinfo ei;
    struct csv c;
    bool got = true;
    unsigned line = 0;

    csv_init(&c, "input", data, size, &mem);
    while (got && csv_record(&c, &got, &ei) == ERR_OK) {
        if (got && (c.count == 0 || c.count > CSV_COLUMNS_MAX || c.line <= line))
            abort();
        line = c.line;
    }
    arena_reset(&mem);
}

/* Small tables that the input may refer to; the built-in ones would make each round slow. */
static const char units[] = "kms_product,called\nA,A/B\nB,A/B\n";
static const char products[] =
    "product,edition,aliases,edition_aliases,family,n_policy,protocol,adba,kms_product\n"
    "P,E,Q;R,F,client,25,6,yes,A\nS,E,R,,server,5,5,no,B\n";

static void ask_hosting(const struct catalog *cat)
{
    struct cat_need needs[CAT_KEY_NEEDS_MAX];
    const struct cat_group *groups;
    size_t n = catalog_groups(cat, &groups);

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < catalog_key_needs(cat, &groups[i], "S", needs); k++)
            (void)catalog_need_met(cat, "S", &needs[k], (const char *const[]){"KB12345"}, 1);
}

static void load_overlay(enum cat_table table, const uint8_t *data, size_t size)
{
    const struct cat_source sources[] = {
        {CAT_KMS_PRODUCTS, "units", units, sizeof(units) - 1},
        {CAT_PRODUCTS, "products", products, sizeof(products) - 1},
        {table, "input", data, size},
    };
    struct cat_meaning meanings[CAT_MEANINGS_MAX];
    struct errinfo ei;
    struct catalog *cat;

    if (catalog_load_from(sources, 3, &cat, &ei) != ERR_OK)
        return;
    /* What was loaded must be usable. */
    (void)catalog_product(cat, "Q", "F");
    (void)catalog_product(cat, "P E", NULL);
    (void)catalog_nearest_product(cat, "PP");
    (void)catalog_nearest_group(cat, "GG");
    ask_hosting(cat);
    (void)catalog_explain(cat, "C0000001", meanings);
    (void)catalog_explain_nearest(cat, "SL_E", meanings);
    catalog_free(cat);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    read_records(data + 1, size - 1);
    load_overlay((enum cat_table)((uint8_t)(data[0] - '0') % CAT_TABLE_COUNT), data + 1, size - 1);
    return 0;
}
