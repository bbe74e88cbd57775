/* directory: sessions with the directory as section [directory] describes them; for the daemon and
 * for the command line. */
#ifndef ADBAD_STEWARD_DIRECTORY_H
#define ADBAD_STEWARD_DIRECTORY_H

#include "base/buf.h"
#include "base/err.h"
#include "ldap/dir.h"
#include "settings/settings.h"

/* The caller closes with dir_close. ERR_CONFIG where no directory is configured. The password file
 * must be private (0600); only its first line counts. */
MUST_CHECK enum err directory_open(const struct settings *s, struct dir **out, struct errinfo *ei);

/* The first line of a private file; ERR_CONFIG if it is empty. Wipe out. */
MUST_CHECK enum err directory_password(const char *path, struct buf *out, struct errinfo *ei);

/* A dir_find_fn; arg: the DNS server ("ADDRESS[:PORT]"), NULL or "": the system's. */
MUST_CHECK enum err directory_find(void *arg, const char *name, int timeout_ms,
                                   struct dir_target **out, size_t *n, struct errinfo *ei);

#endif
