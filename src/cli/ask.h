/* ask: one question to the running daemon over its control socket (docs/daemon.md). */
#ifndef ADBAD_CLI_ASK_H
#define ADBAD_CLI_ASK_H

#include <jansson.h>

#include "base/err.h"
#include "settings/settings.h"

/* Sends {"cmd": cmd, …args} (args may be NULL; its reference is taken) and waits for the answer.
 * On success *reply (may be NULL) is the caller's. ERR_UNREACHABLE if no daemon answers there; an
 * error that the daemon reports keeps its name and text. */
MUST_CHECK enum err ask_daemon(const struct settings *s, const char *cmd, json_t *args,
                               json_t **reply, struct errinfo *ei);

/* The error that a daemon calls so; ERR_INTERNAL for no such name, also NULL. */
enum err ask_error_named(const char *name);

/* Tells a running daemon that host keys were installed or removed; none need run. */
void ask_reload_hostkeys(const struct settings *s);

#endif
