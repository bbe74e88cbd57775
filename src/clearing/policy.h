/* policy: the clearing house's counting, as arithmetic.
 *
 * A host key activates at most 6 hosts, each up to 10 times (the first and 9 more); the forest
 * counts like a host, and so does a machine that was given a host key by mistake. What goes beyond
 * is refused with 0xC004C008 until the key is extended.
 *
 * A multiple activation key (MAK) has a pool of activations, on whatever machines; each grant takes
 * one, also for a machine that had one before. An empty pool refuses with 0xC004C020 until it is
 * extended, and with 0xC004C021 when the extension is used up too. */
#ifndef ADBAD_CLEARING_POLICY_H
#define ADBAD_CLEARING_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define CLEARING_HOSTS     6u
#define CLEARING_PER_HOST  10u
#define CLEARING_LIMIT_MAX 100000u /* however often it is extended */

enum clearing_reason {
    CLEARING_GRANTED,
    CLEARING_BAD_MESSAGE,  /* a request that breaks its format */
    CLEARING_BAD_ID,       /* an installation ID that breaks its format */
    CLEARING_UNKNOWN_KEY,  /* not issued by this realm, or not for that group */
    CLEARING_UNSUPPORTED,  /* a group that our catalogue does not have */
    CLEARING_BAD_BINDING,  /* the request names another target than its installation ID */
    CLEARING_BLOCKED,      /* the key is blocked */
    CLEARING_HOSTS_SPENT,  /* a further host */
    CLEARING_HOST_SPENT,   /* a further activation of a host */
    CLEARING_POOL_SPENT,   /* a MAK's pool */
    CLEARING_MORE_SPENT,   /* and what it was extended by */
    CLEARING_OEM,          /* an OEM key, which is activated by its marker */
    CLEARING_NOT_RECORDED, /* the ledger could not take it */
    CLEARING_REASONS
};
/* "granted", "unknown-key", … */
const char *clearing_reason_name(enum clearing_reason r);
/* The documented code; 0 for granted. */
uint32_t clearing_reason_hresult(enum clearing_reason r);
/* Why, and where there is one the remedy. */
const char *clearing_reason_text(enum clearing_reason r);

/* What a code that a clearing house answered means to the site. */
const char *clearing_hresult_text(uint32_t hresult);

struct clearing_limits {
    uint32_t hosts, per_host;
};
#define CLEARING_LIMITS_DEFAULT ((struct clearing_limits){CLEARING_HOSTS, CLEARING_PER_HOST})

/* What the ledger knows of a key and of the host that asks. */
struct clearing_use {
    struct clearing_limits limits;
    bool blocked;
    uint32_t hosts; /* activated so far, this one among them if used > 0 */
    uint32_t used;  /* activations of this host */
};

/* How things stand once a grant is recorded; on a refusal, how they stand. */
struct clearing_verdict {
    enum clearing_reason reason;
    uint32_t used, left;             /* activations of this host */
    uint32_t hosts_used, hosts_left; /* of the key */
};
struct clearing_verdict clearing_decide(const struct clearing_use *u);

/* What the ledger knows of a MAK, and of the machine that asks. */
struct clearing_pool {
    uint32_t size, used; /* activations */
    bool extended;       /* at least once */
    bool blocked;
    uint32_t machines; /* that were activated with it */
    bool had;          /* the one that asks is among them */
};
/* used and left are then the pool's, hosts_used the machines; hosts_left is as left. */
struct clearing_verdict clearing_decide_pool(const struct clearing_pool *p);

/* Enlarges a pool; nothing makes it smaller. ERR_LIMIT with 0xC004C021 beyond CLEARING_LIMIT_MAX,
 * and *p is as it was. */
MUST_CHECK enum err clearing_extend_pool(struct clearing_pool *p, uint32_t more,
                                         struct errinfo *ei);

/* Raises the limits; nothing ever lowers them. ERR_LIMIT beyond CLEARING_LIMIT_MAX, and *l is as it
 * was. */
MUST_CHECK enum err clearing_extend(struct clearing_limits *l, uint32_t more_hosts,
                                    uint32_t more_per_host, struct errinfo *ei);

#endif
