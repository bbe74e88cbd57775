/* adbactl completion: what shells complete, and the commands' part of the manual page, from the
 * command tables. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/complete.h"

/* ---- what the tables have ---- */

struct visit {
    const struct cli_command *command;
    complete_fn *fn;
    void *arg;
};

static void on_options(void *arg, const struct opt *own)
{
    const struct visit *v = arg;
    const struct cli_command *c = v->command;
    struct opt common[CLI_COMMON + 1] = {0};
    struct cli cli;
    bool help;
    const struct complete_command one = {.first = c->noun,
                                         .second = c->verb,
                                         .usage = c->usage,
                                         .summary = c->summary,
                                         .help = c->help,
                                         .own = own,
                                         .common = common};

    cli_common_options(&cli, c, &help, common);
    v->fn(v->arg, &one);
}

/* Calls fn for the commands of a noun. */
static void each_command(const struct cli_command *rows, complete_fn *fn, void *arg)
{
    for (const struct cli_command *c = rows; c->noun != NULL; c++) {
        struct visit v = {c, fn, arg};
        struct cli cli = {.describe = on_options, .describe_arg = &v};
        char *argv[] = {NULL};

        if (!c->hidden)
            c->run(&cli, 0, argv);
    }
}

static void each_of_all(void *unused, complete_fn *fn, void *arg)
{
    (void)unused;
    for (size_t i = 0; i < cli_noun_count; i++)
        each_command(cli_nouns[i], fn, arg);
}

static int run_for(struct cli *cli, int argc, char **argv,
                   void (*print)(const struct complete_program *p))
{
    struct opt leading[CLI_COMMON + 1] = {0};
    const struct complete_program p = {
        .name = "adbactl", .leading = leading, .man = "adbactl(1)", .each = each_of_all};
    bool help;
    int code = cli_begin(cli, NULL, &argc, argv, 0, 0);

    if (code >= 0)
        return code;
    cli_common_options(cli, NULL, &help, leading);
    print(&p);
    return EXIT_OK;
}

static int run_bash(struct cli *cli, int argc, char **argv)
{
    return run_for(cli, argc, argv, complete_bash);
}

static int run_zsh(struct cli *cli, int argc, char **argv)
{
    return run_for(cli, argc, argv, complete_zsh);
}

static void page_of(void *unused, const struct complete_command *c)
{
    (void)unused;
    complete_page("adbactl", c);
}

static int run_scdoc(struct cli *cli, int argc, char **argv)
{
    int code = cli_begin(cli, NULL, &argc, argv, 0, 0);

    if (code >= 0)
        return code;
    for (size_t i = 0; i < cli_noun_count; i++) {
        printf("## %s\n\n", cli_nouns[i]->noun);
        each_command(cli_nouns[i], page_of, NULL);
    }
    return EXIT_OK;
}

const struct cli_command cmd_completion[] = {
    {.noun = "completion",
     .verb = "bash",
     .usage = "",
     .run = run_bash,
     .summary = "print what bash completes",
     .help = "It is installed with adbactl. By hand: eval \"$(adbactl completion bash)\"",
     .text_only = true},
    {.noun = "completion",
     .verb = "zsh",
     .usage = "",
     .run = run_zsh,
     .summary = "print what zsh completes",
     .help = "It is installed with adbactl. By hand: a file _adbactl in a folder of $fpath.",
     .text_only = true},
    {.noun = "completion", /* for the build */
     .verb = "scdoc",
     .usage = "",
     .run = run_scdoc,
     .summary = "print the commands' part of adbactl(1)",
     .hidden = true,
     .text_only = true},
    {0},
};
