/* adbactl NOUN VERB: the administrator's tool. Every verb is a row in its noun's table. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "settings/settings.h"

#define HELP_LEFT 34 /* columns */
const struct cli_command *const cli_nouns[] = {
    cmd_realm,  cmd_hostkey,  cmd_ao,     cmd_directory,  cmd_lab,        cmd_machine,
    cmd_kms,    cmd_clearing, cmd_clock,  cmd_conf,       cmd_membership, cmd_explain,
    cmd_plan,   cmd_catalog,  cmd_ledger, cmd_dns,        cmd_relay,      cmd_mak,
    cmd_report, cmd_health,   cmd_top,    cmd_completion, cmd_reload,
};
const size_t cli_noun_count = sizeof(cli_nouns) / sizeof(cli_nouns[0]);

static void print_commands(const char *noun)
{
    for (size_t i = 0; i < cli_noun_count; i++) {
        if (noun != NULL && strcmp(cli_nouns[i]->noun, noun) != 0)
            continue;
        for (const struct cli_command *c = cli_nouns[i]; c->noun != NULL; c++) {
            char left[96];

            if (c->hidden)
                continue;
            snprintf(left, sizeof(left), "%s%s%s %s", c->noun, c->verb[0] != '\0' ? " " : "",
                     c->verb, c->usage);
            if (strlen(left) > HELP_LEFT)
                printf("  %s\n  %*s %s\n", left, HELP_LEFT, "", c->summary);
            else
                printf("  %-*s %s\n", HELP_LEFT, left, c->summary);
        }
    }
}

static void print_help(void)
{
    printf("Usage: adbactl NOUN VERB [ARGUMENT …] [OPTION …]\n\n"
           "Runs a lab of volume activation beside Active Directory: the realm and its host keys,\n"
           "activation objects in the directory, the KMS host, the lab clock.\n\n"
           "Commands:\n");
    print_commands(NULL);
    printf("\nCommon options:\n"
           "  --config FILE   configuration file (default: $ADBAD_CONF or " SETTINGS_DEFAULT_PATH
           ")\n"
           "  --json          print JSON (every command that reads)\n"
           "  --help          what a command does, its options, an example\n\n"
           "A first lab:\n"
           "  adbactl lab up /tmp/lab\n"
           "  adbactl realm init LAB /tmp/lab/realm\n"
           "  export ADBAD_CONF=/tmp/lab/adbad.conf\n"
           "  adbad --config $ADBAD_CONF &\n"
           "  adbactl kms status\n");
}

static const struct cli_command *find(const char *noun, const char *verb)
{
    for (size_t i = 0; i < cli_noun_count; i++) {
        for (const struct cli_command *c = cli_nouns[i]; c->noun != NULL; c++) {
            if (strcmp(c->noun, noun) == 0 && strcmp(c->verb, verb) == 0)
                return c;
        }
    }
    return NULL;
}

static bool noun_known(const char *noun)
{
    for (size_t i = 0; i < cli_noun_count; i++) {
        if (strcmp(cli_nouns[i]->noun, noun) == 0)
            return true;
    }
    return false;
}

static int unknown(const char *noun, const char *verb)
{
    const struct cli_command *nearest = NULL;
    unsigned best = 4;

    for (size_t i = 0; i < cli_noun_count; i++) {
        for (const struct cli_command *c = cli_nouns[i]; c->noun != NULL; c++) {
            unsigned d = text_distance(noun, c->noun);

            if (verb != NULL)
                d += text_distance(verb, c->verb);
            else if (c->verb[0] != '\0')
                d += 2;

            if (d < best) {
                best = d;
                nearest = c;
            }
        }
    }
    fprintf(stderr, "adbactl: no command \"%s%s%s\"", noun, verb != NULL ? " " : "",
            verb != NULL ? verb : "");
    if (nearest != NULL)
        fprintf(stderr, "; did you mean \"%s%s%s\"?", nearest->noun,
                nearest->verb[0] != '\0' ? " " : "", nearest->verb);
    if (noun_known(noun))
        fprintf(stderr, " (\"adbactl %s\" lists its verbs)\n", noun);
    else
        fputs(" (adbactl --help lists all)\n", stderr);
    return EXIT_USAGE;
}

/* Common options may stand before the noun: moves them behind the verb, where opt_parse sees
 * them. */
static int leading_options(int argc, char **argv)
{
    int n = 1;

    while (n < argc && argv[n][0] == '-') {
        if (strcmp(argv[n], "--config") == 0 && n + 1 < argc)
            n++;
        n++;
    }
    return n - 1;
}

/* No command, or none that is known. A wrong option before it is told first: what it was meant to
 * take may stand where the command should. */
static int no_command(struct cli *cli, int leading, char **argv, const char *noun, const char *verb)
{
    int status = cli_check_common(cli, leading, argv + 1);

    if (status >= 0)
        return status;
    if (noun != NULL)
        return unknown(noun, verb);
    print_help();
    return EXIT_USAGE;
}

static int dispatch(struct cli *cli, int argc, char **argv)
{
    int leading = leading_options(argc, argv), first = 1 + leading, n = 0, status;
    int after = first + 2;
    char **rest;

    cli_running = argc > first ? find(argv[first], "") : NULL;
    if (cli_running != NULL) {
        after--; /* no verb */
    } else if (argc - first < 2 || argv[first + 1][0] == '-') {
        if (argc > first && noun_known(argv[first])) {
            print_commands(argv[first]);
            return argc - first < 2 ? EXIT_USAGE : EXIT_OK;
        }
        return no_command(cli, leading, argv, argc > first ? argv[first] : NULL, NULL);
    }
    if (cli_running == NULL)
        cli_running = find(argv[first], argv[first + 1]);
    if (cli_running == NULL)
        return no_command(cli, leading, argv, argv[first], argv[first + 1]);
    rest = calloc((size_t)argc + 1, sizeof(*rest));
    if (rest == NULL)
        abort();
    for (int i = 1; i <= leading; i++)
        rest[n++] = argv[i];
    for (int i = after; i < argc; i++)
        rest[n++] = argv[i];
    status = cli_running->run(cli, n, rest);
    free(rest);
    return status;
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    int status;

    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGCHLD, SIG_DFL); /* ignored, it would lose the exit codes of base/child.h */
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        print_help();
        return EXIT_OK;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("adbactl " ADBAD_VERSION);
        return EXIT_OK;
    }
    status = dispatch(&cli, argc, argv);
    if (cli.settings != NULL)
        settings_free(cli.settings);
    free(cli.settings);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("adbactl: write output");
        return EXIT_STORAGE;
    }
    return status;
}
