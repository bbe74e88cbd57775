/* overrides: how what was set at run time (jobs/overrides.h) takes effect: it wins over adbad.conf,
 * which is the administrator's and is never written; kms.status tells it. */
#ifndef ADBAD_DAEMON_OVERRIDES_H
#define ADBAD_DAEMON_OVERRIDES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "jobs/overrides.h"

#define OVERRIDES_LOW_NICE 10

/* Replaces the port of every address; what another one then covers (the same with two ports, or one
 * beside its family's wildcard) is left out: no port can be had twice. port 0: nothing. */
MUST_CHECK enum err overrides_listen(struct conf_list *listen, uint16_t port, struct errinfo *ei);

/* Minutes: the override, or what is configured (seconds). */
uint32_t overrides_minutes(uint32_t override, int64_t configured);

struct daemon;

/* Tells the host and the publisher what holds now, by settings and overrides. */
void overrides_apply(struct daemon *d);

/* Has the steward write them: on success they are on disk. */
MUST_CHECK enum err overrides_keep(const struct daemon *d, const struct overrides *o,
                                   struct errinfo *ei);

/* Gives every thread of the process this priority: true if all of them have it now. */
bool overrides_priority(bool low);

/* The command kms.set of the control socket, and the members it takes. */
enum err overrides_command(void *daemon, const json_t *request, json_t *reply, struct errinfo *ei);
extern const char *const overrides_keys[];

#endif
