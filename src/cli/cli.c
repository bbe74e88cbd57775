#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings/settings.h"

const struct cli_command *cli_running;

void cli_common_options(struct cli *cli, const struct cli_command *c, bool *help,
                        struct opt out[CLI_COMMON])
{
    size_t n = 0;

    memset(out, 0, CLI_COMMON * sizeof(*out));
    out[n++] = (struct opt){
        .name = "config",
        .type = OPT_STRING,
        .metavar = "FILE",
        .help = "configuration file (default: $ADBAD_CONF or " SETTINGS_DEFAULT_PATH ")",
        .dest = &cli->conf_path};
    if (c == NULL || !c->text_only)
        out[n++] = (struct opt)OPT_FLAG_ROW("json", &cli->json, "print JSON");
    out[n] = (struct opt)OPT_FLAG_ROW("help", help, "show this text");
}

static void print_options(const struct opt *opts)
{
    for (; opts->name != NULL; opts++) {
        char left[64];

        snprintf(left, sizeof(left), "--%s%s%s", opts->name, opts->metavar != NULL ? " " : "",
                 opts->metavar != NULL ? opts->metavar : "");
        printf("  %-26s %s\n", left, opts->help);
    }
}

static void print_help(const struct opt *opts)
{
    const struct cli_command *c = cli_running;

    printf("Usage: adbactl %s%s%s%s%s [OPTION …]\n\n%s\n", c->noun, c->verb[0] != '\0' ? " " : "",
           c->verb, c->usage[0] != '\0' ? " " : "", c->usage, c->summary);
    if (c->help != NULL)
        printf("\n%s\n", c->help);
    printf("\nOptions:\n");
    print_options(opts);
}

static size_t count_options(const struct opt *opts)
{
    size_t n = 0;

    while (opts != NULL && opts[n].name != NULL)
        n++;
    return n;
}

static int wrong_arguments(const struct cli *cli)
{
    struct errinfo ei;
    enum err e =
        err_fail(&ei, ERR_USAGE, "usage: adbactl %s%s%s %s (try --help)", cli_running->noun,
                 cli_running->verb[0] != '\0' ? " " : "", cli_running->verb, cli_running->usage);

    return cli_fail(cli, e, &ei);
}

static bool is_given(const struct opt *opts, const char *flag)
{
    for (; opts->name != NULL; opts++) {
        if (opts->type == OPT_FLAG && strcmp(opts->name, flag) == 0)
            return *(const bool *)opts->dest;
    }
    return false;
}

static enum err parse(const struct opt *all, int *argc, char **argv, struct errinfo *ei)
{
    enum err e = opt_parse(all, argc, argv, ei);

    if (e == ERR_OK && is_given(all, "csv") && is_given(all, "json"))
        e = err_fail(ei, ERR_USAGE, "--csv and --json exclude each other");
    return e;
}

int cli_begin(struct cli *cli, const struct opt *opts, int *argc, char **argv, int min, int max)
{
    struct errinfo ei = {0};
    size_t own = count_options(opts);
    bool help = false;
    int status = -1;
    static const struct opt none = {0};
    enum err e;
    struct opt *all;

    if (cli->describe != NULL) {
        cli->describe(cli->describe_arg, opts != NULL ? opts : &none);
        return EXIT_OK;
    }
    all = calloc(own + CLI_COMMON + 1, sizeof(*all));
    if (all == NULL)
        abort();
    if (own > 0)
        memcpy(all, opts, own * sizeof(*all));
    cli_common_options(cli, cli_running, &help, all + own);
    e = parse(all, argc, argv, &ei);
    if (e != ERR_OK) {
        status = cli_fail(cli, e, &ei);
    } else if (help) {
        print_help(all);
        status = EXIT_OK;
    } else if (*argc < min || *argc > max) {
        status = wrong_arguments(cli);
    }
    free(all);
    return status;
}

int cli_check_common(struct cli *cli, int argc, char **argv)
{
    struct opt all[CLI_COMMON + 1] = {0};
    struct errinfo ei = {0};
    bool help = false;
    enum err e;

    cli_common_options(cli, NULL, &help, all);
    e = opt_parse(all, &argc, argv, &ei);
    return e == ERR_OK ? -1 : cli_fail(cli, e, &ei);
}

const char *cli_conf_path(const struct cli *cli)
{
    const char *path = cli->conf_path;

    if (path == NULL)
        path = getenv("ADBAD_CONF");
    return path != NULL ? path : SETTINGS_DEFAULT_PATH;
}

enum err cli_settings(struct cli *cli, const struct settings **out, struct errinfo *ei)
{
    enum err e;

    if (cli->settings == NULL) {
        cli->settings = calloc(1, sizeof(*cli->settings));
        if (cli->settings == NULL)
            return err_nomem(ei);
        e = settings_load(cli_conf_path(cli), cli->settings, ei);
        if (e != ERR_OK) {
            free(cli->settings);
            cli->settings = NULL;
            return e;
        }
    }
    *out = cli->settings;
    return ERR_OK;
}

int cli_fail(const struct cli *cli, enum err e, const struct errinfo *ei)
{
    if (cli->json) {
        json_t *o = json_pack("{s:s, s:s}", "error", err_name(e), "text", ei->text);
        char code[16];

        if (ei->hresult != 0) {
            snprintf(code, sizeof(code), "0x%08X", ei->hresult);
            json_object_set_new(o, "code", json_string(code));
        }
        cli_json(o);
    }
    fflush(stdout);
    if (ei->hresult != 0)
        fprintf(stderr, "adbactl: %s (0x%08X)\n", ei->text, ei->hresult);
    else
        fprintf(stderr, "adbactl: %s\n", ei->text);
    return err_exit_code(e);
}

enum err cli_denied(enum err e, struct errinfo *ei)
{
    if (e != ERR_DENIED)
        return e;
    return err_fail(ei, e, "%s; %s", ei->text,
                    geteuid() != 0 ? "run it as root or as adbad's user"
                                   : "root does this as the folder's owner, who may not: give the "
                                     "file to that user, and put no link in its place");
}

void cli_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(value);
}

bool cli_confirm(const struct cli *cli, const char *question)
{
    char answer[16];

    if (cli->yes)
        return true;
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "adbactl: %s Not asked without a terminal; give --yes.\n", question);
        return false;
    }
    fprintf(stderr, "%s [y/N] ", question);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}
