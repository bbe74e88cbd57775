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

/* Every field of an answered request; p is its product or NULL. NULL: out of memory. */
json_t *kms_activation_json(const struct store_activation *a, const struct cat_product *p);

#define KMS_NAME_MAX 160

/* "kms", "adba", "relay". */
const char *kms_channel_name(enum store_channel channel);
/* "Windows 11 Enterprise"; the activation id where p is NULL. */
const char *kms_product_name(const struct cat_product *p, const struct guid *activation_id,
                             char text[KMS_NAME_MAX]);
/* "initial grace"; "unknown" beyond 6. */
const char *kms_status_name(uint32_t licence_status);

#endif
