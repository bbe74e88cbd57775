/* secret: the one key that leaves the steward: the clearing house's, derived from the realm's
 * secret, for a daemon with [clearing] serve = yes. */
#ifndef ADBAD_JOBS_SECRET_H
#define ADBAD_JOBS_SECRET_H

#include "jobs/packet.h"

#define SECRET_LEN 32

struct secret {
    char realm[17]; /* id of the realm that it is of */
    uint8_t key[SECRET_LEN];
};

MUST_CHECK enum err secret_send(const struct secret *s, struct packet_out *o, struct errinfo *ei);
/* Takes one packet's fields. ERR_MALFORMED: another type, or not well-formed. */
MUST_CHECK enum err secret_take(void *secret, enum packet_type type, struct wire_rd *r,
                                struct errinfo *ei);

#endif
