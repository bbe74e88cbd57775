/* kms_event: the events of a KMS host's event log, made from the ledger: 12290, "a request was
 * processed", and those of the host itself.
 *
 * Fields and their order: Volume Activation 2.0 Operations Guide, KMS events (data/event_ids.csv).
 * A request is one event, answered or refused. What could not be read, or came in too great a
 * number, is kept by minute, source and reason: one event with their number, its other fields
 * empty. */
#ifndef ADBAD_CLI_KMS_EVENT_H
#define ADBAD_CLI_KMS_EVENT_H

#include <jansson.h>

#include "catalog/catalog.h"
#include "store/events.h"

#define KMS_EVENT_PROCESSED     12290
#define KMS_EVENT_NOT_PUBLISHED 12293
#define KMS_EVENT_PUBLISHED     12294
#define KMS_EVENT_LOG           "Key Management Service"
#define KMS_EVENT_FIELDS        9
#define KMS_EVENT_FIELD_MAX     256
#define KMS_EVENT_INFO_MAX      640

struct kms_event {
    struct store_event of;
    const struct cat_product *product; /* of its request, if known */
};

/* What the client said; NULL where that is not known. */
const struct store_activation *kms_event_request(const struct kms_event *e);
uint32_t kms_event_id(const struct kms_event *e);

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
