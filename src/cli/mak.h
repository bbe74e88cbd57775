/* mak: what the verbs of adbactl mak share. */
#ifndef ADBAD_CLI_MAK_H
#define ADBAD_CLI_MAK_H

#include "cli/cli.h"

/* adbactl mak proxy (mak_proxy.c). */
int mak_run_proxy(struct cli *cli, int argc, char **argv);

#endif
