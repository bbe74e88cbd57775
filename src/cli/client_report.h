/* client_report: what a simulated machine tells of its activations through the directory: a port of
 * attempt.h, whose arg is the station. */
#ifndef ADBAD_CLI_CLIENT_REPORT_H
#define ADBAD_CLI_CLIENT_REPORT_H

#include "client/attempt.h"

/* ERR_REFUSED with the host's result, or as labcall. */
MUST_CHECK enum err client_report(void *station, const struct machine *m,
                                  const struct machine_product *p, int64_t now, struct errinfo *ei);

#endif
