/* internal: how struct catalog is built; for the files of this room. */
#ifndef ADBAD_CATALOG_INTERNAL_H
#define ADBAD_CATALOG_INTERNAL_H

#include "base/arena.h"
#include "catalog/avma.h"
#include "catalog/catalog.h"
#include "catalog/csv.h"
#include "catalog/hosting.h"
#include "catalog/tables.h"

/* A growing array of one kind of item. */
struct vec {
    void *items;
    size_t count, cap;
};

/* A zeroed item at the end; NULL when out of memory. Moves the others. */
void *vec_add(struct vec *v, size_t size);

/* A name and the other spellings by which the tables and people know it. */
struct names {
    const char *name;
    size_t alias_count;
    const char *const *aliases;
};

/* The row that counts, for messages. */
struct origin {
    const char *file;
    unsigned line;
};

/* What products.csv says about a product that holds for all its editions. A host only (a system
 * that may be a KMS host but never a KMS client) has a title and no cat_product. */
struct title {
    struct names names;
    enum cat_family family; /* of its first row */
    unsigned source;        /* where it came first */
    const char *base;       /* product that it is a release of, "" if none; resolved when asked */
};

/* A product that a group activates; it has a KMS id of its own. */
struct unit {
    struct names names;
    struct guid kms_id;
    struct origin origin;
    unsigned source;
    bool used; /* by a product; family is meaningful */
    enum cat_family family;
};

/* Beside each cat_product, with the same index. */
struct edition {
    struct names names;
    struct origin origin;
    unsigned source, key_source;
    size_t title;
    size_t unit;
};

/* A group serves a unit. */
struct member {
    size_t group, unit;
    const char *source;
};

/* A row of avma_matrix.csv. */
struct avma_row {
    const char *system, *edition; /* of the virtualization host */
    const char *guest;            /* product */
    bool allowed;
    unsigned source;
};

struct catalog {
    struct arena mem;       /* every string and list */
    struct vec titles;      /* struct title */
    struct vec units;       /* struct unit */
    struct vec products;    /* struct cat_product */
    struct vec editions;    /* struct edition */
    struct vec groups;      /* struct cat_group */
    struct vec origins;     /* struct origin, one per group */
    struct vec members;     /* struct member, each pair once */
    struct vec hosts;       /* struct cat_host */
    struct vec host_rows;   /* unsigned, the source of each */
    struct vec updates;     /* struct cat_update */
    struct vec update_rows; /* unsigned, the source of each */
    struct vec avma;        /* struct avma_row */
    struct vec errors;      /* struct cat_error */
    struct vec error_rows;  /* unsigned */
    struct vec events;      /* struct cat_event */
    struct vec event_rows;  /* unsigned */
    unsigned source;        /* the number of the one that is read */
};

#define VEC_AT(v, type, i) (&((type *)(v).items)[i])

/* One function per table: reads the rows of c, whose header is still to come. */
enum err cat_read_units(struct catalog *cat, struct csv *c, struct errinfo *ei);
enum err cat_read_products(struct catalog *cat, struct csv *c, struct errinfo *ei);
enum err cat_read_keys(struct catalog *cat, struct csv *c, struct errinfo *ei);
enum err cat_read_avma(struct catalog *cat, struct csv *c, struct errinfo *ei);
enum err cat_read_avma_matrix(struct catalog *cat, struct csv *c, struct errinfo *ei);
enum err cat_read_groups(struct catalog *cat, struct csv *c, struct errinfo *ei);
enum err cat_read_updates(struct catalog *cat, struct csv *c, struct errinfo *ei);
enum err cat_read_errors(struct catalog *cat, struct csv *c, struct errinfo *ei);
enum err cat_read_events(struct catalog *cat, struct csv *c, struct errinfo *ei);
/* Once all are read. */
enum err cat_check_units(const struct catalog *cat, struct errinfo *ei);
enum err cat_check_ids(const struct catalog *cat, struct errinfo *ei);
/* hosting.c: a host row of host_key_groups.csv. */
enum err cat_add_host(struct catalog *cat, const struct csv *c, const struct cat_host *row,
                      const char *rule, struct errinfo *ei);
/* Whether some product is called so. */
bool cat_title_known(const struct catalog *cat, const char *name);
enum err cat_finish_groups(struct catalog *cat, struct errinfo *ei);

/* names.c: spellings. Upper and lower case of ASCII letters are the same. */
bool name_equal(const char *a, const char *b);
bool names_match(const struct names *n, const char *text);
/* Whether text is one of the spellings of a, a blank, and one of those of b. */
bool names_match_pair(const struct names *a, const struct names *b, const char *text);
/* Whether the two have a spelling in common. */
bool names_clash(const struct names *a, const struct names *b);
/* Splits text at semicolons and adds the parts to n's aliases. */
enum err names_add(struct catalog *cat, struct names *n, const struct csv *c, const char *text,
                   struct errinfo *ei);

/* Letters to change, add or remove, in any case; a long b (over 80) is its length away from all. */
size_t name_distance(const char *a, const char *b);

/* The best candidate so far for a mistyped name. */
struct nearest {
    const char *wanted;
    const char *best; /* NULL: none is near enough */
    size_t distance;
};
struct nearest nearest_to(const char *wanted);
void nearest_try(struct nearest *n, const char *candidate);
void nearest_try_names(struct nearest *n, const struct names *names);

/* ids.c: "<kind>:<name>" under the lab namespace. */
enum err cat_lab_id(const char *kind, const char *name, struct guid *out, struct errinfo *ei);

#endif
