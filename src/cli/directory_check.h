/* directory_check: the verb "directory check" of adbactl. */
#ifndef ADBAD_CLI_DIRECTORY_CHECK_H
#define ADBAD_CLI_DIRECTORY_CHECK_H

#include "cli/cli.h"

int directory_check(struct cli *cli, int argc, char **argv);

#endif
