/* overrides: what slmgr's host options set at run time (/sprt, /sai, /sri, /sdns, /cdns, /spri,
 * /cpri). They are kept in overrides.json of the state folder and win over adbad.conf, which is the
 * administrator's and is never written; kms.status tells them. */
#ifndef ADBAD_DAEMON_OVERRIDES_H
#define ADBAD_DAEMON_OVERRIDES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"

#define OVERRIDES_INTERVAL_MIN 15 /* minutes */
#define OVERRIDES_INTERVAL_MAX 43200
#define OVERRIDES_LOW_NICE     10

struct overrides {
    uint16_t port;                /* at the next start; 0: as configured */
    uint32_t activation, renewal; /* minutes; 0: as configured */
    bool no_dns_publishing;
    bool low_priority;
};

/* Reads state_dir/overrides.json; no file: none. ERR_MALFORMED names the member that is wrong. */
MUST_CHECK enum err overrides_load(const char *state_dir, struct overrides *out,
                                   struct errinfo *ei);
MUST_CHECK enum err overrides_save(const char *state_dir, const struct overrides *o,
                                   struct errinfo *ei);

/* Changes o by the members of change, which are those of the file. ERR_USAGE with 0x80070057 for a
 * value out of its bounds or of the wrong kind; o is left as it was then. */
MUST_CHECK enum err overrides_change(struct overrides *o, const json_t *change, struct errinfo *ei);
/* The members by their names; NULL: out of memory. */
json_t *overrides_json(const struct overrides *o);

/* Replaces the port of every address; one address that had two is named once. port 0: nothing. */
MUST_CHECK enum err overrides_listen(struct conf_list *listen, uint16_t port, struct errinfo *ei);

/* Minutes: the override, or what is configured (seconds). */
uint32_t overrides_minutes(uint32_t override, int64_t configured);

struct daemon;

/* Tells the host and the publisher what holds now, by settings and overrides. */
void overrides_apply(struct daemon *d);

/* Gives every thread of the process this priority: true if all of them have it now. */
bool overrides_priority(bool low);

/* The command kms.set of the control socket, and the members it takes. */
enum err overrides_command(void *daemon, const json_t *request, json_t *reply, struct errinfo *ei);
extern const char *const overrides_keys[];

#endif
