/* kms_event: event 12290 of a KMS host, "a request was processed", made from the ledger.
 *
 * Fields and their order: Volume Activation 2.0 Operations Guide, KMS events (data/event_ids.csv).
 * An answered request is one event. Refusals are kept by minute, source and reason without what
 * the clients said: one event with their number, its other fields empty. */
#ifndef ADBAD_CLI_KMS_EVENT_H
#define ADBAD_CLI_KMS_EVENT_H

#include <jansson.h>

#include "catalog/catalog.h"
#include "store/store.h"

#define KMS_EVENT_PROCESSED 12290
#define KMS_EVENT_LOG       "Key Management Service"
#define KMS_EVENT_FIELDS    9
#define KMS_EVENT_FIELD_MAX 256
#define KMS_EVENT_INFO_MAX  640

/* One of a and r is NULL. */
struct kms_event {
    const struct store_activation *a;
    const struct store_refusal *r;
    const struct cat_product *product; /* of a, if known */
};

extern const char *const kms_event_labels[KMS_EVENT_FIELDS];

/* The documented fields as text, "" where the ledger has none. */
void kms_event_fields(const struct kms_event *e, char out[][KMS_EVENT_FIELD_MAX]);
/* The same, with commas between: the insertion string of the event. Returns text. */
const char *kms_event_info(const struct kms_event *e, char text[KMS_EVENT_INFO_MAX]);
/* In our words, with what the event of Windows does not tell. Returns text. */
const char *kms_event_message(const struct kms_event *e, char *text, size_t size);
int64_t kms_event_when(const struct kms_event *e);
/* As docs/kms-status.md says; NULL when out of memory. */
json_t *kms_event_json(const struct kms_event *e);

#endif
