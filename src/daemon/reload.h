/* reload: other settings for a daemon that serves (adbactl reload, SIGHUP). The files are read and
 * checked as a whole; then every key that can take effect does, or, if anything is wrong, none. */
#ifndef ADBAD_DAEMON_RELOAD_H
#define ADBAD_DAEMON_RELOAD_H

#include <jansson.h>

#include "base/err.h"

struct daemon;

/* The command "reload" of the control socket. reply gets "applied" and "restart": arrays of
 * {"key", "was", "now"}, for keys that took effect and keys whose change needs a restart. On
 * failure all is as it was; the log says why, too. */
MUST_CHECK enum err reload_command(void *daemon, const json_t *request, json_t *reply,
                                   struct errinfo *ei);
/* The same where nobody waits for an answer. */
void reload_on_signal(struct daemon *d);

#endif
