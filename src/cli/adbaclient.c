/* adbaclient: one simulated machine, every machine of a folder, or a fleet in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "rpc/pdu.h"

const struct client_verb *const client_groups[] = {
    client_setup_verbs, client_run_verbs,      client_clearing_verbs,  client_report_verbs,
    client_show_verbs,  client_machine_verbs,  client_states_verbs,    client_slmgr_verbs,
    client_fleet_verbs, client_scenario_verbs, client_completion_verbs};
const size_t client_group_count = sizeof(client_groups) / sizeof(client_groups[0]);

static void print_verbs(void)
{
    for (size_t g = 0; g < client_group_count; g++) {
        for (const struct client_verb *v = client_groups[g]; v->name != NULL; v++)
            printf("  %-10s %s\n", v->name, v->summary);
    }
}

static int help(void)
{
    printf("Usage: adbaclient --machine DIR VERB [OPTION …]\n"
           "       adbaclient --machines DIR VERB [OPTION …]\n"
           "       adbaclient --machine DIR /ato | /dlv | … (slmgr's options, / or -)\n"
           "       adbaclient fleet [OPTION …]\n"
           "       adbaclient scenario FILE …\n\n"
           "A simulated machine lives in folder DIR; --machines takes every machine folder in "
           "DIR.\n\nVerbs:\n");
    print_verbs();
    printf("\nOptions of every verb: --json, --catalog DIR, --timeout SECONDS, --help; and for "
           "tests, how KMS hosts "
           "are\nasked in this run: --ndr20 or --ndr64 (only that transfer syntax), "
           "--max-fragment BYTES;\n--via 1688 (not the directory, and authenticated by the "
           "machine's keytab).\n"
           "Exit code: 0 Licensed (or done), 10 not Licensed, others as in adbactl.\n");
    return EXIT_OK;
}

static const struct client_verb *find_verb(const char *name)
{
    if (name[0] == '/' || name[0] == '-')
        name = "slmgr";
    for (size_t g = 0; g < client_group_count; g++) {
        for (const struct client_verb *v = client_groups[g]; v->name != NULL; v++) {
            if (strcmp(v->name, name) == 0)
                return v;
        }
    }
    return NULL;
}

static int wrong(const struct client *c, const char *what, const char *arg)
{
    struct errinfo ei;

    return client_fail(c, err_fail(&ei, ERR_USAGE, "%s%s (try --help)", what, arg), &ei);
}

#define OPTIONS_MAX 48 /* of the verb with the most, and the common ones */

/* The options that stand before or behind any verb. */
void client_common_options(struct client *c, struct opt opts[CLIENT_COMMON])
{
    const struct opt rows[CLIENT_COMMON] = {
        OPT_TEXT_ROW("machine", "DIR", &c->machine, "the machine's folder"),
        OPT_TEXT_ROW("machines", "DIR", &c->machines, "every machine folder in DIR"),
        OPT_FLAG_ROW("json", &c->json, "print JSON"),
        OPT_TEXT_ROW("catalog", "DIR", &c->overlays,
                     "catalogue overlays (default: $ADBAD_CATALOG or " CATALOG_DEFAULT_DIR ")"),
        {.name = "timeout",
         .type = OPT_UINT,
         .metavar = "SECONDS",
         .help = "for each question to a directory or host (default 10)",
         .dest = &c->timeout,
         .min = 1,
         .max = 3600},
        OPT_TEXT_ROW("via", "1688", &c->via,
                     "ask KMS hosts alone, authenticated by the machine's keytab"),
        OPT_FLAG_ROW("ndr20", &c->ndr20,
                     "offer KMS hosts only NDR 2.0 (default: both, as Windows)"),
        OPT_FLAG_ROW("ndr64", &c->ndr64, "offer KMS hosts only NDR64"),
        {.name = "max-fragment",
         .type = OPT_UINT,
         .metavar = "BYTES",
         .help = "send requests to KMS hosts in fragments of at most so many bytes",
         .dest = &c->max_fragment,
         .min = RPC_CLIENT_FRAGMENT_MIN,
         .max = RPC_FRAG_MAX},
        {0},
    };

    memcpy(opts, rows, sizeof(rows));
}

/* Whether the value of the option is the next argument. */
static bool value_follows(const struct opt *opts, const char *arg)
{
    for (; opts->name != NULL; opts++) {
        if (opts->type == OPT_FLAG && strcmp(arg + 2, opts->name) == 0)
            return false;
    }
    return strchr(arg, '=') == NULL;
}

/* Takes the common options before the verb; *at is then the verb's place. -1: go on. */
static int leading(struct client *c, int argc, char **argv, int *at)
{
    struct opt opts[CLIENT_COMMON];
    struct errinfo ei;

    client_common_options(c, opts);
    for (*at = 1; *at < argc && strncmp(argv[*at], "--", 2) == 0;) {
        int n = value_follows(opts, argv[*at]) && *at + 1 < argc ? 2 : 1;
        int left = n;

        if (strcmp(argv[*at], "--help") == 0)
            return help();
        if (strcmp(argv[*at], "--version") == 0) {
            printf("adbaclient %s\n", ADBAD_VERSION);
            return EXIT_OK;
        }
        if (opt_parse(opts, &left, argv + *at, &ei) != ERR_OK)
            return client_fail(c, ERR_USAGE, &ei);
        *at += n;
    }
    return -1;
}

int client_need_machine(const struct client *c)
{
    if ((c->machine == NULL) == (c->machines == NULL))
        return wrong(c, "give one of --machine DIR and --machines DIR", "");
    return -1;
}

static int print_options(const struct opt *opts)
{
    printf("Options:\n");
    for (const struct opt *o = opts; o->name != NULL; o++)
        printf("  --%s %s\n      %s\n", o->name, o->metavar != NULL ? o->metavar : "", o->help);
    return EXIT_OK;
}

/* Usage and options of the verb that runs. */
static int print_verb(const struct client *c, const struct opt *opts)
{
    printf("Usage: adbaclient --machine DIR %s%s%s [OPTION …]\n\n%s\n\n", c->verb->name,
           c->verb->usage[0] != '\0' ? " " : "", c->verb->usage, c->verb->summary);
    return print_options(opts);
}

int client_begin(struct client *c, const struct opt *opts, int *argc, char **argv, int min, int max)
{
    int status = client_parse(c, opts, argc, argv, min, max);

    return status >= 0 ? status : client_need_machine(c);
}

int client_parse(struct client *c, const struct opt *opts, int *argc, char **argv, int min, int max)
{
    bool want_help = false;
    static const struct opt none = {0};
    struct opt all[OPTIONS_MAX];
    struct errinfo ei;
    size_t n = 0, own;
    enum err e;

    for (const struct opt *o = opts; o != NULL && o->name != NULL; o++)
        all[n++] = *o;
    own = n;
    all[n++] = (struct opt)OPT_FLAG_ROW("help", &want_help, "show this text");
    client_common_options(c, all + n);
    if (c->describe != NULL) {
        c->describe(c->describe_arg, opts != NULL ? opts : &none, all + own);
        return EXIT_OK;
    }
    if (opt_parse(all, argc, argv, &ei) != ERR_OK)
        return client_fail(c, ERR_USAGE, &ei);
    if (want_help)
        return print_verb(c, all);
    if (*argc < min)
        return wrong(c, "something is missing after the verb", "");
    if (*argc > max)
        return wrong(c, "unexpected argument ", argv[max]);
    if (c->via != NULL && strcmp(c->via, "1688") != 0)
        return wrong(c, "--via takes 1688, not ", c->via);
    if (c->ndr20 && c->ndr64)
        return wrong(c, "give one of --ndr20 and --ndr64; without them both are offered", "");
    c->offer = c->ndr20 ? RPC_OFFER_NDR : c->ndr64 ? RPC_OFFER_NDR64 : RPC_OFFER_BOTH;
    if (c->catalog != NULL) /* a verb that stands for another */
        return -1;
    e = catalog_load_overlays(c->overlays, &c->catalog, &ei);
    return e == ERR_OK ? -1 : client_fail(c, e, &ei);
}

/* The common options that mean something without a machine. */
static size_t alone_options(struct client *c, struct opt *opts)
{
    struct opt rows[CLIENT_COMMON];
    size_t n = 0;

    client_common_options(c, rows);
    for (const struct opt *o = rows; o->name != NULL; o++) {
        if (strcmp(o->name, "json") == 0 || strcmp(o->name, "catalog") == 0)
            opts[n++] = *o;
    }
    return n;
}

bool client_described_alone(struct client *c, const struct opt *own)
{
    struct opt common[CLIENT_COMMON + 1] = {{0}};
    size_t n;

    if (c->describe == NULL)
        return false;
    n = alone_options(c, common);
    common[n] = (struct opt)OPT_FLAG_ROW("help", NULL, "show this text");
    c->describe(c->describe_arg, own, common);
    return true;
}

int client_begin_alone(struct client *c, const char *help_text, const struct opt *opts, int *argc,
                       char **argv)
{
    bool want_help = false;
    struct opt all[OPTIONS_MAX] = {{0}};
    struct errinfo ei;
    size_t n = 0;
    enum err e;

    if (client_described_alone(c, opts))
        return EXIT_OK;
    for (; opts->name != NULL; opts++)
        all[n++] = *opts;
    n += alone_options(c, all + n);
    all[n] = (struct opt)OPT_FLAG_ROW("help", &want_help, "show this text");
    if (opt_parse(all, argc, argv, &ei) != ERR_OK)
        return client_fail(c, ERR_USAGE, &ei);
    if (want_help) {
        printf("%s\n", help_text);
        return print_options(all);
    }
    if (*argc > 0)
        return wrong(c, "unexpected argument ", argv[0]);
    if (c->machine != NULL || c->machines != NULL)
        return wrong(c, "this verb works on no machine's folder: leave out --machine(s)", "");
    e = catalog_load_overlays(c->overlays, &c->catalog, &ei);
    return e == ERR_OK ? -1 : client_fail(c, e, &ei);
}

int client_fail(const struct client *c, enum err e, const struct errinfo *ei)
{
    char code[16];

    snprintf(code, sizeof(code), "0x%08X", ei->hresult);
    if (c->json) {
        json_t *o = json_pack("{s:s, s:s}", "error", err_name(e), "text", ei->text);

        if (ei->hresult != 0)
            json_object_set_new(o, "code", json_string(code));
        if (c->operation != NULL)
            json_object_update_new(o, json_pack("{s:b, s:s, s:s}", "Success", 0, "ErrorCode", code,
                                                "ErrorMessage", ei->text));
        if (c->operation != NULL && c->operation[0] != '\0')
            json_object_set_new(o, "Operation", json_string(c->operation));
        cli_json(o);
    }
    fflush(stdout);
    fprintf(stderr, "adbaclient: %s%s%s%s\n", ei->text, ei->hresult != 0 ? " (" : "",
            ei->hresult != 0 ? code : "", ei->hresult != 0 ? ")" : "");
    return err_exit_code(e);
}

int main(int argc, char **argv)
{
    struct client c = {.timeout = 10, .overlays = getenv("ADBAD_CATALOG")};
    const struct client_verb *verb;
    int at, status = leading(&c, argc, argv, &at);

    if (status >= 0)
        return status;
    if (at >= argc)
        return help(), EXIT_USAGE;
    verb = find_verb(argv[at]);
    if (verb == NULL)
        return wrong(&c, "unknown verb ", argv[at]);
    if (strcmp(verb->name, argv[at]) == 0)
        at++; /* a bare option is the slmgr verb's first argument */
    c.verb = verb;
    status = verb->run(&c, argc - at, argv + at);
    client_close(&c);
    catalog_free(c.catalog);
    return status;
}
