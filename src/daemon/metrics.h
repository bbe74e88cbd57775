/* metrics: what metrics.c and metrics_facts.c share. docs/metrics.md lists the metrics. */
#ifndef ADBAD_DAEMON_METRICS_H
#define ADBAD_DAEMON_METRICS_H

#include <jansson.h>

#include "web/exposition.h"

/* A family of one sample without labels. */
void metrics_one(struct expo *x, enum expo_type type, const char *name, const char *unit,
                 double value, const char *help);
/* All that the main loop's facts tell (website_facts). */
void metrics_facts(struct expo *x, const json_t *facts);

#endif
