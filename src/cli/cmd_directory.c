/* adbactl directory: the directory that activation objects live in. */
#include <stdio.h>
#include <string.h>

#include "adba/object.h"
#include "base/buf.h"
#include "cli/ad_schema.h"
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

/* The LDIF with the directory's own schema naming context in it. */
static const char *schema_text(const struct dir_facts *f, struct buf *out)
{
    static const char mark[] = "@SCHEMA@";
    const char *nc = f->schema_nc != NULL ? f->schema_nc : mark;
    const char *at = ad_schema;

    for (const char *p; (p = strstr(at, mark)) != NULL; at = p + strlen(mark)) {
        buf_add(out, at, (size_t)(p - at));
        buf_add_str(out, nc);
    }
    buf_add_str(out, at);
    return buf_str(out);
}

static enum err show_schema(const struct cli *cli, struct dir *d, struct errinfo *ei)
{
    const struct dir_facts *f = dir_facts(d);
    struct buf text = BUF_INIT;
    enum err e = schema_text(f, &text) == NULL ? err_nomem(ei) : ERR_OK;

    if (e == ERR_OK && cli->json)
        cli_json(json_pack("{s:b, s:i, s:s}", "needed", !f->has_ao_class, "schema_version",
                           f->schema_version, "ldif", buf_str(&text)));
    else if (e == ERR_OK)
        printf("%s", buf_str(&text));
    if (e == ERR_OK && f->has_ao_class)
        fprintf(stderr, "adbactl: this directory has these classes already\n");
    buf_fini(&text);
    return e;
}

static int run_prepare(struct cli *cli, int argc, char **argv)
{
    struct preparing p = {.cli = cli};
    bool schema = false;
    const struct opt opts[] = {{.name = "dry-run",
                                .type = OPT_FLAG,
                                .help = "only say what is missing",
                                .dest = &p.dry_run},
                               {.name = "schema",
                                .type = OPT_FLAG,
                                .help = "print the LDIF that an older schema needs, write nothing",
                                .dest = &schema},
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
        e = schema ? show_schema(cli, d, &ei)
                   : ao_prepare_each(d, p.dry_run, tell_container, &p, &ei);
    if (e == ERR_OK && cli->json && !schema)
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
             "--schema prints what a schema older than Windows Server 2012 lacks, for a schema\n"
             "administrator to apply at the schema master with ldapmodify.\n\n"
             "  adbactl directory prepare --dry-run"},
    {0},
};
