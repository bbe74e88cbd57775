/* adbactl clock: the lab clock, a file that daemon and simulated clients share. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "base/labclk.h"
#include "cli/cli.h"
#include "settings/settings.h"

static enum err open_clock(struct cli *cli, struct labclk **out, struct errinfo *ei)
{
    const struct settings *s;
    enum err e = cli_settings(cli, &s, ei);

    if (e != ERR_OK)
        return e;
    if (!s->lab)
        return err_fail(ei, ERR_CONFIG,
                        "there is no lab clock: set [lab] enabled = yes in the configuration");
    return labclk_open(s->lab_clock, clk_system(), out, ei);
}

static void print_clock(const struct cli *cli, struct labclk *l)
{
    struct clk lab = labclk_clk(l), real = clk_system();
    int64_t now = clk_now(&lab), ahead = now - clk_now(&real);
    char time_text[CLK_TEXT_MAX], ahead_text[CLK_TEXT_MAX];

    if (cli->json)
        cli_json(json_pack("{s:s, s:I, s:I}", "time", clk_format(now, time_text), "now",
                           (json_int_t)now, "ahead", (json_int_t)ahead));
    else
        printf("Lab time %s, %s ahead of real time\n", clk_format(now, time_text),
               clk_format_duration(ahead, ahead_text));
}

/* What the three verbs share: open, do, show. */
static int finish(struct cli *cli, struct labclk *l, enum err e, const struct errinfo *ei)
{
    if (e == ERR_OK)
        print_clock(cli, l);
    labclk_free(l);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, ei);
}

static int run_show(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    struct labclk *l = NULL;
    int code = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    e = open_clock(cli, &l, &ei);
    return finish(cli, l, e, &ei);
}

static int run_advance(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    struct labclk *l = NULL;
    int64_t seconds = 0;
    int code = cli_begin(cli, NULL, &argc, argv, 1, 1);
    enum err e;

    if (code >= 0)
        return code;
    if (clk_parse_duration(argv[0], &seconds) != 0)
        e = err_fail(&ei, ERR_USAGE,
                     "\"%s\" is not a duration: a number with its unit, as in 90s, "
                     "120m, 2h, 7d or 7d12h",
                     argv[0]);
    else
        e = open_clock(cli, &l, &ei);
    if (e == ERR_OK)
        e = labclk_advance(l, seconds, NULL, &ei);
    return finish(cli, l, e, &ei);
}

static enum err parse_time(const char *text, int64_t *when, struct errinfo *ei)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

    if (end == NULL || *end != '\0')
        return err_fail(ei, ERR_USAGE, "\"%s\" is not a time in UTC such as 2026-11-22T10:00:00Z",
                        text);
    *when = (int64_t)timegm(&tm);
    return ERR_OK;
}

static int run_freeze(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    struct labclk *l = NULL;
    int64_t when = 0;
    int code = cli_begin(cli, NULL, &argc, argv, 0, 1);
    enum err e = ERR_OK;

    if (code >= 0)
        return code;
    if (argc > 0)
        e = parse_time(argv[0], &when, &ei);
    if (e == ERR_OK)
        e = open_clock(cli, &l, &ei);
    if (e == ERR_OK)
        e = argc > 0 ? labclk_freeze(l, when, &ei) : labclk_freeze_now(l, &ei);
    return finish(cli, l, e, &ei);
}

const struct cli_command cmd_clock[] = {
    {.noun = "clock", .verb = "show", .usage = "", .run = run_show, .summary = "the lab time"},
    {.noun = "clock",
     .verb = "advance",
     .usage = "DURATION",
     .run = run_advance,
     .summary = "move the lab clock forward for daemon and clients",
     .help = "Example: adbactl clock advance 7d\n"
             "The clock only goes forward. What falls due at clients runs when they wake\n"
             "(adbaclient … pass DURATION moves the clock and wakes one)."},
    {.noun = "clock",
     .verb = "freeze",
     .usage = "[TIME]",
     .run = run_freeze,
     .summary = "make the lab clock stand still at TIME (2026-11-22T10:00:00Z), or now",
     .help = "From then on only \"clock advance\" moves it: runs can be repeated exactly."},
    {0},
};
