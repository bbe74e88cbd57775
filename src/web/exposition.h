/* exposition: metrics as text, in the two formats that Prometheus reads: its classic one (0.0.4)
 * and OpenMetrics 1.0.
 *
 * Metrics come family by family: expo_family, then its samples. Names are written as OpenMetrics
 * has them: a counter's without "_total", an info's without "_info". Labels are pairs of name and
 * value that end with NULL; values may be any UTF-8. */
#ifndef ADBAD_WEB_EXPOSITION_H
#define ADBAD_WEB_EXPOSITION_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/timing.h"

#define EXPO_CLASSIC_TYPE     "text/plain; version=0.0.4; charset=utf-8"
#define EXPO_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum expo_type { EXPO_GAUGE, EXPO_COUNTER, EXPO_INFO, EXPO_HISTOGRAM, EXPO_SUMMARY };

struct expo {
    struct buf *out; /* its sticky error tells of missing memory */
    bool openmetrics;
    enum expo_type type; /* of the family that is open */
    const char *name;
};

/* name and help live until the next family. unit may be NULL, or the word that name ends with
 * ("seconds", "bytes", "ratio"). */
void expo_family(struct expo *x, enum expo_type type, const char *name, const char *unit,
                 const char *help);
/* Of a gauge, a counter or an info (whose value is 1). */
void expo_sample(struct expo *x, double value, ...) __attribute__((sentinel));
/* Of a histogram: buckets, sum and count, without labels. */
void expo_timing(struct expo *x, const struct timing *t);
/* Of a summary without quantiles. */
void expo_summary(struct expo *x, double sum, double count);
/* After the last family. */
void expo_end(struct expo *x);

#endif
