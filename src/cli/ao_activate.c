#include "cli/ao_activate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ao_print.h"
#include "daemon/activate.h"

/* ---- online ---- */

static enum err ask_clearing(const struct ao_work *w, const struct hostkey *k,
                             const struct cat_group *g, const char *name, struct errinfo *ei)
{
    struct guid forest = activate_forest_id(w->dir);
    struct clearing_answer a;
    enum err e = ao_may_create(w->dir, &w->bundle, k, g, name, w->now, ei);

    if (e == ERR_OK)
        e = activate_online(w->s, k, IID_FOREST, &forest, dir_facts(w->dir)->forest, &a, ei);
    if (e == ERR_OK)
        fprintf(stderr,
                "Activated online at %s: activation %" PRIu32 " of this forest, %" PRIu32
                " left; host %" PRIu32 " of the host key, %" PRIu32 " left.\n",
                w->s->clearing_host, a.used, a.left, a.hosts_used, a.hosts_left);
    return e;
}

enum err ao_activate_and_create(const struct ao_work *w, const struct hostkey *k,
                                const struct cat_group *g, const char *name, struct ao *out,
                                struct errinfo *ei)
{
    enum err e = w->s->clearing_host == NULL ? ERR_OK : ask_clearing(w, k, g, name, ei);

    if (e == ERR_OK)
        e = ao_create(w->dir, &w->bundle, k, g, name, w->now, out, ei);
    if (e == ERR_OK && w->s->clearing_host == NULL)
        fputs("Activated in plain lab form: no clearing house is configured ([clearing] host), "
              "nothing was counted.\n",
              stderr);
    return e;
}

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
    struct guid forest;
    struct iid id;
    char text[IID_TEXT_MAX];
    int status = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    e = ao_work_open(cli, true, &w, &ei);
    if (e == ERR_OK)
        e = ao_work_key(&w, "installation ID", group, &g, &k, &ei);
    if (e == ERR_OK) {
        forest = activate_forest_id(w.dir);
        e = iid_make(IID_FOREST, &k, &forest, &id, &ei);
    }
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    if (e == ERR_OK) {
        iid_write(&id, text);
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

/* The confirmation ID is judged before anything is written. */
static enum err apply(const struct ao_work *w, const struct hostkey *k, const struct cat_group *g,
                      const char *name, const char *cid, struct ao *out, struct errinfo *ei)
{
    struct guid forest = activate_forest_id(w->dir);
    char iid[IID_TEXT_MAX], right[CID_TEXT_MAX];
    struct iid id;
    enum err e = iid_make(IID_FOREST, k, &forest, &id, ei);

    if (e == ERR_OK)
        e = cid_check(cid, &id, k->confirm, ei);
    if (e == ERR_OK) /* the one way to write it */
        e = cid_make(&id, k->confirm, right, ei);
    if (e != ERR_OK)
        return e;
    iid_write(&id, iid);
    return ao_create_by_phone(w->dir, &w->bundle, k, g, name, iid, right, w->now, out, ei);
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
        e = apply(&w, &k, g, name, argv[0], &o, &ei);
    if (e == ERR_OK)
        ao_print_one(cli, w.cat, &o, &w.bundle, dir_facts(w.dir), w.now);
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    ao_fini(&o);
    hostkey_fini(&k);
    ao_work_fini(&w);
    return status;
}
