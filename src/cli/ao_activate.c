#include "cli/ao_activate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ao_forest.h"
#include "cli/ao_print.h"

/* ---- by phone ---- */

static const char help_group[] = "host-key group; its host key must be installed";

int ao_run_get_iid(struct cli *cli, int argc, char **argv)
{
    const char *group = NULL;
    const struct opt opts[] = {{.name = "group",
                                .type = OPT_STRING,
                                .metavar = "GROUP",
                                .help = help_group,
                                .dest = &group},
                               {0}};
    struct errinfo ei = {0};
    const struct cat_group *g = NULL;
    struct ao_work w = {0};
    struct hostkey k = {0};
    char text[IID_TEXT_MAX];
    int status = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    e = ao_work_open(cli, true, &w, &ei);
    if (e == ERR_OK)
        e = ao_work_key(&w, "installation ID", group, &g, &k, &ei);
    if (e == ERR_OK)
        e = ao_forest_iid(&w, &k, text, &ei);
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    if (e == ERR_OK) {
        if (cli->json)
            cli_json(json_pack("{s:s, s:s, s:s}", "installation_id", text, "group", g->name,
                               "forest", dir_facts(w.dir)->forest));
        else
            puts(text);
    }
    hostkey_fini(&k);
    ao_work_fini(&w);
    return status;
}

int ao_run_apply_cid(struct cli *cli, int argc, char **argv)
{
    const char *group = NULL, *name = NULL;
    const struct opt opts[] = {{.name = "group",
                                .type = OPT_STRING,
                                .metavar = "GROUP",
                                .help = help_group,
                                .dest = &group},
                               {.name = "name",
                                .type = OPT_STRING,
                                .metavar = "NAME",
                                .help = "name, up to 40 characters (default: the group's)",
                                .dest = &name},
                               {0}};
    struct errinfo ei = {0};
    const struct cat_group *g = NULL;
    struct ao_work w = {0};
    struct hostkey k = {0};
    struct ao o = {0};
    int status = cli_begin(cli, opts, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = ao_work_open(cli, true, &w, &ei);
    if (e == ERR_OK)
        e = ao_work_key(&w, "apply confirmation ID", group, &g, &k, &ei);
    if (e == ERR_OK)
        e = ao_forest_confirm(&w, &k, g, name, argv[0], &o, &ei);
    if (e == ERR_OK)
        ao_print_one(cli, w.cat, &o, &w.bundle, dir_facts(w.dir), w.now);
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    ao_fini(&o);
    hostkey_fini(&k);
    ao_work_fini(&w);
    return status;
}
