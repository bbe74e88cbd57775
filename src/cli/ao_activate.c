#include "cli/ao_activate.h"

#include <stdio.h>

#include "cli/ao_forest.h"
#include "cli/ao_print.h"

static const char help_group[] = "host-key group; its host key must be installed";

/* ---- an object ---- */

/* Makes the object of the host key k: name NULL is the group's; cid is the command's argument. */
typedef enum err make_fn(const struct ao_work *w, const struct hostkey *k,
                         const struct cat_group *g, const char *name, const char *cid,
                         struct ao *out, struct errinfo *ei);

/* what: the operation, for errors. */
static int make(struct cli *cli, int argc, char **argv, int args, const char *what,
                make_fn *make_it)
{
    const char *group = NULL, *name = NULL;
    const struct opt opts[] = {
        OPT_TEXT_ROW("group", "GROUP", &group, help_group),
        OPT_TEXT_ROW("name", "NAME", &name, "name, up to 40 characters (default: the group's)"),
        {0}};
    struct errinfo ei = {0};
    const struct cat_group *g = NULL;
    struct ao_work w = {0};
    struct hostkey k = {0};
    struct ao o = {0};
    int status = cli_begin(cli, opts, &argc, argv, args, args);
    enum err e;

    if (status >= 0)
        return status;
    e = ao_work_open(cli, true, &w, &ei);
    if (e == ERR_OK)
        e = ao_work_key(&w, what, group, &g, &k, &ei);
    if (e == ERR_OK)
        e = make_it(&w, &k, g, name, argv[0], &o, &ei);
    if (e == ERR_OK)
        ao_print_one(cli, w.cat, &o, &w.bundle, dir_facts(w.dir), w.now);
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    ao_fini(&o);
    hostkey_fini(&k);
    ao_work_fini(&w);
    return status;
}

static enum err make_online(const struct ao_work *w, const struct hostkey *k,
                            const struct cat_group *g, const char *name, const char *cid,
                            struct ao *out, struct errinfo *ei)
{
    (void)cid;
    return ao_activate_and_create(w, k, g, name, out, ei);
}

int ao_run_create(struct cli *cli, int argc, char **argv)
{
    return make(cli, argc, argv, 0, "create activation object", make_online);
}

int ao_run_apply_cid(struct cli *cli, int argc, char **argv)
{
    return make(cli, argc, argv, 1, "apply confirmation ID", ao_forest_confirm);
}

/* ---- what the clerk is read ---- */

int ao_run_get_iid(struct cli *cli, int argc, char **argv)
{
    const char *group = NULL;
    const struct opt opts[] = {OPT_TEXT_ROW("group", "GROUP", &group, help_group), {0}};
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
