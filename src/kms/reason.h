/* reason: why a KMS host says no, for logs, counters, JSON and the answer's code. */
#ifndef ADBAD_KMS_REASON_H
#define ADBAD_KMS_REASON_H

#include <stdint.h>

/* Order of the checks is the order here. */
enum kms_reason {
    KMS_ANSWERED,
    KMS_BAD_VERSION,   /* 0x8007000D */
    KMS_BAD_SIZE,      /* 0x8007000D: size, fields */
    KMS_FOREIGN,       /* tag not of this realm: 0xC004F042; for the relay */
    KMS_REFUSING,      /* 0xC004F042: the host says no to all */
    KMS_BAD_NPOLICY,   /* 0x8007000D: N-policy above 1000 */
    KMS_CLOCK_SKEW,    /* 0xC004F06C: more than 4 h off */
    KMS_NOT_SERVED,    /* 0xC004F042: KMS id of no installed group, or too many applications */
    KMS_CLIENT_HOST,   /* 0xC004F042: a server asks a host that runs on a client system */
    KMS_NO_PACK,       /* 0xC004F042: Office asks a host without its licence pack */
    KMS_NO_UPDATE,     /* 0xC004F042: the host lacked an update when the key was installed */
    KMS_NOT_ACTIVATED, /* 0xC004F041 */
    KMS_FAILED,        /* our own failure; no answer leaves */
    KMS_REASONS
};

/* A lower-case word ("clock-skew"). */
const char *kms_reason_name(enum kms_reason reason);
/* Why, and where there is one the remedy. */
const char *kms_reason_text(enum kms_reason reason);
/* 0 when answered; E_FAIL for KMS_FAILED. */
uint32_t kms_reason_hresult(enum kms_reason reason);

#endif
