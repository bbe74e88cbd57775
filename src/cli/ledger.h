/* ledger: the verbs of adbactl ledger that have a file of their own. */
#ifndef ADBAD_CLI_LEDGER_H
#define ADBAD_CLI_LEDGER_H

#include "cli/cli.h"

int ledger_run_export(struct cli *cli, int argc, char **argv);

#endif
