/* ao_activate: the verbs of adbactl ao that activate a forest: online, or by phone. */
#ifndef ADBAD_CLI_AO_ACTIVATE_H
#define ADBAD_CLI_AO_ACTIVATE_H

#include "cli/cli.h"

int ao_run_create(struct cli *cli, int argc, char **argv);
int ao_run_get_iid(struct cli *cli, int argc, char **argv);
int ao_run_apply_cid(struct cli *cli, int argc, char **argv);

#endif
