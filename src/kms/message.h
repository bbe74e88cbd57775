/* message: the fields of a KMS request and response (docs/protocol/kms.md), bytes to struct and
 * back. What protects them on the wire is protect.h.
 *
 * Field list and order: Volume Activation 2.0 Operations Guide; lengths and protections of the
 * lab format are ours. */
#ifndef ADBAD_KMS_MESSAGE_H
#define ADBAD_KMS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"

#define KMS_WORKSTATION_UNITS 64 /* UTF-16 code units, NUL-padded; the last one is NUL */
#define KMS_EPID_UNITS        64 /* most UTF-16 code units of an ePID, its NUL included */
#define KMS_NPOLICY_MAX       1000
#define KMS_INTERVAL_MIN      15 /* minutes */
#define KMS_INTERVAL_MAX      43200
#define KMS_REQUEST_BODY      236 /* bytes of a request's plain body */
#define KMS_RESPONSE_BODY_MIN 46  /* … of a response's, with an empty ePID */
#define KMS_RESPONSE_BODY_MAX 172 /* … and with the longest */

struct kms_version {
    uint16_t minor, major; /* in wire order; major 4, 5 or 6, minor 0 */
};

static inline bool kms_version_known(struct kms_version v)
{
    return v.minor == 0 && v.major >= 4 && v.major <= 6;
}

struct kms_request {
    struct kms_version version;
    uint32_t is_virtual;     /* 0 or 1 */
    uint32_t licence_status; /* 0–6, license_states.csv */
    uint32_t minutes_left;   /* to expiry of the present state */
    struct guid application_id;
    struct guid activation_id;
    struct guid kms_id;
    struct guid client_id;   /* CMID */
    uint32_t required_count; /* N-policy */
    uint64_t client_time;    /* FILETIME */
    struct guid previous_client_id;
    uint16_t workstation[KMS_WORKSTATION_UNITS];
};

struct kms_response {
    struct kms_version version;
    uint16_t epid[KMS_EPID_UNITS]; /* NUL-terminated */
    struct guid client_id;         /* as in the request */
    uint64_t client_time;          /* as in the request */
    uint32_t count;                /* machines remembered, the asker included */
    uint32_t activation_interval;  /* minutes */
    uint32_t renewal_interval;     /* minutes */
};

/* The plain body of each message: all fields from the version on, little-endian. The decoders
 * refuse trailing bytes, values out of range (is_virtual > 1, status > 6, an interval outside
 * 15–43200) and unterminated text with ERR_MALFORMED, an unknown version with ERR_VERSION; a short
 * body gives ERR_TRUNCATED. required_count is not judged here. On failure *out is untouched. */
void kms_request_encode(const struct kms_request *m, struct buf *out);
MUST_CHECK enum err kms_request_decode(const void *data, size_t len, struct kms_request *out);
void kms_response_encode(const struct kms_response *m, struct buf *out);
MUST_CHECK enum err kms_response_decode(const void *data, size_t len, struct kms_response *out);

/* UTF-8 to and from the fixed UTF-16LE fields. Set cuts at the last whole character that fits;
 * get replaces invalid units by U+FFFD and always terminates. */
void kms_text_set(uint16_t *units, size_t max_units, const char *utf8);
void kms_text_get(const uint16_t *units, size_t max_units, char *utf8, size_t size);

#endif
