/* dialler: the process that looks up the upstreams and connects to them. The relay itself
 * (relay/relay.h) opens no connection: it asks over a channel, one for each of its loops, and gets
 * a socket that is connected. The dialler has the list of upstreams from its start, reads only the
 * resolver's files and holds no secret; these are replaced in /etc, so what else its user can read
 * there stays within its reach. What it can be asked for is relay/dialling.h. */
#ifndef ADBAD_RELAY_DIALLER_H
#define ADBAD_RELAY_DIALLER_H

#include <sys/types.h>

#include "relay/policy.h"

#define DIALLER_CHANNELS_MAX (1 + RELAY_WORKERS_MAX)

struct dialler_conf {
    const struct conf_list *upstream; /* well-formed */
    const char *domain;               /* with "auto" */
    const char *dns_server;           /* as resolver_new takes it; NULL: the system's */
    unsigned channels;                /* up to DIALLER_CHANNELS_MAX */
};

struct dialler {
    pid_t pid;
    int control; /* nothing is said here; it closes at one's end as the other ends */
    unsigned n;
    int channels[DIALLER_CHANNELS_MAX];
};

/* Forks it, from a process that has read nothing secret and has one thread. On success
 * all descriptors are the caller's; to close control, or a channel, ends the dialler, which the
 * caller then waits for. On failure there is nothing to close. */
MUST_CHECK enum err dialler_start(const struct dialler_conf *conf, struct dialler *out,
                                  struct errinfo *ei);
/* All but control. */
void dialler_close_channels(struct dialler *d);

#endif
