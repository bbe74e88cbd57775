/* adbactl directory: the directory that activation objects live in. */
#include <stdio.h>

#include "adba/object.h"
#include "cli/cli.h"
#include "cli/directory_check.h"
#include "cli/session.h"

/* ---- prepare ---- */

struct preparing {
    const struct cli *cli;
    bool dry_run;
    json_t *rows;
};

static void tell_container(void *arg, const char *dn, bool was_there)
{
    struct preparing *p = arg;
    const char *state = was_there ? "there" : p->dry_run ? "missing" : "created";

    json_array_append_new(p->rows, json_pack("{s:s, s:s}", "dn", dn, "state", state));
    if (!p->cli->json)
        printf("%-8s %s\n", state, dn);
}

static int run_prepare(struct cli *cli, int argc, char **argv)
{
    struct preparing p = {.cli = cli};
    const struct opt opts[] = {{.name = "dry-run",
                                .type = OPT_FLAG,
                                .help = "only say what is missing",
                                .dest = &p.dry_run},
                               {0}};
    const struct settings *s = NULL;
    struct errinfo ei = {0};
    struct dir *d = NULL;
    int status = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    p.rows = json_array();
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = session_open(s, &d, &ei);
    if (e == ERR_OK)
        e = ao_prepare_each(d, p.dry_run, tell_container, &p, &ei);
    if (e == ERR_OK && cli->json)
        cli_json(json_pack("{s:b, s:O}", "dry_run", p.dry_run, "containers", p.rows));
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    json_decref(p.rows);
    dir_close(d);
    return status;
}

const struct cli_command cmd_directory[] = {
    {.noun = "directory",
     .verb = "check",
     .usage = "",
     .run = directory_check,
     .summary = "look for what keeps activation through the directory from working",
     .help = "One line for each thing that must hold, with cause and remedy. Reads only, in any\n"
             "forest. Exit code 7 if something failed; with --strict also for a warning.\n\n"
             "  adbactl directory check --json"},
    {.noun = "directory",
     .verb = "prepare",
     .usage = "",
     .run = run_prepare,
     .summary = "make the containers of activation objects",
     .help = "Makes CN=Microsoft SPP and CN=Activation Objects below CN=Services of the forest's\n"
             "configuration, with the access rights that forest preparation gives them. What is\n"
             "there stays as it is. Only in the forest that [directory] lab_forest names, and as\n"
             "an administrator of the forest.\n\n"
             "  adbactl directory prepare --dry-run"},
    {0},
};
