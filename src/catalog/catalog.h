/* catalog: products, setup keys, host-key groups, error codes and events, from data/<table>.csv.
 * Systems and updates of KMS hosts: catalog/hosting.h.
 *
 * The tables are compiled in as bytes and read by the same parser that reads overlays; the
 * build runs that parser, so a bad row fails the build with file:line. A struct catalog is
 * immutable after loading and may be shared between threads; every pointer that a look-up
 * returns lives as long as the catalogue. */
#ifndef ADBAD_CATALOG_CATALOG_H
#define ADBAD_CATALOG_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"

enum cat_family { CAT_CLIENT, CAT_SERVER, CAT_OFFICE };

/* One edition of one product: what a client installs with one setup key. */
struct cat_product {
    const char *product;   /* "Windows 11" */
    const char *edition;   /* "Enterprise" */
    const char *setup_key; /* published client setup key (GVLK), 5x5; NULL if none is published */
    const char *avma_key;  /* published key for automatic virtual machine activation, or NULL */
    enum cat_family family;
    uint32_t required_count; /* N-policy: 25, 5 or 5 */
    unsigned protocol;       /* newest KMS protocol generation the client speaks: 4, 5 or 6 */
    bool adba;               /* can be activated through the directory */
    struct guid application_id;
    struct guid activation_id; /* lab SKU id, one per edition (UUIDv5, lab namespace) */
    struct guid kms_id;        /* lab KMS id, one per product that a group activates */
};

/* A host-key (CSVLK) group: what a host with such a key, or an activation object, serves. */
struct cat_group {
    const char *name;       /* "Volume License for Windows Server 2022" */
    enum cat_family family; /* CAT_SERVER: a server group; wins over CAT_CLIENT in a directory */
    struct guid sku_id;     /* lab id of the host key itself (UUIDv5) */
    size_t kms_id_count;
    const struct guid *kms_ids; /* sorted by bytes, no duplicates */
};

/* Texts are "" where the tables have none. */
struct cat_error {
    uint32_t code;
    const char *name;    /* SL_E_VL_NOT_ENOUGH_COUNT */
    const char *remedy;  /* a few words, as published */
    const char *meaning; /* a sentence */
    const char *advice;  /* what to do, in sentences */
    const char *source;
};

struct cat_event {
    uint32_t id;
    const char *meaning;     /* a few words, as published */
    const char *fields;      /* as in event_ids.csv */
    const char *log;         /* "Application" */
    const char *where;       /* whose: "KMS client" */
    const char *explanation; /* a sentence */
    const char *advice;      /* what to do, in sentences */
    const char *reference;
};

struct catalog;

/* Reads the built-in tables. The caller frees with catalog_free. */
MUST_CHECK enum err catalog_load(struct catalog **out, struct errinfo *ei);
void catalog_free(struct catalog *c);

/* Where the folder of overlays is unless something else is said. */
#define CATALOG_DEFAULT_DIR "/etc/adbad/catalog.d"

/* Reads the built-in tables and then the overlays in path: a folder, or one file. NULL means
 * CATALOG_DEFAULT_DIR, which need not be there, nor be open to the caller. docs/catalog.md says
 * what overlays may do; ERR_MALFORMED with "file:line: …" for what they do wrong. */
MUST_CHECK enum err catalog_load_overlays(const char *path, struct catalog **out,
                                          struct errinfo *ei);

/* All rows in table order; those that an overlay added come last. */
size_t catalog_products(const struct catalog *c, const struct cat_product **first);
size_t catalog_groups(const struct catalog *c, const struct cat_group **first);
size_t catalog_errors(const struct catalog *c, const struct cat_error **first);
size_t catalog_events(const struct catalog *c, const struct cat_event **first);

/* Where the row of a product of this catalogue stands; whether that is in an overlay. */
const char *catalog_product_origin(const struct catalog *c, const struct cat_product *p,
                                   unsigned *line);
bool catalog_product_is_overlay(const struct catalog *c, const struct cat_product *p);

/* By product name or alias and edition name or alias, case-insensitive; NULL if there is none. An
 * alias that several products share ("Windows 10/11") takes the first. edition NULL takes the
 * product's only edition, or reads product as both in one ("Windows 11 Enterprise"); NULL is
 * returned if the product has several. */
const struct cat_product *catalog_product(const struct catalog *c, const char *product,
                                          const char *edition);
/* By setup key in any case, dashes required. Several products share a key (Windows 10 and 11):
 * prefer, if not NULL, is taken when it is among them. NULL if the key is not in the tables. */
const struct cat_product *catalog_product_by_key(const struct catalog *c, const char *key,
                                                 const struct cat_product *prefer);
const struct cat_product *catalog_product_by_activation_id(const struct catalog *c,
                                                           const struct guid *id);
/* The first product with this KMS id; NULL if none. */
const struct cat_product *catalog_product_by_kms_id(const struct catalog *c, const struct guid *id);
/* What a KMS id stands for ("Windows 11 Enterprise", "Windows Server SAC"); NULL if unknown. */
const char *catalog_kms_name(const struct catalog *c, const struct guid *id);
/* By exact name, case-insensitive. */
const struct cat_group *catalog_group(const struct catalog *c, const char *name);
/* Likewise; ERR_NOTFOUND names the nearest. */
MUST_CHECK enum err catalog_group_named(const struct catalog *c, const char *name,
                                        const struct cat_group **out, struct errinfo *ei);
bool cat_group_serves(const struct cat_group *g, const struct guid *kms_id);
/* Where in g->kms_ids it stands. */
#define CAT_NOT_FOUND SIZE_MAX
size_t cat_group_find(const struct cat_group *g, const struct guid *kms_id);
/* The source of the row by which the group serves it; "" if it does not. */
const char *catalog_served_source(const struct catalog *c, const struct cat_group *g,
                                  const struct guid *kms_id);
/* A code that the tables have twice is one row: of each column the first value not empty. */
const struct cat_error *catalog_error(const struct catalog *c, uint32_t code);
/* What to do about it: the advice, or where there is none the published words; "" if neither. */
const char *catalog_remedy(const struct cat_error *e);
const struct cat_event *catalog_event(const struct catalog *c, uint32_t id);
/* The name in the tables (product, alias, group) nearest to a mistyped one, or NULL. */
const char *catalog_nearest_product(const struct catalog *c, const char *name);
/* As above among the editions of a product (name or alias). */
const char *catalog_nearest_edition(const struct catalog *c, const char *product, const char *name);
const char *catalog_nearest_group(const struct catalog *c, const char *name);

/* The two application ids (public facts, product_ids.csv). */
extern const struct guid cat_app_windows;
extern const struct guid cat_app_office;

/* Name-based UUID, RFC 9562 section 5.5 (SHA-1), of len bytes under a namespace. */
struct guid cat_uuid5(const struct guid *namespace_id, const void *name, size_t len);

#endif
