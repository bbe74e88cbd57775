/* workload: activation requests sealed before anything is measured, as whole PDUs (NDR 2.0, one
 * fragment, context 0), and the checking of what a host answers to them. */
#ifndef ADBAD_BENCH_WORKLOAD_H
#define ADBAD_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kms/protect.h"

#define WORKLOAD_ANSWER_MAX 1024 /* bytes of an answer, its header included */

struct workload_conf {
    const struct realm_keys *keys;
    const char *group; /* whose products ask */
    unsigned versions; /* bit v: generation v takes part; at least one of 4, 5 and 6 */
    size_t requests;   /* distinct ones */
    size_t clients;    /* distinct CMIDs; 0: one for each request */
    uint64_t seed;     /* of CMIDs and nonces */
    int64_t now;       /* the clients' clock, Unix seconds */
};

struct workload_request {
    const uint8_t *pdu;
    uint16_t len;
    uint16_t version;
    struct kms_exchange exchange;
};

/* Stays where it was made: the protector points into it. */
struct workload {
    struct rng_seeded seed;
    struct kms_protector *protector;
    struct workload_request *requests;
    size_t n;
    struct buf bytes; /* of all PDUs */
    struct buf bind;  /* the PDU that begins an association */
    /* Lengths of the host's answers, learned by workload_learn and the same ever after. */
    uint16_t ack_len, answer_len[7]; /* by version */
};

/* conf's keys are copied. */
MUST_CHECK enum err workload_make(const struct workload_conf *conf, struct workload *w,
                                  struct errinfo *ei);
void workload_fini(struct workload *w);

/* The index of the first request of a version; w->n if there is none. */
size_t workload_first(const struct workload *w, unsigned version);
static inline uint32_t workload_call_id(size_t request)
{
    return (uint32_t)request + 2; /* 1 is the bind's */
}

/* NULL if a whole PDU is the answer that request must get: header, call id, sizes, result; else
 * what is wrong with it. Cheap enough for every answer. Lengths are compared where known. */
const char *workload_check_ack(const struct workload *w, const uint8_t *pdu, size_t len);
const char *workload_check(const struct workload *w, size_t request, const uint8_t *pdu,
                           size_t len);
/* Opens the sealed message in it: ERR_FOREIGN where the host is not of the realm, or answered
 * something else. */
MUST_CHECK enum err workload_open(const struct workload *w, size_t request, const uint8_t *pdu,
                                  size_t len, struct errinfo *ei);

#endif
