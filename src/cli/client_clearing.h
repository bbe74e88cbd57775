/* client_clearing: the clearing house as a simulated machine reaches it: ports of attempt.h, whose
 * arg is the station. */
#ifndef ADBAD_CLI_CLIENT_CLEARING_H
#define ADBAD_CLI_CLIENT_CLEARING_H

#include "client/attempt.h"

/* Errors are those of the network as a machine shows them (0x80072EE2, 0x80072EE7, 0xC004C012), or
 * the clearing house's. */
MUST_CHECK enum err clearing_ask_online(void *station, const struct machine *m,
                                        const struct machine_product *p, const char *key,
                                        int64_t now, struct attempt_clearing *out,
                                        struct errinfo *ei);
/* By phone: both need the realm's bundle only. */
MUST_CHECK enum err clearing_iid(void *station, const struct machine *m,
                                 const struct machine_product *p, char text[ATTEMPT_IID_MAX],
                                 struct errinfo *ei);
MUST_CHECK enum err clearing_check(void *station, const struct machine *m,
                                   const struct machine_product *p, const char *cid,
                                   struct errinfo *ei);

#endif
