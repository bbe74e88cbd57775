/* srv: the order in which SRV targets are tried (RFC 2782): ascending priority; within one
 * priority a weighted draw without replacement. */
#ifndef ADBAD_CLIENT_SRV_H
#define ADBAD_CLIENT_SRV_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

struct srv_target {
    uint16_t priority, weight, port;
    char host[256]; /* "." alone: decidedly no such service at this domain */
};

/* Sorts in place. */
void srv_order(struct srv_target *t, size_t n, const struct rng *rng);

#endif
