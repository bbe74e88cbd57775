/* website: what adbad shows by HTTP (web/web.h), and where its pages get their facts from: the main
 * loop (daemon/facts.h) and the ledger (daemon/reader.h), neither of which they can hold up. */
#ifndef ADBAD_DAEMON_WEBSITE_H
#define ADBAD_DAEMON_WEBSITE_H

#include <jansson.h>
#include <stdbool.h>

#include "dashboard/dashboard.h"
#include "store/store.h"
#include "web/web.h"

struct daemon;
/* What the functions of routes get as arg. They all run on the HTTP server's thread. */
struct website;

/* The last steps of the daemon. */
MUST_CHECK enum err website_open(struct daemon *d, struct errinfo *ei);
void website_close(struct daemon *d);

/* What never changes while it serves, or may be read by any thread: first (settings of the start),
 * current (settings_look), catalogue, bundle, the workers' counters. */
const struct daemon *website_daemon(const struct website *w);
const struct web_stats *website_stats(const struct website *w);
struct dashboard *website_dashboard(const struct website *w);

/* Facts of the main loop: an object with "status" (status_now_json, which has "directory" and
 * "dns"), "membership" and "relay" (null where not configured). Lent until the next call. Fails as
 * facts_get. */
MUST_CHECK enum err website_facts(struct website *w, const json_t **out, struct errinfo *ei);
/* Asks the ledger; fn's time is bounded. Fails as reader_ask. */
MUST_CHECK enum err website_ask(struct website *w,
                                enum err (*fn)(void *arg, struct store *s, struct errinfo *ei),
                                void *arg, struct errinfo *ei);

/* Tables of routes: metrics.c, dashboard.c. */
extern const struct web_route metrics_routes[];
extern const struct web_route dashboard_routes[];

#endif
