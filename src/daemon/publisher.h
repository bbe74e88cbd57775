/* publisher: keeps this host's SRV records in DNS: at start, every [dns] interval, and sooner where
 * it failed. Where it publishes nothing by itself, it still withdraws what may not be there. The
 * steward does the rounds (jobs/update.h); a worker thread waits for them, the loop never. */
#ifndef ADBAD_DAEMON_PUBLISHER_H
#define ADBAD_DAEMON_PUBLISHER_H

#include <jansson.h>
#include <uv.h>

#include "base/clk.h"
#include "base/log.h"
#include "daemon/ledger.h"
#include "jobs/update.h"
#include "settings/settings.h"

/* A KMS host's events (data/event_ids.csv). */
#define PUBLISHER_EVENT_FAILED    12293
#define PUBLISHER_EVENT_PUBLISHED 12294

struct publisher_conf {
    uv_loop_t *loop;
    const struct settings *settings; /* the loop's view of those of the moment */
    int steward;                     /* its control socket */
    struct ledger_port *port;        /* takes the events; outlives it too */
    struct clk clk;                  /* theirs */
    bool enabled;                    /* by itself; else only when asked */
    /* Whether genuine clients that find us are served. */
    enum publish_relay (*relay)(void *arg);
    void *arg;
    struct log log;
};

struct publisher;

/* Of a change of a running daemon's: ERR_CONFIG if a record that we published would have
 * to go by the forest while the account that could remove it changes too. */
MUST_CHECK enum err publisher_check_change(const struct settings *was, const struct settings *now,
                                           enum publish_relay relay, struct errinfo *ei);

MUST_CHECK enum err publisher_new(const struct publisher_conf *conf, struct publisher **out,
                                  struct errinfo *ei);
/* When the control socket is ours and the host serves. Where it is enabled and there are domains,
 * or something that we published is to be withdrawn, a first round begins at once; or, with a
 * domain that depends on the relay, when its health is known. Not enabled: where something that we
 * published may not be. */
void publisher_start(struct publisher *p);
/* The relay's health is known now, or has changed: a round begins where that matters. */
void publisher_relay_changed(struct publisher *p);
/* The settings are others: a round begins, where there is something to do. */
void publisher_settings_changed(struct publisher *p);
/* Begins a round as soon as may be; its number. One that cannot even begin has failed by then. */
uint64_t publisher_run(struct publisher *p, enum update_what what);
/* Whether it publishes by itself from now on; turned on, it begins at once. */
void publisher_enable(struct publisher *p, bool enabled);
/* What the last round saw and did (docs/dns.md); a new reference, NULL when out of memory. */
json_t *publisher_json(const struct publisher *p);

/* Ends a round that is under way. */
void publisher_close(struct publisher *p);
bool publisher_closed(const struct publisher *p);
void publisher_free(struct publisher *p);

/* The commands of the control socket. */
enum err publisher_publish_command(void *daemon, const json_t *request, json_t *reply,
                                   struct errinfo *ei);
enum err publisher_withdraw_command(void *daemon, const json_t *request, json_t *reply,
                                    struct errinfo *ei);
enum err publisher_check_command(void *daemon, const json_t *request, json_t *reply,
                                 struct errinfo *ei);
enum err publisher_status_command(void *daemon, const json_t *request, json_t *reply,
                                  struct errinfo *ei);

#endif
