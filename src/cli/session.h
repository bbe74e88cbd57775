/* session: what commands need before they can start: the directory, and the time. */
#ifndef ADBAD_CLI_SESSION_H
#define ADBAD_CLI_SESSION_H

#include "base/err.h"
#include "ldap/dir.h"
#include "settings/settings.h"

/* Opens the directory of [directory] as it says; the caller closes with dir_close.
 * ERR_CONFIG where none is configured. The password file must be private (0600); a newline at
 * its end does not count. */
MUST_CHECK enum err session_open(const struct settings *s, struct dir **out, struct errinfo *ei);

/* The time commands act at: the lab clock's in lab mode, else the system's. */
MUST_CHECK enum err session_now(const struct settings *s, int64_t *now, struct errinfo *ei);

#endif
