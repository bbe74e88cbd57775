/* clearing_internal: what the parts of the clearing house share. */
#ifndef ADBAD_DAEMON_CLEARING_INTERNAL_H
#define ADBAD_DAEMON_CLEARING_INTERNAL_H

#include "clearing/house.h"
#include "daemon/clearing.h"

#define CLEARING_GROUP_MAX 128

struct clearing_service {
    struct clearing_house house;
    uint64_t judged[CLEARING_REASONS]; /* since start */
};

/* Whether a key's activations are those of a pool (a MAK's). */
bool clearing_pooled(const char *key);

/* Decides and, if it is a grant, makes it durable: it may be told once this returns. The loop
 * waits, so nothing comes between reading and writing. peer NULL: by phone. c->group is then in
 * group. */
struct clearing_verdict clearing_settle(struct daemon *d, struct clearing_case *c, const char *peer,
                                        char group[CLEARING_GROUP_MAX], struct errinfo *ei);

void clearing_log_granted(struct daemon *d, const char *peer, const struct clearing_case *c,
                          const struct clearing_verdict *v);
void clearing_log_refused(struct daemon *d, const char *peer, enum clearing_reason reason,
                          uint32_t hresult, const char *why);

#endif
