/* loglimit: keeps lines of one kind from costing more than what they tell about: so many a second,
 * and then one line that says how many more there were. Time is passed in: seconds of any clock
 * that does not go back. One thread's. */
#ifndef ADBAD_BASE_LOGLIMIT_H
#define ADBAD_BASE_LOGLIMIT_H

#include "base/log.h"

struct loglimit {
    const char *what;    /* of what there were more: "activations answered" */
    unsigned per_second; /* lines */
    int64_t second;      /* the present one */
    unsigned written;    /* in it */
    uint64_t held;       /* lines that were not written, since the last summary */
};

/* Whether a line may be written now; if not, it is counted. A log at level debug holds nothing
 * back. */
bool loglimit_pass(struct loglimit *l, const struct log *log, int64_t now);
/* Writes "and 4812 more activations answered" for the seconds before now, where there were more.
 * False while lines of the present second still wait to be summed up: call again later. */
bool loglimit_tell(struct loglimit *l, const struct log *log, enum log_level level, int64_t now);

/* A line of log_at under a limit. */
#define log_limited(limit, log, level, now, ...)                                                   \
    do {                                                                                           \
        if (log_enabled((log), (level)) && loglimit_pass((limit), (log), (now)))                   \
            log_write((log), (level), __VA_ARGS__);                                                \
    } while (0)

#endif
