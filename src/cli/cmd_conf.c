/* adbactl conf: what the configuration says, from the one table of keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "cli/cli.h"
#include "cli/paragraph.h"
#include "kms/hostkind.h"
#include "settings/settings.h"

/* ---- check: what the catalogue has to know ---- */

static enum err names_system(const struct catalog *c, const struct settings *s, struct errinfo *ei)
{
    struct kms_hostkind kind = {0};

    return kms_hostkind_read(c, s->host_os, &kind, ei);
}

static enum err names_updates(const struct catalog *c, const struct settings *s, struct errinfo *ei)
{
    struct kms_hostkind kind = {.updates = (const char *const *)s->updates.v,
                                .update_count = s->updates.n};

    return kms_hostkind_read(c, NULL, &kind, ei);
}

static enum err names_packs(const struct catalog *c, const struct settings *s, struct errinfo *ei)
{
    struct kms_hostkind kind = {.packs = (const char *const *)s->packs.v, .pack_count = s->packs.n};

    return kms_hostkind_read(c, NULL, &kind, ei);
}

static enum err names_groups(const struct catalog *c, const struct settings *s, struct errinfo *ei)
{
    const struct cat_group *g;
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < s->adba_groups.n; i++)
        e = catalog_group_named(c, s->adba_groups.v[i], &g, ei);
    return e == ERR_OK ? e : err_context(ei, "[adba] groups");
}

static const struct {
    size_t member; /* of struct settings: the key that names it */
    enum err (*check)(const struct catalog *c, const struct settings *s, struct errinfo *ei);
} names[] = {
    {offsetof(struct settings, host_os), names_system},
    {offsetof(struct settings, updates), names_updates},
    {offsetof(struct settings, packs), names_packs},
    {offsetof(struct settings, adba_groups), names_groups},
};

static void tell_of_key(const struct settings_report *report, size_t member, struct errinfo *ei)
{
    for (size_t i = 0; i < settings_table.n; i++)
        if (settings_table.keys[i].offset == member && report->origins[i].file != NULL)
            err_context(ei, "%s:%u", report->origins[i].file, report->origins[i].line);
    report->problem(report->arg, ei);
}

/* False: something is wrong, and was told. */
static bool check_names(const struct settings *s, const struct settings_report *report)
{
    struct catalog *c = NULL;
    struct errinfo ei = {0};
    bool good = true;

    if (catalog_load_overlays(s->catalog_dir, &c, &ei) != ERR_OK) {
        err_context(&ei, "[catalog] dir");
        tell_of_key(report, offsetof(struct settings, catalog_dir), &ei);
        return false;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].check(c, s, &ei) == ERR_OK)
            continue;
        tell_of_key(report, names[i].member, &ei);
        good = false;
    }
    catalog_free(c);
    return good;
}

/* ---- check ---- */

static void on_problem(void *arg, const struct errinfo *problem)
{
    json_t *all = arg;

    if (all != NULL)
        json_array_append_new(all, json_string(problem->text));
    else
        fprintf(stderr, "adbactl: %s\n", problem->text);
}

static void check_json(bool good, json_t *problems, const struct conf_files *read)
{
    json_t *files = json_array();

    for (size_t i = 0; i < read->n; i++)
        json_array_append_new(files, json_string(read->v[i].path));
    cli_json(json_pack("{s:b, s:o, s:o}", "ok", good, "problems", problems, "files", files));
}

static void say_good(const char *path, const struct conf_files *read)
{
    bool main_file = read->n > 0 && strcmp(read->v[0].path, path) == 0;
    size_t more = read->n - (main_file ? 1 : 0);
    char beside[64] = "";

    if (more > 0)
        snprintf(beside, sizeof(beside), "%zu file%s of " CONF_FOLDER " beside it", more,
                 more == 1 ? "" : "s");
    if (main_file)
        printf("Good: %s%s%s.\n", path, more > 0 ? " and " : "", beside);
    else if (more > 0)
        printf("Good: %s; there is no %s.\n", beside, path);
    else
        printf("There is no %s: the defaults are in effect.\n", path);
}

static int run_check(struct cli *cli, int argc, char **argv)
{
    struct settings_text text = {0};
    struct settings_report report = {.problem = on_problem, .keep = &text};
    struct errinfo ei = {0};
    struct settings s;
    int status = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    if (cli->json)
        report.arg = json_array();
    report.origins = calloc(settings_table.n, sizeof(*report.origins));
    if (report.origins == NULL)
        abort();
    e = settings_read(cli_conf_path(cli), &report, &s, &ei);
    if (e == ERR_OK && !check_names(&s, &report))
        e = ERR_CONFIG;
    if (cli->json)
        check_json(e == ERR_OK, report.arg, &text.files);
    else if (e == ERR_OK)
        say_good(cli_conf_path(cli), &text.files);
    settings_free(&s);
    settings_text_free(&text);
    conf_origins_free(report.origins, settings_table.n);
    free(report.origins);
    return err_exit_code(e);
}

/* ---- show ---- */

static const char *when_name(const struct conf_key *k)
{
    return k->when == CONF_RELOAD ? "reload" : "restart";
}

static char *value_of(const struct conf_key *k, const struct settings *s)
{
    char *text;

    if (conf_text(k, s, &text) != ERR_OK)
        abort();
    return text;
}

static void show_json(const struct settings *s, const struct conf_origin *from, bool changed)
{
    json_t *all = json_array();

    for (size_t i = 0; i < settings_table.n; i++) {
        const struct conf_key *k = &settings_table.keys[i];
        bool set = from[i].file != NULL;
        char *value;

        if (changed && !set)
            continue;
        value = value_of(k, s);
        json_array_append_new(all, json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:o, s:s}", "section",
                                             k->section, "key", k->name, "value", value, "default",
                                             k->def, "file", from[i].file, "line",
                                             set ? json_integer(from[i].line) : json_null(),
                                             "takes_effect", when_name(k)));
        free(value);
    }
    cli_json(json_pack("{s:o}", "keys", all));
}

static void show_table(const struct settings *s, const struct conf_origin *from, bool changed)
{
    static const char *const headers[] = {"KEY", "VALUE", "FROM", NULL};
    struct table *t = table_new(headers);

    for (size_t i = 0; i < settings_table.n; i++) {
        const struct conf_key *k = &settings_table.keys[i];
        bool set = from[i].file != NULL;
        char *value;

        if (changed && !set)
            continue;
        value = value_of(k, s);
        table_cell(t, "[%s] %s", k->section, k->name);
        table_cell(t, "%s", value != NULL ? value : "-");
        if (set)
            table_cell(t, "%s:%u", from[i].file, from[i].line);
        else
            table_cell(t, "default");
        free(value);
    }
    table_print(t);
}

static int run_show(struct cli *cli, int argc, char **argv)
{
    bool changed = false;
    const struct opt opts[] = {OPT_FLAG_ROW("changed", &changed, "only what a file sets"), {0}};
    struct settings_report report = {0};
    struct errinfo ei = {0};
    struct settings s;
    int status = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    report.origins = calloc(settings_table.n, sizeof(*report.origins));
    if (report.origins == NULL)
        abort();
    e = settings_read(cli_conf_path(cli), &report, &s, &ei);
    if (e == ERR_OK && cli->json)
        show_json(&s, report.origins, changed);
    else if (e == ERR_OK)
        show_table(&s, report.origins, changed);
    settings_free(&s);
    conf_origins_free(report.origins, settings_table.n);
    free(report.origins);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}

/* ---- default ---- */

static void default_key(const struct conf_key *k)
{
    char range[CONF_RANGE_MAX], value[CONF_RANGE_MAX + 80];

    paragraph_comment(k->help);
    snprintf(value, sizeof(value), "Value: %s. A change takes effect at %s.", conf_range(k, range),
             k->when == CONF_RELOAD ? "a reload" : "the next start");
    paragraph_comment(value);
    printf("#%s =%s%s\n", k->name, k->def != NULL ? " " : "", k->def != NULL ? k->def : "");
}

static int run_default(struct cli *cli, int argc, char **argv)
{
    int status = cli_begin(cli, NULL, &argc, argv, 0, 0);

    if (status >= 0)
        return status;
    for (const struct conf_section *s = settings_sections; s->name != NULL; s++) {
        if (s != settings_sections)
            putchar('\n');
        paragraph_comment(s->help);
        printf("[%s]\n", s->name);
        for (size_t i = 0; i < settings_table.n; i++) {
            if (strcmp(settings_table.keys[i].section, s->name) == 0) {
                putchar('\n');
                default_key(&settings_table.keys[i]);
            }
        }
    }
    return EXIT_OK;
}

const struct cli_command cmd_conf[] = {
    {.noun = "conf",
     .verb = "check",
     .usage = "",
     .run = run_check,
     .summary = "read the configuration and say all that is wrong with it",
     .help =
         "Exit code 3, with file and line of every mistake, if a key is unknown, a value does not "
         "fit,\n"
         "keys contradict each other, or the catalogue does not know a name; the last two are "
         "looked at\n"
         "once each value fits. Reads the main file and conf.d beside it, as adbad does; asks no\n"
         "running adbad. Whether the files and folders are there that values name, adbad's\n"
         "own check says."},
    {.noun = "conf",
     .verb = "show",
     .usage = "",
     .run = run_show,
     .summary = "each value in effect, and the file and line that it comes from",
     .help = "Example: adbactl conf show --changed"},
    {.noun = "conf",
     .verb = "default",
     .usage = "",
     .run = run_default,
     .summary = "print a whole file: every key with its meaning, range and default",
     .help = "Every key is in a comment, so that the file means the same as none.",
     .text_only = true},
    {0},
};
