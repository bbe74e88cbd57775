/* fleet_tell: a fleet's reports of its activations through the directory, to a lab host that runs
 * (docs/protocol/lab.md): one call after the other. */
#ifndef ADBAD_CLI_FLEET_TELL_H
#define ADBAD_CLI_FLEET_TELL_H

#include <jansson.h>

#include "fleet/fleet.h"

struct fleet_tell;

/* host: HOST[:PORT]; bundle: client.bundle of its realm; both outlive it. Nobody is told yet.
 * ERR_USAGE, or as bundle_load. */
MUST_CHECK enum err fleet_tell_open(const char *host, const char *bundle, uint64_t seed,
                                    struct fleet_tell **out, struct errinfo *ei);
void fleet_tell_free(struct fleet_tell *t);
/* conf.tell of a fleet. Fails as labcall; a refusal is noted and no failure. Times are real: the
 * host's clock is. */
MUST_CHECK enum err fleet_tell(void *tell, const struct fleet_grant *g, struct errinfo *ei);

/* What was told so far. */
void fleet_tell_print(const struct fleet_tell *t);
json_t *fleet_tell_json(const struct fleet_tell *t);

#endif
