/* adbaclient completion: what shells complete, and the verbs' part of the manual page. */
#include <stdio.h>
#include <string.h>

#include "cli/complete.h"
#include "cli/script.h"
#include "scenario/scenario.h"

struct visit {
    const struct client_verb *verb;
    complete_fn *fn;
    void *arg;
    bool bare; /* slmgr's options without the verb */
};

/* The options of slmgr.vbs and ospp.vbs are second words, or stand alone. */
static void tell_script(const struct visit *v, const struct script_option *o,
                        struct complete_command *c)
{
    for (; o->name != NULL; o++) {
        char name[64];

        snprintf(name, sizeof(name), "/%s", o->name);
        c->first = v->bare ? name : v->verb->name;
        c->second = v->bare ? "" : name;
        v->fn(v->arg, c);
    }
}

static void on_options(void *arg, const struct opt *own, const struct opt *common)
{
    const struct visit *v = arg;
    struct complete_command c = {.first = v->verb->name,
                                 .second = "",
                                 .usage = v->verb->usage,
                                 .summary = v->verb->summary,
                                 .own = own,
                                 .common = common};

    if (strcmp(v->verb->name, "slmgr") == 0)
        tell_script(v, script_slmgr_options, &c);
    else if (strcmp(v->verb->name, "ospp") == 0)
        tell_script(v, script_ospp_options, &c);
    else
        v->fn(v->arg, &c);
}

static void each_verb(complete_fn *fn, void *arg, bool bare)
{
    for (size_t g = 0; g < client_group_count; g++) {
        for (const struct client_verb *v = client_groups[g]; v->name != NULL; v++) {
            struct visit visit = {v, fn, arg, bare};
            struct client c = {.verb = v, .describe = on_options, .describe_arg = &visit};
            char *argv[] = {NULL};

            if (!bare || strcmp(v->name, "slmgr") == 0)
                v->run(&c, 0, argv);
        }
    }
}

static void each_of_all(void *unused, complete_fn *fn, void *arg)
{
    (void)unused;
    each_verb(fn, arg, false);
    each_verb(fn, arg, true);
}

/* ---- the manual page ---- */

static void page_of_script(const char *verb, const struct script_option *o)
{
    for (; o->name != NULL; o++) {
        char name[64];
        const struct opt none = {0};
        const struct complete_command c = {.first = verb,
                                           .second = name,
                                           .usage = o->args,
                                           .summary = o->summary,
                                           .own = &none,
                                           .common = &none};

        snprintf(name, sizeof(name), "/%s", o->name);
        complete_page("adbaclient", &c);
    }
}

static void page_of_verb(void *arg, const struct opt *own, const struct opt *common)
{
    const struct client_verb *v = arg;
    const struct complete_command c = {.first = v->name,
                                       .second = "",
                                       .usage = v->usage,
                                       .summary = v->summary,
                                       .own = own,
                                       .common = common};

    complete_page("adbaclient", &c);
    if (strcmp(v->name, "slmgr") == 0)
        page_of_script(v->name, script_slmgr_options);
    else if (strcmp(v->name, "ospp") == 0)
        page_of_script(v->name, script_ospp_options);
}

static void print_page(void)
{
    for (size_t g = 0; g < client_group_count; g++) {
        for (const struct client_verb *v = client_groups[g]; v->name != NULL; v++) {
            struct client c = {
                .verb = v, .describe = page_of_verb, .describe_arg = (void *)(uintptr_t)v};
            char *argv[] = {NULL};

            v->run(&c, 0, argv);
        }
    }
}

static void put_list(const char *title, const struct scenario_statement *s)
{
    printf("# %s\n\n", title);
    for (; s->usage != NULL; s++) {
        printf("*");
        complete_plain(s->usage);
        printf("*\n\t");
        complete_plain(s->help);
        puts("\n");
    }
}

/* The tables of adbad-scenario(5). */
static void print_scenario_page(void)
{
    put_list("STATEMENTS", scenario_statements());
    put_list("WHAT CAN BE SET", scenario_settings());
    put_list("WHAT CAN BE EXPECTED", scenario_expectations());
}

static const char help_text[] =
    "Usage: adbaclient completion bash|zsh\n\n"
    "Prints what a shell completes. It is installed with adbaclient; by hand:\n"
    "  eval \"$(adbaclient completion bash)\"\n\n"
    "Options:\n"
    "  --help    show this text\n";

static int run_completion(struct client *c, int argc, char **argv)
{
    static const struct opt none = {0};
    bool want_help = false;
    const struct opt opts[] = {OPT_FLAG_ROW("help", &want_help, "show this text"), {0}};
    struct opt leading[CLIENT_COMMON + 1] = {opts[0]};
    struct complete_program p = {
        .name = "adbaclient", .leading = leading, .man = "adbaclient(1)", .each = each_of_all};
    struct errinfo ei;
    enum err e;

    if (c->describe != NULL)
        return c->describe(c->describe_arg, &none, opts), EXIT_OK;
    e = opt_parse(opts, &argc, argv, &ei);
    client_common_options(c, leading + 1);
    if (e == ERR_OK && want_help)
        fputs(help_text, stdout);
    else if (e == ERR_OK && argc == 1 && strcmp(argv[0], "bash") == 0)
        complete_bash(&p);
    else if (e == ERR_OK && argc == 1 && strcmp(argv[0], "zsh") == 0)
        complete_zsh(&p);
    else if (e == ERR_OK && argc == 1 && strcmp(argv[0], "scdoc") == 0) /* for the build */
        print_page();
    else if (e == ERR_OK && argc == 1 && strcmp(argv[0], "scenario") == 0) /* likewise */
        print_scenario_page();
    else if (e == ERR_OK)
        e = err_fail(&ei, ERR_USAGE, "completion: name a shell, bash or zsh (try --help)");
    return e == ERR_OK ? EXIT_OK : client_fail(c, e, &ei);
}

const struct client_verb client_completion_verbs[] = {
    {"completion", "bash|zsh", "print what a shell completes", run_completion},
    {0},
};
