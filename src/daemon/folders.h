/* folders: where adbad writes. Looked at before anything is made, at a start and for --check alike,
 * so that both say the same. */
#ifndef ADBAD_DAEMON_FOLDERS_H
#define ADBAD_DAEMON_FOLDERS_H

#include <stdbool.h>

#include "settings/settings.h"

/* The state folder, that of the secrets, the ledger's and that of the control socket: whether they
 * are there or could be made; and whether nothing else has the socket's name. Without a start, the
 * folder that systemd makes for one (SETTINGS_RUN_DIR) may be missing. */
MUST_CHECK enum err folders_check(const struct settings *s, bool start, struct errinfo *ei);
/* Makes them, all before there are two processes, so that neither needs the right to. */
MUST_CHECK enum err folders_make(const struct settings *s, struct errinfo *ei);

/* Adds to an error about path, which setting names: the remedy if the folder that it is to lie in
 * is missing. directory: what makes that folder for a unit of systemd, "LogsDirectory". */
MUST_CHECK enum err folders_explain(const char *setting, const char *path, const char *directory,
                                    struct errinfo *ei);

#endif
