/* dashboard: what the web page shows, as JSON (docs/dashboard.md), and the files of the page
 * itself.
 *
 * It keeps what it has read of the ledger, so that asking again costs only what came since. A
 * struct dashboard belongs to one thread. */
#ifndef ADBAD_DASHBOARD_DASHBOARD_H
#define ADBAD_DASHBOARD_DASHBOARD_H

#include <jansson.h>

#include "base/clk.h"
#include "catalog/catalog.h"
#include "store/store.h"
#include "web/web.h"

/* The page: a table for struct web_conf; it ends with a NULL path. */
extern const struct web_route dashboard_files[];

struct dashboard;

/* catalog outlives it; clk is the ledger's clock. NULL: out of memory. */
struct dashboard *dashboard_new(const struct catalog *catalog, struct clk clk);
void dashboard_free(struct dashboard *d);

/* ---- made from the ledger ----
 * s is the ledger, opened for reading. Who gave too little time (ERR_TIMEOUT) may ask again: what
 * was read is kept. Arguments are those of the URL, as they came; NULL: not given. ERR_USAGE names
 * what is not understood. On success *out is the caller's. */

struct dashboard_machines_args {
    const char *search, *status, *channel, *product, *sort, *order, *offset, *limit;
};
MUST_CHECK enum err dashboard_machines(struct dashboard *d, struct store *s,
                                       const struct dashboard_machines_args *a, json_t **out,
                                       struct errinfo *ei);
/* The same rows, all pages, as RFC 4180 has it; a cell that a spreadsheet would take for a formula
 * begins with an apostrophe. */
MUST_CHECK enum err dashboard_machines_csv(struct dashboard *d, struct store *s,
                                           const struct dashboard_machines_args *a, struct buf *out,
                                           struct errinfo *ei);
/* range: "24h", "7d" or "30d" (NULL). */
MUST_CHECK enum err dashboard_activations(struct dashboard *d, struct store *s, const char *range,
                                          json_t **out, struct errinfo *ei);
/* The newest first. limit: up to DASHBOARD_DECISIONS_MAX (NULL: 50); outcome: "refused", or NULL
 * for all. */
#define DASHBOARD_DECISIONS_MAX 500
MUST_CHECK enum err dashboard_decisions(struct dashboard *d, struct store *s, const char *limit,
                                        const char *outcome, json_t **out, struct errinfo *ei);

/* ---- made from what the daemon knows: status is kms.status; NULL when out of memory ---- */

/* registry (membership.status) and relay (relay.status) may be NULL or null. */
json_t *dashboard_status(const json_t *status, const json_t *registry, const json_t *relay);
json_t *dashboard_objects(const json_t *status);
json_t *dashboard_warnings(const json_t *status);

#endif
