/* adbactl ao steward: what the steward in adbad does, once and by hand. */
#include <stdio.h>
#include <stdlib.h>

#include "adba/steward.h"
#include "cli/ao_steward.h"
#include "cli/session.h"
#include "cli/state.h"
#include "realm/hostkey.h"
#include "steward/activate.h"

struct work {
    const struct settings *settings;
    struct steward steward;
    struct catalog *cat;
    struct bundle bundle;
    struct hostkey *keys;
    size_t key_count;
};

static void work_fini(struct work *w)
{
    dir_close(w->steward.dir);
    catalog_free(w->cat);
    bundle_fini(&w->bundle);
    for (size_t i = 0; i < w->key_count; i++)
        hostkey_fini(&w->keys[i]);
    free(w->keys);
}

static enum err work_open(struct cli *cli, struct work *w, struct errinfo *ei)
{
    struct steward *s = &w->steward;
    enum err e = cli_settings(cli, &w->settings, ei);

    if (e == ERR_OK)
        e = session_now(w->settings, &s->now, ei);
    if (e == ERR_OK)
        e = catalog_load_overlays(w->settings->catalog_dir, &w->cat, ei);
    if (e == ERR_OK)
        e = bundle_load(w->settings->realm_bundle, &w->bundle, ei);
    if (e == ERR_OK)
        e = state_hostkeys(w->settings, true, &w->keys, &w->key_count, ei);
    if (e == ERR_OK)
        e = session_open(w->settings, &s->dir, ei);
    if (e != ERR_OK)
        return e;
    s->bundle = &w->bundle;
    s->catalog = w->cat;
    s->keys = w->keys;
    s->key_count = w->key_count;
    activate_steward(w->settings, s);
    if (w->settings->adba_groups.n > 0) {
        s->groups = (const char *const *)w->settings->adba_groups.v;
        s->group_count = w->settings->adba_groups.n;
    }
    return ERR_OK;
}

static const char *outcome(const struct steward_step *s)
{
    if (s->what == STEWARD_LEAVE || s->what == STEWARD_STUCK)
        return "-";
    return s->done ? "done" : s->result == ERR_OK ? "not done (dry run)" : "failed";
}

static void print_json(const struct steward_report *r, bool dry_run)
{
    json_t *steps = json_array();

    for (size_t i = 0; i < r->n; i++) {
        const struct steward_step *s = &r->steps[i];

        json_array_append_new(steps, json_pack("{s:s, s:s, s:s?, s:s, s:b, s:s?}", "action",
                                               steward_what_name(s->what), "name", s->name, "group",
                                               s->group[0] == '\0' ? NULL : s->group, "why", s->why,
                                               "done", s->done, "error",
                                               s->result == ERR_OK ? NULL : s->error));
    }
    cli_json(json_pack("{s:b, s:o}", "dry_run", dry_run, "actions", steps));
}

static void print_table(const struct steward_report *r)
{
    static const char *const headers[] = {"ACTION", "OBJECT", "OUTCOME", "WHY", NULL};
    struct table *t;

    if (r->n == 0) {
        puts("Nothing is there and nothing is wanted: no host key is installed.");
        return;
    }
    t = table_new(headers);
    for (size_t i = 0; i < r->n; i++) {
        const struct steward_step *s = &r->steps[i];

        table_cell(t, "%s", steward_what_name(s->what));
        table_cell(t, "%s", s->name);
        table_cell(t, "%s", outcome(s));
        table_cell(t, "%s", s->why);
    }
    table_print(t);
}

/* The first failure's exit code; a wish that can't be met is one too. */
static int judge(const struct cli *cli, const struct steward_report *r)
{
    int status = EXIT_OK;

    fflush(stdout);
    for (size_t i = 0; i < r->n; i++) {
        const struct steward_step *s = &r->steps[i];
        bool stuck = s->what == STEWARD_STUCK;

        if (s->result == ERR_OK && !stuck)
            continue;
        if (!cli->json || status == EXIT_OK)
            fprintf(stderr, "adbactl: %s activation object %s: %s\n",
                    stuck ? "keep" : steward_what_name(s->what), s->name,
                    stuck ? s->why : s->error);
        if (status == EXIT_OK)
            status = stuck ? EXIT_INVALID : err_exit_code(s->result);
    }
    return status;
}

int ao_steward(struct cli *cli, int argc, char **argv)
{
    struct steward_report r = {0};
    struct errinfo ei = {0};
    struct work w = {0};
    const struct opt opts[] = {{.name = "dry-run",
                                .type = OPT_FLAG,
                                .help = "only say what would be done",
                                .dest = &w.steward.dry_run},
                               {0}};
    int status = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    e = work_open(cli, &w, &ei);
    if (e == ERR_OK)
        e = steward_run(&w.steward, &r, &ei);
    if (e == ERR_OK && cli->json)
        print_json(&r, w.steward.dry_run);
    else if (e == ERR_OK)
        print_table(&r);
    status = e == ERR_OK ? judge(cli, &r) : cli_fail(cli, e, &ei);
    steward_report_fini(&r);
    work_fini(&w);
    return status;
}
