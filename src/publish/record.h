/* record: the SRV record of a KMS host (RFC 2782), and where it may be published. */
#ifndef ADBAD_PUBLISH_RECORD_H
#define ADBAD_PUBLISH_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define PUBLISH_SERVICE "_vlmcs._tcp" /* its names begin with it */

struct publish_record {
    uint16_t priority, weight, port;
    char host[256]; /* with or without its last dot, in any case */
};

bool publish_name_same(const char *a, const char *b);
bool publish_record_same(const struct publish_record *a, const struct publish_record *b);

/* What is known of the way to a licensed KMS host. */
enum publish_relay {
    PUBLISH_RELAY_NONE,    /* no relay is configured */
    PUBLISH_RELAY_UNKNOWN, /* no health check of it has ended yet */
    PUBLISH_RELAY_DOWN,
    PUBLISH_RELAY_HEALTHY,
};

/* Whether domain may hold our record: a domain of the lab forest, or any other where a relay has a
 * healthy upstream, so that the genuine clients which find us are served. lab_forest may be NULL.
 * ERR_REFUSED names the remedy. */
MUST_CHECK enum err publish_allowed(const char *domain, const char *lab_forest,
                                    enum publish_relay relay, struct errinfo *ei);

#define PUBLISH_DOWN_ROUNDS 3

/* Whether a record that is there may stay, although publishing is refused: rounds is how many in a
 * row found the relay down, this one included. Without a relay it goes at once; one that is down
 * may come back, until PUBLISH_DOWN_ROUNDS of them. */
bool publish_may_stay(enum publish_relay relay, unsigned rounds);

#endif
