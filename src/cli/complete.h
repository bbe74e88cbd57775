/* complete: what shells complete for a program, and its commands' part of a manual page, from the
 * program's own tables.
 *
 * A command is one word or two ("report machines", "slmgr /ato"). Options may stand anywhere. */
#ifndef ADBAD_CLI_COMPLETE_H
#define ADBAD_CLI_COMPLETE_H

#include "cli/cli.h"

struct complete_command {
    const char *first, *second;     /* second "": the first word is the command */
    const char *usage;              /* positional arguments */
    const char *summary;            /* one line */
    const char *help;               /* more lines; NULL: none */
    const struct opt *own, *common; /* of the command alone, and what others have too; each ends
                                       with a row without a name */
};

typedef void complete_fn(void *arg, const struct complete_command *c);

struct complete_program {
    const char *name;          /* "adbactl" */
    const struct opt *leading; /* before the command */
    const char *man;           /* "adbactl(1)" */
    /* Calls fn for every command for people; those with the same first word in a row. */
    void (*each)(void *arg, complete_fn *fn, void *fn_arg);
    void *arg;
};

/* To stdout. */
void complete_bash(const struct complete_program *p);
void complete_zsh(const struct complete_program *p);
/* Text in which nothing is markup to scdoc. */
void complete_plain(const char *text);
/* One command in scdoc's language (scdoc(5)); its own options only. */
void complete_page(const char *program, const struct complete_command *c);

#endif
