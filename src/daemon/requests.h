/* requests: how many requests were decided on 1688, by what monitoring asks about: protocol
 * generation, product, channel, result. Each worker counts in a table of its own, of fixed size:
 * whatever clients send, there are only so many different counts. */
#ifndef ADBAD_DAEMON_REQUESTS_H
#define ADBAD_DAEMON_REQUESTS_H

#include "base/counter.h"
#include "catalog/catalog.h"
#include "kms/reason.h"
#include "relay/relay.h"
#include "store/store.h"

#define REQUESTS_SLOTS 1024

/* What became of a request: an enum kms_reason, or one of these. */
enum {
    REQUESTS_BAD_STUB = KMS_REASONS, /* no parameters of the operation */
    REQUESTS_NOT_RECORDED,           /* the ledger did not take it, so nobody was answered */
    REQUESTS_RELAYED,                /* + enum relay_outcome */
    REQUESTS_RESULTS = REQUESTS_RELAYED + RELAY_OUTCOMES
};

struct requests_slot {
    _Atomic uint32_t key; /* 0: free */
    struct counter n;
};

struct requests { /* all zero is empty; raised by one thread, read by any */
    struct requests_slot slots[REQUESTS_SLOTS];
    unsigned used; /* that thread's */
};

/* One more. product may be NULL; version is the major one, 0 if it could not be read. */
void requests_add(struct requests *r, const struct catalog *c, unsigned version,
                  const struct cat_product *product, enum store_channel channel, int result);

/* What a count is about, in words that are from a fixed set, the catalogue's names included. */
struct requests_count {
    const char *version; /* "4", "5", "6", "other", "unknown" */
    const char *product; /* "Windows 11", "unknown"; "other": too many different ones */
    const char *channel; /* "kms", "adba", "relay" */
    const char *result;  /* "answered", "clock-skew", "relay-down", "bad-stub", "not-recorded" */
    uint64_t n;
};

struct requests_counts { /* zeroed: none */
    struct requests_count *v;
    size_t n, cap;
};

/* Adds what a table has to the counts of the same words. Any thread. */
MUST_CHECK enum err requests_sum(const struct requests *r, const struct catalog *c,
                                 struct requests_counts *sum);
void requests_counts_free(struct requests_counts *sum);

#endif
