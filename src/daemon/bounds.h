/* bounds: what the network process may still do once everything is open, by the settings, and how
 * far the system let it give up the rest. docs/security.md has it as a table. */
#ifndef ADBAD_DAEMON_BOUNDS_H
#define ADBAD_DAEMON_BOUNDS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/log.h"
#include "confine/confine.h"
#include "settings/settings.h"

/* Sockets are still to be bound. Zeroes *out first; paths_fini. */
void bounds_paths(const struct settings *s, struct paths *out);
/* Nothing is still to be opened. peers: the processes that it may have to end. */
void bounds_calls(const pid_t peers[CALLS_PEERS], struct calls *out);

/* What came of it. */
struct bounds {
    int landlock; /* its version; 0: paths are not given up */
    bool filtered;
    char why[ERR_TEXT_MAX]; /* what could not be given up */
};

/* Both warn where they fail; the process goes on without. For the calling thread and those that it
 * makes. */
void bounds_enter_paths(struct bounds *b, const struct settings *s, const struct log *log);
/* For all threads. */
void bounds_enter_calls(struct bounds *b, const pid_t peers[CALLS_PEERS], const struct log *log);

/* A new reference, or NULL. */
json_t *bounds_json(const struct bounds *b);

#endif
