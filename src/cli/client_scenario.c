/* adbaclient scenario: stories about a simulated site. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/file.h"
#include "cli/client.h"
#include "scenario/scenario.h"

#define FILE_MAX (1u << 20)

struct telling {
    struct client *c;
    struct scenario_conf conf;
    json_t *list;
    size_t told, failed;
    enum err worst;
};

/* ---- help ---- */

static void print_list(const char *title, const struct scenario_statement *s)
{
    printf("\n%s\n", title);
    for (; s->usage != NULL; s++)
        printf("  %s\n      %s\n", s->usage, s->help);
}

static int help(void)
{
    printf(
        "Usage: adbaclient scenario [--seed N] [--trace] [--json] FILE...\n\n"
        "Tells stories about a simulated site, in process and on virtual time: KMS hosts, DNS, a "
        "directory,\na clearing house and machines. Each FILE is one story, one statement a "
        "line:\n\n"
        "  story \"The fifth server makes it\"\n"
        "  host kms1\n"
        "  install kms1 \"Volume License for Windows Server 2022\"\n"
        "  activate kms1 \"Volume License for Windows Server 2022\"\n"
        "  machine srv*5 \"Windows Server 2022 Standard\" kms kms1\n"
        "  ask srv*\n"
        "  expect srv5 status Licensed\n"
        "  expect srv1 result 0xC004F038      # it counted 1 when it asked\n"
        "  pass 2h\n"
        "  expect srv* status Licensed\n\n"
        "Words with blanks stand in double quotes; # begins a comment; a DURATION is 2h, 7d or "
        "7d12h;\nMACHINE* means MACHINE1, MACHINE2 and so on.\n\n"
        "Options:\n"
        "  --seed N      for machine ids and the order of SRV records (default 1)\n"
        "  --trace       tell every attempt and event\n"
        "  --json        print the results as JSON\n"
        "  --catalog DIR catalogue overlays\n"
        "  --help        show this text\n");
    print_list("Statements:", scenario_statements());
    print_list("What can be set (also behind host, forest and machine):", scenario_settings());
    print_list("What can be expected:", scenario_expectations());
    printf("\nExit code: 0 every story is true, 1 an expectation failed, 7 a file breaks the "
           "language,\n4 there is no such file, 2 usage.\n");
    return EXIT_OK;
}

/* ---- telling ---- */

static json_t *result_json(const char *file, const struct scenario_result *r, const char *failure)
{
    json_t *codes = json_array();
    json_t *o;

    for (size_t i = 0; i < r->codes; i++) {
        char text[16];

        snprintf(text, sizeof(text), "0x%08X", r->code_met[i]);
        json_array_append_new(codes, json_string(text));
    }
    o = json_pack("{s:s, s:s, s:b, s:I, s:I, s:o}", "file", file, "story", r->title, "true",
                  r->code == ERR_OK, "seconds", (json_int_t)r->lasted, "attempts",
                  (json_int_t)r->attempts, "codes", codes);
    if (r->code != ERR_OK) {
        json_object_set_new(o, "line", json_integer(r->line));
        json_object_set_new(o, "failure", json_string(failure));
    }
    return o;
}

static void print_result(const char *file, const struct scenario_result *r, const char *failure)
{
    char lasted[CLK_TEXT_MAX];

    printf("%-6s %s  %s (%s, %" PRIu64 " attempts)\n", r->code == ERR_OK ? "ok" : "FAILED", file,
           r->title, clk_format_duration(r->lasted, lasted), r->attempts);
    if (r->code != ERR_OK)
        printf("%s", failure);
}

static void take(struct telling *t, const char *file, struct scenario_result *r)
{
    const char *failure = buf_str(&r->failure);

    t->told++;
    t->failed += r->code != ERR_OK;
    if (r->code != ERR_OK && (t->worst == ERR_OK || t->worst == ERR_CONFLICT))
        t->worst = r->code;
    if (t->c->json)
        json_array_append_new(t->list, result_json(file, r, failure != NULL ? failure : ""));
    else
        print_result(file, r, failure != NULL ? failure : "");
}

static enum err tell(struct telling *t, const char *file, struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    struct scenario_result r;
    enum err e = file_read(file, FILE_MAX, &text, ei);

    if (e == ERR_OK && buf_str(&text) == NULL)
        e = err_nomem(ei);
    if (e == ERR_OK) {
        scenario_run(&t->conf, file, buf_str(&text), &r);
        take(t, file, &r);
        scenario_result_fini(&r);
    }
    buf_fini(&text);
    return e;
}

static int report(struct telling *t)
{
    if (t->c->json)
        cli_json(json_pack("{s:I, s:O}", "seed", (json_int_t)t->conf.seed, "stories", t->list));
    else
        printf("%zu of %zu stories are true (seed %" PRIu64 ")\n", t->told - t->failed, t->told,
               t->conf.seed);
    if (t->worst == ERR_OK)
        return EXIT_OK;
    return t->worst == ERR_CONFLICT ? EXIT_FAILED : EXIT_INVALID;
}

static int run_scenario(struct client *c, int argc, char **argv)
{
    uint32_t seed = 1;
    bool want_help = false, trace = false;
    const struct opt own[] = {
        OPT_FLAG_ROW("trace", &trace, "tell every attempt and event"),
        {.name = "seed",
         .type = OPT_UINT,
         .metavar = "N",
         .help = "for machine ids and the order of SRV records (default 1)",
         .dest = &seed},
        {0},
    };
    const struct opt opts[] = {
        own[0],
        own[1],
        OPT_FLAG_ROW("help", &want_help, "show this text"),
        OPT_FLAG_ROW("json", &c->json, "print JSON"),
        OPT_TEXT_ROW("catalog", "DIR", &c->overlays, "catalogue overlays"),
        {0},
    };
    struct telling t = {.c = c};
    struct errinfo ei;
    enum err e;

    if (client_described_alone(c, own))
        return EXIT_OK;
    e = opt_parse(opts, &argc, argv, &ei);
    if (e == ERR_OK && want_help)
        return help();
    if (e == ERR_OK && argc == 0)
        e = err_fail(&ei, ERR_USAGE, "scenario: name a file with a story (try --help)");
    if (e == ERR_OK && trace && c->json)
        e = err_fail(&ei, ERR_USAGE, "scenario: give one of --trace and --json");
    if (e == ERR_OK)
        e = catalog_load_overlays(c->overlays, &c->catalog, &ei);
    t.conf =
        (struct scenario_conf){.catalog = c->catalog, .seed = seed, .trace = trace ? stdout : NULL};
    t.list = json_array();
    for (int i = 0; i < argc && e == ERR_OK; i++)
        e = tell(&t, argv[i], &ei);
    if (e == ERR_OK) {
        int status = report(&t);

        json_decref(t.list);
        return status;
    }
    json_decref(t.list);
    return client_fail(c, e, &ei);
}

const struct client_verb client_scenario_verbs[] = {
    {"scenario", "[--seed N] [--trace] FILE...", "tell stories about a simulated site",
     run_scenario},
    {0},
};
