/* tallies: the ledger's running totals per product, for the status. */
#ifndef ADBAD_DAEMON_TALLIES_H
#define ADBAD_DAEMON_TALLIES_H

#include <jansson.h>

#include "catalog/catalog.h"
#include "store/tally.h"

/* As store_each_tally tells them. A zeroed struct is empty. */
struct tallies {
    struct store_tally *v; /* owned */
    size_t n, cap;
};

/* A store_tally_fn; arg is a struct tallies. */
enum err tallies_keep(void *arg, const struct store_tally *t);
void tallies_free(struct tallies *t);

/* Requests by the licence status stated, by name (license_states.csv, as the counters of slmgr /dlv
 * call them). */
#define TALLIES_STATES 7
json_t *by_status_json(const uint64_t counts[TALLIES_STATES]);

/* One object per product; docs/kms-status.md. NULL when out of memory. */
json_t *tallies_products(const struct tallies *t, const struct catalog *c);
/* Adds "answered" and "requests_by_status" to each of an array of objects with an "id". */
void tallies_add_applications(const struct tallies *t, json_t *applications);

#endif
