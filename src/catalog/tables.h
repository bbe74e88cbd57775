/* tables: what the catalogue is made of. Inside this room, and for its tests and tools; others
 * use catalog.h.
 *
 * A table may come in several sources, read in the order given: the built-in one and then
 * overlays with the same columns. Within a source a key stands once; a later source's row replaces
 * an earlier source's with the same key. docs/catalog.md says what each column means. */
#ifndef ADBAD_CATALOG_TABLES_H
#define ADBAD_CATALOG_TABLES_H

#include "catalog/catalog.h"
#include "catalog/csv.h"

enum cat_table {
    CAT_KMS_PRODUCTS,
    CAT_PRODUCTS,
    CAT_SETUP_KEYS,
    CAT_GROUPS,
    CAT_UPDATES,
    CAT_ERRORS,
    CAT_EVENTS,
    CAT_AVMA_KEYS,
    CAT_AVMA_MATRIX,
    CAT_TABLE_COUNT
};

/* "products.csv" and so on, by enum cat_table. */
extern const char *const cat_table_files[CAT_TABLE_COUNT];

struct cat_source {
    enum cat_table table;
    const char *file; /* for messages */
    const void *bytes;
    size_t len;
};

/* The tables that were compiled in, generated from data/ by embed.cmake. */
extern const struct cat_source cat_builtin[];
extern const size_t cat_builtin_count;

/* Reads the sources table by table, whatever their order here; those of one table in the order
 * given. The catalogue keeps nothing of the sources. */
MUST_CHECK enum err catalog_load_from(const struct cat_source *sources, size_t n,
                                      struct catalog **out, struct errinfo *ei);

/* The namespace of all lab ids (docs/catalog.md). */
extern const struct guid cat_lab_namespace;

#endif
