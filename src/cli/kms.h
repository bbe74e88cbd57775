/* kms: what the verbs of adbactl kms share. */
#ifndef ADBAD_CLI_KMS_H
#define ADBAD_CLI_KMS_H

#include "catalog/catalog.h"
#include "cli/cli.h"
#include "settings/settings.h"
#include "store/store.h"

int kms_run_status(struct cli *cli, int argc, char **argv);
int kms_run_contacts(struct cli *cli, int argc, char **argv);
int kms_run_events(struct cli *cli, int argc, char **argv);
int kms_run_stragglers(struct cli *cli, int argc, char **argv);

/* The ledger, beside whoever writes it, and the names of what is in it. */
struct kms_reader {
    const struct settings *settings;
    struct catalog *catalog; /* owned */
    struct store *store;     /* owned, read-only */
};

MUST_CHECK enum err kms_reader_open(struct cli *cli, struct kms_reader *r, struct errinfo *ei);
void kms_reader_close(struct kms_reader *r);
/* The time that was last seconds ago on the ledger's clock; INT64_MIN for 0. */
MUST_CHECK enum err kms_since(const struct settings *s, int64_t last, int64_t *since,
                              struct errinfo *ei);

/* Rows of the ledger that a verb lists. */
struct kms_rows {
    const struct catalog *catalog;
    struct table *table; /* NULL: JSON */
    json_t *json;
    size_t n;
};

struct kms_listing {
    const char *const *headers;
    const char *member; /* of the JSON object */
    const char *none;   /* what is said where there is no row */
    /* Adds rows since that time, at most limit of them (0: all). */
    enum err (*read)(struct store *s, int64_t since, uint32_t limit, struct kms_rows *rows,
                     struct errinfo *ei);
};

/* A verb that lists rows, with --since and --limit (kms_listing.c). */
int kms_run_listing(struct cli *cli, int argc, char **argv, const struct kms_listing *what);

/* Every field of an answered request; p is its product or NULL. NULL: out of memory. */
json_t *kms_activation_json(const struct store_activation *a, const struct cat_product *p);

#define KMS_NAME_MAX 160

/* NULL for a text that is empty, which JSON tells as null. */
const char *kms_or_null(const char *text);
/* "Windows 11 Enterprise"; the activation id where p is NULL. */
const char *kms_product_name(const struct cat_product *p, const struct guid *activation_id,
                             char text[KMS_NAME_MAX]);
/* "initial grace"; "unknown" beyond 6. */
const char *kms_status_name(uint32_t licence_status);

#endif
