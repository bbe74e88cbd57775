/* adbactl membership: the registry of computer accounts in the running daemon. */
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "settings/settings.h"

#define PAGE 1000

static bool is_true(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

/* ---- show ---- */

/* The exit code tells the verdict, for scripts. */
static int verdict_code(const char *verdict)
{
    static const struct {
        const char *verdict;
        int code;
    } codes[] = {{"member", EXIT_OK},
                 {"disabled", EXIT_REFUSED},
                 {"unknown-name", EXIT_NOTFOUND},
                 {"stale", EXIT_UNREACHABLE}};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(codes[i].verdict, verdict) == 0)
            return codes[i].code;
    return EXIT_FAILED;
}

/* What came of its last request on 1688 that the directory covers. */
static void print_proof(struct facts *f, const json_t *proof)
{
    char when[CLK_TEXT_MAX];

    if (!json_is_object(proof)) {
        facts_add(f, "Last proof", "%s",
                  "none since adbad's start (adbactl kms contacts tells of earlier grants)");
        return;
    }
    facts_add(f, "Last proof", "%s, %s, from %s", ask_text(proof, "verdict"),
              clk_format(json_integer_value(json_object_get(proof, "when")), when),
              ask_text(proof, "peer"));
    if (json_is_string(json_object_get(proof, "principal")))
        facts_add(f, "  as", "%s", ask_text(proof, "principal"));
    facts_add(f, "  why", "%s", ask_text(proof, "why"));
    if (ask_text(proof, "remedy")[0] != '\0')
        facts_add(f, "  remedy", "%s", ask_text(proof, "remedy"));
}

static void print_verdict(const json_t *reply)
{
    const json_t *account = json_object_get(reply, "account");
    struct facts *f = facts_new();

    facts_add(f, "Verdict", "%s", ask_text(reply, "verdict"));
    facts_add(f, "Why", "%s", ask_text(reply, "why"));
    if (account != NULL) {
        facts_add(f, "Name", "%s", ask_text(account, "name"));
        facts_add(f, "DNS host name", "%s", ask_text(account, "dns_host_name"));
        facts_add(f, "Domain", "%s", ask_text(account, "domain"));
        facts_add(f, "Enabled", "%s", is_true(account, "enabled") ? "yes" : "no");
        facts_add(f, "DN", "%s", ask_text(account, "dn"));
        facts_add(f, "GUID", "%s", ask_text(account, "guid"));
        facts_add(f, "SID", "%s", ask_text(account, "sid"));
    }
    facts_add(f, "Directory read", "%s", ask_text(reply, "synced"));
    print_proof(f, json_object_get(reply, "proof"));
    facts_print(f);
}

static int run_show(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    json_t *reply = NULL;
    int code = cli_begin(cli, NULL, &argc, argv, 1, 1);
    enum err e;

    if (code >= 0)
        return code;
    e = ask_here(cli, "membership.show", json_pack("{s:s}", "name", argv[0]), &reply, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    code = verdict_code(ask_text(reply, "verdict"));
    if (cli->json) {
        cli_json(reply);
        return code;
    }
    print_verdict(reply);
    json_decref(reply);
    return code;
}

/* ---- list ---- */

struct listing {
    const char *match;
    bool enabled, disabled;
    uint32_t limit; /* 0: all */
    json_t *all;    /* array */
};

static json_t *page_request(const struct listing *l, json_int_t after)
{
    json_t *j = json_pack("{s:I, s:i}", "after", after, "limit", PAGE);

    if (l->match != NULL)
        json_object_set_new(j, "match", json_string(l->match));
    if (l->enabled)
        json_object_set_new(j, "enabled", json_true());
    if (l->disabled)
        json_object_set_new(j, "disabled", json_true());
    return j;
}

static bool full(const struct listing *l)
{
    return l->limit > 0 && json_array_size(l->all) >= l->limit;
}

static enum err collect(struct cli *cli, struct listing *l, struct errinfo *ei)
{
    json_int_t after = 0;
    bool more = true;

    while (more && !full(l)) {
        json_t *reply = NULL, *account;
        enum err e = ask_here(cli, "membership.list", page_request(l, after), &reply, ei);
        size_t i;

        if (e != ERR_OK)
            return e;
        json_array_foreach(json_object_get(reply, "accounts"), i, account)
        {
            if (!full(l))
                json_array_append(l->all, account);
        }
        more = json_is_integer(json_object_get(reply, "next"));
        after = ask_number(reply, "next");
        json_decref(reply);
    }
    return ERR_OK;
}

static void print_list(const json_t *all)
{
    static const char *const headers[] = {"NAME", "DNS HOST NAME", "ENABLED", "DN", NULL};
    struct table *t = table_new(headers);
    json_t *a;
    size_t i;

    json_array_foreach(all, i, a)
    {
        table_cell(t, "%s", ask_text(a, "name"));
        table_cell(t, "%s", ask_text(a, "dns_host_name"));
        table_cell(t, "%s", is_true(a, "enabled") ? "yes" : "no");
        table_cell(t, "%s", ask_text(a, "dn"));
    }
    table_print(t);
}

static int run_list(struct cli *cli, int argc, char **argv)
{
    struct listing l = {.limit = 100};
    const struct opt opts[] = {
        OPT_TEXT_ROW("match", "TEXT", &l.match, "only names or DNS names that contain TEXT"),
        OPT_FLAG_ROW("enabled", &l.enabled, "only enabled accounts"),
        OPT_FLAG_ROW("disabled", &l.disabled, "only disabled accounts"),
        OPT_UINT_ROW("limit", "N", &l.limit, 0, 0, "at most N accounts (default 100; 0: all)"),
        {0},
    };
    struct errinfo ei = {0};
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    l.all = json_array();
    e = collect(cli, &l, &ei);
    if (e != ERR_OK) {
        json_decref(l.all);
        return cli_fail(cli, e, &ei);
    }
    if (cli->json) {
        cli_json(l.all);
        return EXIT_OK;
    }
    print_list(l.all);
    json_decref(l.all);
    return EXIT_OK;
}

/* ---- status ---- */

static void add_last(struct facts *f, const json_t *status)
{
    const json_t *last = json_object_get(status, "last");
    const char *why_full = json_string_value(json_object_get(last, "why_full"));

    if (!json_is_object(last))
        return;
    facts_add(f, "Last reading", "%s%s%s%s: %lld entries, %lld gone, %lld ms",
              strcmp(ask_text(last, "how"), "full") == 0 ? "in full" : "changes only",
              why_full != NULL ? " (" : "", why_full != NULL ? why_full : "",
              why_full != NULL ? ")" : "", ask_number(last, "entries"), ask_number(last, "removed"),
              ask_number(last, "milliseconds"));
    facts_add(f, "Deletions", "%s; all accounts last compared %s",
              is_true(status, "tells_deletions") ? "told by the directory"
                                                 : "found by comparing, since nobody tells them",
              ask_text(status, "listed"));
}

static void print_status(const json_t *status)
{
    const char *why = json_string_value(json_object_get(status, "why"));
    char age[CLK_TEXT_MAX], limit[CLK_TEXT_MAX], every[CLK_TEXT_MAX];
    struct facts *f = facts_new();

    facts_add(f, "State", "%s", ask_text(status, "state"));
    facts_add(f, "Accounts", "%lld, of them %lld disabled", ask_number(status, "accounts"),
              ask_number(status, "disabled"));
    if (json_is_integer(json_object_get(status, "age")))
        facts_add(f, "Directory read", "%s, %s ago; counts for %s", ask_text(status, "synced"),
                  clk_format_duration(ask_number(status, "age"), age),
                  clk_format_duration(ask_number(status, "max_stale"), limit));
    else
        facts_add(f, "Directory read", "never");
    add_last(f, status);
    if (why != NULL)
        facts_add(f, "Last failure", "%s", why);
    facts_add(f, "Readings", "every %s; since start %lld good, %lld failed",
              clk_format_duration(ask_number(status, "sync_interval"), every),
              ask_number(status, "good"), ask_number(status, "failed"));
    if (is_true(status, "saved"))
        facts_add(f, "In the ledger", "all of it");
    else
        facts_add(f, "In the ledger", "not yet: %lld accounts wait",
                  ask_number(status, "waiting_to_be_saved"));
    facts_add(f, "Memory", "%lld KiB", ask_number(status, "bytes") / 1024);
    facts_print(f);
}

static void show_status(const struct cli *cli, json_t *status)
{
    if (cli->json) {
        cli_json(status);
        return;
    }
    print_status(status);
    json_decref(status);
}

static int run_status(struct cli *cli, int argc, char **argv)
{
    return ask_run_status(cli, argc, argv, "membership.status", print_status);
}

/* ---- sync ---- */

static enum err synchronize(struct cli *cli, bool anew, bool list, json_t **status,
                            struct errinfo *ei)
{
    json_t *reply = NULL;
    long long number;
    enum err e = ask_here(cli, "membership.sync",
                          json_pack("{s:b, s:b}", "full", anew, "list", list), &reply, ei);
    const char *why;

    if (e != ERR_OK)
        return e;
    number = ask_number(reply, "sync");
    json_decref(reply);
    e = ask_until_here(cli, "membership.status", "sync", number,
                       "the directory is still being read; see \"adbactl membership status\"",
                       status, ei);
    why = json_string_value(json_object_get(*status, "why"));
    if (e == ERR_OK && why != NULL) {
        e = err_fail(ei, ERR_UNREACHABLE, "%s", why);
        json_decref(*status);
        *status = NULL;
    }
    return e;
}

static int run_sync(struct cli *cli, int argc, char **argv)
{
    bool anew = false, list = false;
    const struct opt opts[] = {
        OPT_FLAG_ROW("full", &anew, "read every account anew, not only changes"),
        OPT_FLAG_ROW("compare", &list, "also look for accounts that were deleted untold"),
        {0},
    };
    struct errinfo ei = {0};
    json_t *status = NULL;
    int code = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    e = synchronize(cli, anew, list, &status, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    show_status(cli, status);
    return EXIT_OK;
}

const struct cli_command cmd_membership[] = {
    {.noun = "membership",
     .verb = "show",
     .usage = "NAME",
     .run = run_show,
     .summary = "is this computer a member of the domain, and why",
     .help = "NAME is a computer's name (with or without $), DNS name, SID or GUID. Answered from\n"
             "memory. Exit code: 0 member, 5 disabled, 4 unknown, 6 stale.\n"
             "Example: adbactl membership show PC01"},
    {.noun = "membership",
     .verb = "list",
     .usage = "",
     .run = run_list,
     .summary = "computer accounts that the daemon knows",
     .help = "Example: adbactl membership list --disabled --limit 0 --json"},
    {.noun = "membership",
     .verb = "sync",
     .usage = "",
     .run = run_sync,
     .summary = "read now what changed in the directory, and wait for it",
     .help = "The daemon does so by itself every [directory] sync_interval."},
    {.noun = "membership",
     .verb = "status",
     .usage = "",
     .run = run_status,
     .summary = "how many accounts are known, how old that is, how it was read"},
    {0},
};
