/* fleet: what the files of adbaclient fleet share. */
#ifndef ADBAD_CLI_FLEET_H
#define ADBAD_CLI_FLEET_H

#include "cli/client.h"
#include "cli/fleet_tell.h"
#include "cli/fleet_wire.h"
#include "fleet/fleet.h"

/* The command line as given. */
struct fleet_asked {
    uint32_t clients, days, hosts, replace, move, seed;
    int64_t arrive; /* seconds; -1: not given */
    const char *domain_share, *presence, *ask, *chart;
    const char *wire, *report, *bundle; /* NULL: in process only */
    uint32_t connections, speed;
    struct opt_texts mix, outages, groups;
};

/* What was asked, as numbers; ERR_USAGE or ERR_NOTFOUND say what is wrong with which option. */
MUST_CHECK enum err fleet_options(const struct client *c, const struct fleet_asked *a,
                                  struct fleet_conf *out, struct errinfo *ei);
/* The topic that --ask names, or FLEET_TOPICS for all. */
MUST_CHECK enum err fleet_ask(const char *text, enum fleet_topic *out, struct errinfo *ei);

/* topic FLEET_TOPICS: everything; else only the conclusions on that. */
void fleet_print(const struct client *c, const struct fleet_report *r, enum fleet_topic topic);
/* wire and reports (taken) are members of these names; NULL for none. */
void fleet_print_json(const struct client *c, const struct fleet_report *r, enum fleet_topic topic,
                      json_t *wire, json_t *reports);

/* Whether the name of a chart's file says what kind it shall be. */
MUST_CHECK enum err fleet_chart_name(const char *path, bool *html, struct errinfo *ei);
/* An SVG picture that stands by itself, or an HTML page around it with the conclusions. */
void fleet_chart(const struct fleet_report *r, bool html, struct buf *out);
/* "0xC004F038" */
void fleet_code_text(enum fleet_code code, char text[16]);

#endif
