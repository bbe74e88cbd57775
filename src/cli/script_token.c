/* Token-based activation: its options are known and not simulated. */
#include "cli/script.h"

#define INSTEAD "use the directory or a KMS host (/act-type 0)"

int script_token(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return script_not_modelled(c, "token-based activation", INSTEAD);
}

/* The scripts' own successors of these options are real options here too. */
int script_token_only(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return script_not_modelled(c, "token-only activation",
                               "it was replaced by /act-type 3; /act-type 0 takes it back");
}
