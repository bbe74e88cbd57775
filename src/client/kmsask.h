/* kmsask: the KMS request of a simulated client and what an answer tells it; bytes only. */
#ifndef ADBAD_CLIENT_KMSASK_H
#define ADBAD_CLIENT_KMSASK_H

#include "client/machine.h"
#include "kms/protect.h"

/* Appends p's sealed request at time now to out; x opens the answer. */
MUST_CHECK enum err kmsask_seal(const struct machine *m, const struct machine_product *p,
                                struct kms_protector *protector, int64_t now, struct buf *out,
                                struct kms_exchange *x, struct errinfo *ei);

/* Opens the answer into an event and the host's ePID. ERR_FOREIGN or ERR_MALFORMED with 0x8007000D
 * if it is no answer of this realm to this request. */
MUST_CHECK enum err kmsask_open(const struct machine *m, struct kms_protector *protector,
                                const struct kms_exchange *x, const void *data, size_t len,
                                struct lic_event *ev, char epid[64], struct errinfo *ei);

#endif
