/* client_host: a verb that shows or sets one host that machines turn to: a text of struct machine.
 */
#ifndef ADBAD_CLI_CLIENT_HOST_H
#define ADBAD_CLI_CLIENT_HOST_H

#include "cli/client.h"

struct client_host {
    const char *what; /* it is, for errors: "clearing house" */
    const char *none; /* said of a machine that has none */
    size_t at, size;  /* the text in struct machine */
};

/* Sets it in every machine of the run to the argument ("none": to nothing), if there is one, and
 * shows it. Returns the exit code. */
int client_run_host(struct client *c, int argc, char **argv, const struct client_host *h);

#endif
