/* adbactl conf: what the configuration says, from the one table of keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/paragraph.h"
#include "settings/settings.h"

/* ---- check ---- */

static void on_problem(void *arg, const struct errinfo *problem)
{
    json_t *all = arg;

    if (all != NULL)
        json_array_append_new(all, json_string(problem->text));
    else
        fprintf(stderr, "adbactl: %s\n", problem->text);
}

static int run_check(struct cli *cli, int argc, char **argv)
{
    struct settings_report report = {.problem = on_problem};
    struct errinfo ei = {0};
    struct settings s;
    int status = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    if (cli->json)
        report.arg = json_array();
    e = settings_read(cli_conf_path(cli), &report, &s, &ei);
    if (cli->json)
        cli_json(json_pack("{s:b, s:o}", "ok", e == ERR_OK, "problems", report.arg));
    else if (e == ERR_OK)
        puts("The configuration is good.");
    settings_free(&s);
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
         "Exit code 3, with file and line of every mistake, if a key is unknown or a value does "
         "not fit.\n"
         "Reads the main file and conf.d beside it, as adbad does; asks no running adbad."},
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
