/* stub: the parameters of RequestActivation (opnum 0) as NDR 2.0 and NDR64 stubs
 * (docs/protocol/kms.md section 2), for host and client. */
#ifndef ADBAD_KMS_STUB_H
#define ADBAD_KMS_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"

#define KMS_OPNUM_REQUEST_ACTIVATION 0
extern const struct guid kms_interface_uuid; /* version 1.0 */

/* Finds the request byte array in an input stub. big: the peer's integers are big-endian.
 * ERR_TRUNCATED, or ERR_MALFORMED where size_is contradicts request_size or more than 7 bytes
 * follow. *data points into stub. */
MUST_CHECK enum err kms_stub_read_request(const void *stub, size_t len, bool big, bool ndr64,
                                          const uint8_t **data, size_t *n);
void kms_stub_write_request(const void *data, size_t n, bool ndr64, struct buf *out);
/* The output stub; data may be NULL with n 0 (refusals). */
void kms_stub_write_response(const void *data, size_t n, uint32_t hresult, bool ndr64,
                             struct buf *out);
/* *data is NULL and *n 0 where the host sent no message, by a null pointer or an empty array. */
MUST_CHECK enum err kms_stub_read_response(const void *stub, size_t len, bool big, bool ndr64,
                                           const uint8_t **data, size_t *n, uint32_t *hresult);

#endif
