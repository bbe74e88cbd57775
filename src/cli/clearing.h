/* clearing: the verbs of adbactl clearing that adbactl mak has, too. */
#ifndef ADBAD_CLI_CLEARING_H
#define ADBAD_CLI_CLEARING_H

#include "cli/cli.h"

/* One key, of a host or of machines: the clearing house grants it nothing, or again. */
int clearing_run_block(struct cli *cli, int argc, char **argv);
int clearing_run_unblock(struct cli *cli, int argc, char **argv);

#endif
