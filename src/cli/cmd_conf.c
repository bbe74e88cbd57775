/* adbactl conf: what the configuration says, from the one table of keys. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/cli.h"
#include "settings/settings.h"

static int run_check(struct cli *cli, int argc, char **argv)
{
    const struct settings *s;
    struct errinfo ei = {0};
    int status = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    e = cli_settings(cli, &s, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json)
        cli_json(json_pack("{s:b}", "ok", 1));
    else
        puts("The configuration is good.");
    return EXIT_OK;
}

static void print_range(const struct conf_key *k)
{
    char low[CLK_TEXT_MAX], high[CLK_TEXT_MAX];

    if (k->type == CONF_ENUM) {
        fputs("# one of:", stdout);
        for (size_t i = 0; k->choices[i] != NULL; i++)
            printf(" %s", k->choices[i]);
        putchar('\n');
    } else if (k->max != 0 && k->type == CONF_DURATION) {
        printf("# from %s to %s\n", clk_format_duration(k->min, low),
               clk_format_duration(k->max, high));
    } else if (k->max != 0) {
        printf("# from %" PRId64 " to %" PRId64 "\n", k->min, k->max);
    }
}

static int run_default(struct cli *cli, int argc, char **argv)
{
    const char *section = "";
    int status = cli_begin(cli, NULL, &argc, argv, 0, 0);

    if (status >= 0)
        return status;
    for (size_t i = 0; i < settings_key_count; i++) {
        const struct conf_key *k = &settings_keys[i];

        if (strcmp(section, k->section) != 0)
            printf("%s[%s]\n", i == 0 ? "" : "\n", k->section);
        section = k->section;
        printf("# %s\n", k->help);
        print_range(k);
        printf("#%s =%s%s\n", k->name, k->def != NULL ? " " : "", k->def != NULL ? k->def : "");
    }
    return EXIT_OK;
}

const struct cli_command cmd_conf[] = {
    {.noun = "conf",
     .verb = "check",
     .usage = "",
     .run = run_check,
     .summary = "read the configuration and say what is wrong with it",
     .help = "Exit code 3, with file and line, if a key is unknown or a value does not fit."},
    {.noun = "conf",
     .verb = "default",
     .usage = "",
     .run = run_default,
     .summary = "print every key with its meaning, range and default"},
    {0},
};
