/* adbactl health: one line and an exit code for monitoring and containers. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adba/doctor.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/health.h"

#define LINE_MAX_BYTES 4096

static_assert(DOCTOR_DAYS_LEFT == 60, "the help of --days says so");

/* A part of it that is not configured is no failure. */
static enum err ask_part(struct cli *cli, const char *cmd, json_t **status, struct errinfo *ei)
{
    enum err e = ask_status_here(cli, cmd, status, ei);

    return e == ERR_CONFIG ? ERR_OK : e;
}

/* What it means that the daemon could not be asked. */
static void judge_failure(struct health *h, enum err e, const struct errinfo *ei)
{
    bool down = e == ERR_UNREACHABLE || e == ERR_TIMEOUT;

    health_add(h, "daemon", down ? HEALTH_CRITICAL : HEALTH_UNKNOWN, "%s", ei->text);
}

static void ask_and_judge(struct cli *cli, const struct health_wants *wants, struct health *h)
{
    json_t *kms = NULL, *membership = NULL, *relay = NULL;
    struct errinfo ei = {0};
    enum err e = ask_status_here(cli, "kms.status", &kms, &ei);

    if (e == ERR_OK)
        e = ask_part(cli, "membership.status", &membership, &ei);
    if (e == ERR_OK)
        e = ask_part(cli, "relay.status", &relay, &ei);
    if (e == ERR_OK)
        health_judge(kms, membership, relay, wants, h);
    else
        judge_failure(h, e, &ei);
    json_decref(kms);
    json_decref(membership);
    json_decref(relay);
}

static json_t *health_json(const struct health *h, const char *line)
{
    json_t *checks = json_array();

    for (size_t i = 0; i < h->n; i++)
        json_array_append_new(checks,
                              json_pack("{s:s, s:s, s:s%}", "check", h->checks[i].name, "state",
                                        health_state_name(h->checks[i].state), "text",
                                        h->checks[i].text, strlen(h->checks[i].text)));
    return json_pack("{s:s, s:s, s:o}", "state", health_state_name(health_worst(h)), "line", line,
                     "checks", checks);
}

static void print_checks(const struct health *h)
{
    static const char *const headers[] = {"CHECK", "STATE", "FOUND", NULL};
    struct table *t = table_new(headers);

    for (size_t i = 0; i < h->n; i++) {
        table_cell(t, "%s", h->checks[i].name);
        table_cell(t, "%s", health_state_name(h->checks[i].state));
        table_cell(t, "%s", h->checks[i].text);
    }
    table_print(t);
}

static int run_health(struct cli *cli, int argc, char **argv)
{
    struct health_wants wants = {0};
    uint32_t days = DOCTOR_DAYS_LEFT;
    bool all = false;
    const struct opt opts[] = {
        OPT_FLAG_ROW("count", &wants.count, "warn also while a count is below its threshold"),
        {.name = "days",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "warn if an activation object has fewer days left (default 60)",
         .dest = &days},
        OPT_FLAG_ROW("kms-only", &wants.kms_only, "no activation object is wanted"),
        {.name = "registry-age",
         .type = OPT_DURATION,
         .metavar = "DURATION",
         .help = "warn if the registry is older (default: [directory] max_stale)",
         .dest = &wants.max_stale},
        OPT_FLAG_ROW("all", &all, "and a table of all checks"),
        {0},
    };
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);
    char line[LINE_MAX_BYTES];
    struct health *h;

    if (code >= 0)
        return code == EXIT_OK ? EXIT_OK : HEALTH_UNKNOWN;
    h = calloc(1, sizeof(*h));
    if (h == NULL)
        return HEALTH_UNKNOWN;
    wants.days = days;
    ask_and_judge(cli, &wants, h);
    health_line(h, line, sizeof(line));
    if (cli->json) {
        cli_json(health_json(h, line));
    } else {
        puts(line);
        if (all)
            print_checks(h);
    }
    code = (int)health_worst(h);
    free(h);
    return code;
}

const struct cli_command cmd_health[] = {
    {.noun = "health",
     .verb = "",
     .usage = "",
     .run = run_health,
     .summary = "is the running daemon well: one line, and an exit code for monitoring",
     .help =
         "Exit codes are those of monitoring plugins, not the other commands': 0 ok,\n"
         "1 warning, 2 critical, 3 unknown (it could not be found out, or wrong usage).\n"
         "Looks at: daemon, listening, ledger, host keys, count (with --count), directory,\n"
         "activation object, registry, relay, dns, confinement; what is not configured is left\n"
         "out.\n"
         "Example: adbactl health --days 90 --json"},
    {0},
};
