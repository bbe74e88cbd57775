/* adbactl dns: this host's SRV records, through the running daemon, which has the Kerberos account
 * and remembers what it published. */
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/ask.h"
#include "cli/cli.h"

static bool has(const json_t *j, const char *member)
{
    return json_is_string(json_object_get(j, member));
}

/* ---- asking ---- */

static enum err do_round(struct cli *cli, const char *cmd, json_t **status, struct errinfo *ei)
{
    json_t *reply = NULL;
    enum err e = ask_here(cli, cmd, NULL, &reply, ei);

    if (e == ERR_OK)
        e = ask_until_here(cli, "dns.status", "round", ask_number(reply, "round"),
                           "adbad still waits for DNS; see its log", status, ei);
    json_decref(reply);
    return e;
}

/* ---- telling ---- */

static void print_facts(const json_t *status)
{
    const json_t *due = json_object_get(status, "next_in");
    char next[CLK_TEXT_MAX], ttl[CLK_TEXT_MAX];
    struct facts *f = facts_new();

    facts_add(f, "Host", "%s port %lld, priority %lld, weight %lld, TTL %s",
              ask_text(status, "host"), ask_number(status, "port"), ask_number(status, "priority"),
              ask_number(status, "weight"), clk_format_duration(ask_number(status, "ttl"), ttl));
    if (!json_is_true(json_object_get(status, "publishing")))
        facts_add(f, "Publishing", "off; only when asked");
    else if (json_is_integer(due))
        facts_add(f, "Publishing", "on, next in %s",
                  clk_format_duration(json_integer_value(due), next));
    else
        facts_add(f, "Publishing", "on");
    facts_print(f);
}

static void add_row(struct table *t, const json_t *domain, const json_t *record, bool first)
{
    table_cell(t, "%s", first ? ask_text(domain, "domain") : "");
    table_cell(t, "%s", !first ? "" : has(domain, "state") ? ask_text(domain, "state") : "unknown");
    table_cell(t, "%s", ask_text(record, "whose"));
    for (size_t i = 0; i < 3; i++) {
        static const char *const members[] = {"priority", "weight", "port"};

        if (record != NULL)
            table_cell(t, "%lld", ask_number(record, members[i]));
        else
            table_cell(t, "-");
    }
    table_cell(t, "%s", ask_text(record, "host"));
}

static void print_domains(const json_t *domains)
{
    static const char *const headers[] = {"DOMAIN",  "STATE", "RECORD", ">PRIORITY",
                                          ">WEIGHT", ">PORT", "HOST",   NULL};
    struct table *t = table_new(headers);
    json_t *d, *r;
    size_t i, j;

    json_array_foreach((json_t *)(uintptr_t)domains, i, d)
    {
        const json_t *records = json_object_get(d, "records");

        if (json_array_size(records) == 0)
            add_row(t, d, NULL, true);
        json_array_foreach((json_t *)(uintptr_t)records, j, r)
        {
            add_row(t, d, r, j == 0);
        }
    }
    table_print(t);
}

/* The first thing that went wrong decides the exit code. */
static int judge(const json_t *status, bool must_be_there)
{
    const json_t *domains = json_object_get(status, "domains");
    int code = EXIT_OK;
    json_t *d;
    size_t i;

    if (has(status, "error")) {
        fprintf(stderr, "adbactl: %s\n", ask_text(status, "why"));
        return err_exit_code(ask_error_named(ask_text(status, "error")));
    }
    json_array_foreach((json_t *)(uintptr_t)domains, i, d)
    {
        int this = EXIT_OK;

        if (has(d, "error")) {
            this = err_exit_code(ask_error_named(ask_text(d, "error")));
            fprintf(stderr, "adbactl: %s%s%s%s\n", ask_text(d, "why"), has(d, "code") ? " (" : "",
                    has(d, "code") ? ask_text(d, "code") : "", has(d, "code") ? ")" : "");
        } else if (must_be_there && json_is_true(json_object_get(d, "configured")) &&
                   strcmp(ask_text(d, "state"), "published") != 0) {
            this = EXIT_INVALID;
            fprintf(stderr,
                    "adbactl: %s: this host is not in DNS as configured; \"adbactl dns "
                    "publish\" puts it there\n",
                    ask_text(d, "domain"));
        }
        if (code == EXIT_OK)
            code = this;
    }
    return code;
}

static int judge_published(const json_t *status)
{
    return judge(status, true);
}

static int judge_withdrawn(const json_t *status)
{
    return judge(status, false);
}

static void print(const json_t *status)
{
    if (has(status, "error"))
        return;
    print_facts(status);
    putchar('\n');
    print_domains(json_object_get(status, "domains"));
    fflush(stdout);
}

static int run(struct cli *cli, int argc, char **argv, const char *cmd,
               int (*judge_by)(const json_t *status))
{
    return ask_run_by(
        cli, argc, argv,
        &(struct ask_verb){.cmd = cmd, .ask = do_round, .print = print, .judge = judge_by});
}

static int run_publish(struct cli *cli, int argc, char **argv)
{
    return run(cli, argc, argv, "dns.publish", judge_published);
}

static int run_withdraw(struct cli *cli, int argc, char **argv)
{
    return run(cli, argc, argv, "dns.withdraw", judge_withdrawn);
}

static int run_check(struct cli *cli, int argc, char **argv)
{
    return run(cli, argc, argv, "dns.check", judge_published);
}

const struct cli_command cmd_dns[] = {
    {.noun = "dns",
     .verb = "check",
     .usage = "",
     .summary = "what DNS says about this host and others",
     .help =
         "Asks the primary server of each domain in [dns] domains for _vlmcs._tcp and tells\n"
         "whose the records are: current (ours, as configured), old (ours, not as configured),\n"
         "this host (leads here, but adbad did not publish it) or other. Ends with 7 unless\n"
         "every domain has the current one and no old one.\n"
         "  adbactl dns check --json",
     .run = run_check},
    {.noun = "dns",
     .verb = "publish",
     .usage = "",
     .summary = "publish this host's SRV records now",
     .help =
         "Puts the record into every domain of [dns] domains, replaces what was published with\n"
         "another port, priority, weight or name, and looks whether it is there. Turns\n"
         "publishing on again after withdraw or slmgr /cdns.\n"
         "  adbactl dns publish",
     .run = run_publish},
    {.noun = "dns",
     .verb = "withdraw",
     .usage = "",
     .summary = "take this host's SRV records out of DNS",
     .help = "Removes what adbad published, and nothing else, and publishes no more, also after a\n"
             "restart, until \"adbactl dns publish\" or slmgr /sdns. KMS requests are served on.\n"
             "  adbactl dns withdraw",
     .run = run_withdraw},
    {0},
};
