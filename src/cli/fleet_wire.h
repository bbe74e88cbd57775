/* fleet_wire: a fleet's questions to a running KMS host over TCP: a few connections, each kept for
 * many requests. */
#ifndef ADBAD_CLI_FLEET_WIRE_H
#define ADBAD_CLI_FLEET_WIRE_H

#include <jansson.h>

#include "fleet/fleet.h"

#define FLEET_WIRE_LINES_MAX 256

struct fleet_wire_conf {
    const char *host;   /* HOST, HOST:PORT, [V6]:PORT */
    const char *bundle; /* client.bundle of the host's realm */
    uint32_t lines;     /* connections at once, 1 to FLEET_WIRE_LINES_MAX */
    uint32_t speed;     /* virtual seconds in a second; 0: as fast as it answers */
    uint64_t seed;      /* the machines' ids are made from it */
};

struct fleet_wire;

/* Looks the host up; nothing is asked yet. conf's texts must outlive it. */
MUST_CHECK enum err fleet_wire_open(const struct fleet_wire_conf *conf, struct fleet_wire **out,
                                    struct errinfo *ei);
void fleet_wire_free(struct fleet_wire *w);
/* conf.ask of a fleet. ERR_UNREACHABLE, ERR_TIMEOUT, ERR_FOREIGN (an answer of another realm);
 * ERR_NOT_NOW after fleet_wire_interrupt. */
MUST_CHECK enum err fleet_wire_ask(void *wire, uint32_t minute, struct fleet_ask *asks, size_t n,
                                   struct errinfo *ei);
/* Of a signal handler: the run ends now. */
void fleet_wire_interrupt(int signal);
bool fleet_wire_interrupted(void);

/* What was asked so far; r (NULL: the run did not come to its end) has the counts. */
void fleet_wire_print(struct fleet_wire *w, const struct fleet_report *r);
json_t *fleet_wire_json(struct fleet_wire *w, const struct fleet_report *r);

#endif
