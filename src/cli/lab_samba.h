/* lab_samba: the lab verbs for a domain of Samba AD DCs. */
#ifndef ADBAD_CLI_LAB_SAMBA_H
#define ADBAD_CLI_LAB_SAMBA_H

#include "cli/cli.h"
#include "lab/samba.h"

/* Each returns an exit code. */
int lab_samba_up(struct cli *cli, const char *dir, const struct samba_wish *wish,
                 uint32_t ldap_port);
int lab_samba_status(struct cli *cli, const char *dir);
int lab_samba_down(struct cli *cli, const char *dir);
int lab_samba_run(struct cli *cli, int argc, char **argv);

#endif
