/* ao_steward: the verb "ao steward" of adbactl. */
#ifndef ADBAD_CLI_AO_STEWARD_H
#define ADBAD_CLI_AO_STEWARD_H

#include "cli/cli.h"

int ao_steward(struct cli *cli, int argc, char **argv);

#endif
