/* ledger: the ledger of the configuration, and the verbs that have a file of their own. */
#ifndef ADBAD_CLI_LEDGER_H
#define ADBAD_CLI_LEDGER_H

#include "cli/cli.h"
#include "settings/settings.h"
#include "store/store.h"

/* As store_open_readonly, for which root has the rights of its folder's owner alone. */
MUST_CHECK enum err ledger_open(const struct settings *s, struct store **out, struct errinfo *ei);

int ledger_run_export(struct cli *cli, int argc, char **argv);

#endif
