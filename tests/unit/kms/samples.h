/* samples: a request, an answer and keys that the tests of this room share. */
#ifndef ADBAD_TESTS_KMS_SAMPLES_H
#define ADBAD_TESTS_KMS_SAMPLES_H

#include "kms/message.h"
#include "kms/protect.h"
#include "realm/keys.h"
#include "support.h"

/* 2026-11-22T12:00:00Z, and the same as FILETIME (Python: (1795348800 + 11644473600) * 10**7). */
#define SAMPLE_NOW      INT64_C(1795348800)
#define SAMPLE_FILETIME UINT64_C(134398224000000000)

/* A GUID of which every byte is told from the others: first, first + 1, … */
struct guid sample_guid(uint8_t first);
struct kms_request sample_request(uint16_t major);
struct kms_response sample_response(uint16_t major, const char *epid);
/* Keys of the realm whose secret is 32 times byte. */
struct realm_keys sample_keys(uint8_t byte);
/* A protector with these keys; its caller frees it. */
struct kms_protector *sample_protector(uint8_t byte, struct rng rng);

#endif
