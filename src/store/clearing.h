/* clearing: the clearing house's part of the ledger: keys, the hosts, forests and machines they
 * activated, and how often. What was granted is in it before the answer leaves.
 *
 * Writes happen inside store_begin … store_commit, as all do. */
#ifndef ADBAD_STORE_CLEARING_H
#define ADBAD_STORE_CLEARING_H

#include "store/store.h"

#define STORE_KEY_MAX 30 /* 5x5 text with NUL */

struct store_clearing_key {
    char key[STORE_KEY_MAX];
    char group[128];          /* or the product of a machine's key */
    uint32_t hosts, per_host; /* limits */
    uint32_t pool;            /* activations of a MAK; else 0 */
    bool extended;            /* the pool */
    int64_t issued_at;        /* of a machine's key; 0 for a host key */
    bool blocked;
    uint32_t hosts_used;
    uint64_t granted; /* activations of all its hosts */
};

struct store_clearing_host {
    char key[STORE_KEY_MAX];
    int kind;
    uint32_t binding;
    char name[256];
    char pid[64];
    uint32_t used;
    int64_t first_at, last_at;
};

/* One activation to record. */
struct store_clearing_grant {
    int64_t when;
    char key[STORE_KEY_MAX];
    char group[128];
    uint32_t hosts, per_host; /* the limits a key starts with; those it has are not changed */
    int kind;
    uint32_t binding;
    const char *name, *pid; /* empty: what is known stays */
    bool phone;
    char peer[64];
};

/* ERR_NOTFOUND (without text) where nothing was ever recorded. */
MUST_CHECK enum err store_clearing_key(struct store *s, const char *key,
                                       struct store_clearing_key *out, struct errinfo *ei);
MUST_CHECK enum err store_clearing_host(struct store *s, const char *key, int kind,
                                        uint32_t binding, struct store_clearing_host *out,
                                        struct errinfo *ei);

/* Adds the grant, and its key and host where they are new. */
MUST_CHECK enum err store_add_grant(struct store *s, const struct store_clearing_grant *g,
                                    struct errinfo *ei);
/* Sets group, limits, pool and block of a key, known before or not; when it was issued stays. */
MUST_CHECK enum err store_put_clearing_key(struct store *s, const struct store_clearing_key *k,
                                           struct errinfo *ei);

/* Ordered by group and key. */
typedef enum err store_clearing_key_fn(void *arg, const struct store_clearing_key *k);
MUST_CHECK enum err store_each_clearing_key(struct store *s, store_clearing_key_fn *each, void *arg,
                                            struct errinfo *ei);
/* The hosts of a key, in the order they came. */
typedef enum err store_clearing_host_fn(void *arg, const struct store_clearing_host *h);
MUST_CHECK enum err store_each_clearing_host(struct store *s, const char *key,
                                             store_clearing_host_fn *each, void *arg,
                                             struct errinfo *ei);

#endif
