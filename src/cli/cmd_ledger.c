/* adbactl ledger: whether the ledger is whole, its rows for other programs, and its room. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/docs.h"
#include "base/owner.h"
#include "cli/ledger.h"
#include "settings/settings.h"
#include "store/backup.h"
#include "store/check.h"
#include "store/compact.h"

/* ---- check ---- */

static bool all_good(const struct store_report *r)
{
    for (unsigned i = 0; i < STORE_CHECKS; i++) {
        if (!r->items[i].good)
            return false;
    }
    return true;
}

static json_t *report_json(const char *path, const struct store_report *r)
{
    json_t *checks = json_array();

    for (unsigned i = 0; i < STORE_CHECKS; i++)
        json_array_append_new(checks,
                              json_pack("{s:s, s:b, s:s}", "check", store_check_name(i), "good",
                                        r->items[i].good, "text", r->items[i].text));
    return json_pack("{s:s, s:b, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "ledger", path,
                     "good", all_good(r), "version", r->version, "bytes", (json_int_t)r->file,
                     "log_bytes", (json_int_t)r->log, "unused_bytes", (json_int_t)r->unused,
                     "activations", (json_int_t)r->activations, "refusals", (json_int_t)r->refusals,
                     "oldest", (json_int_t)r->oldest, "newest", (json_int_t)r->newest, "checks",
                     checks);
}

static void print_report(const char *path, const struct store_report *r)
{
    static const char *const headers[] = {"CHECK", "RESULT", "FOUND", NULL};
    struct facts *f = facts_new();
    struct table *t = table_new(headers);
    char from[CLK_TEXT_MAX], to[CLK_TEXT_MAX];

    facts_add(f, "Ledger", "%s (version %d)", path, r->version);
    facts_add(f, "Size", "%.1f MiB, of that unused %.1f MiB; log %.1f MiB",
              (double)r->file / 1048576, (double)r->unused / 1048576, (double)r->log / 1048576);
    if (r->activations > 0)
        facts_add(f, "Activations", "%" PRIu64 ", %s to %s", r->activations,
                  clk_format(r->oldest, from), clk_format(r->newest, to));
    else
        facts_add(f, "Activations", "none");
    facts_add(f, "Refusals", "%" PRIu64 " rows", r->refusals);
    facts_print(f);
    putchar('\n');
    for (unsigned i = 0; i < STORE_CHECKS; i++) {
        table_cell(t, "%s", store_check_name(i));
        table_cell(t, "%s", r->items[i].good ? "good" : "BAD");
        table_cell(t, "%s", r->items[i].text);
    }
    table_print(t);
}

/* SQLite opens its files once, before it has read the first page. */
enum err ledger_open(const struct settings *s, struct store **out, struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = owner_begin_beside(s->ledger, &was, ei);

    if (e != ERR_OK)
        return e;
    e = store_open_readonly(s->ledger, out, ei);
    owner_end(&was);
    return cli_denied(e, ei);
}

/* The configured one, for reading. */
static enum err open_ledger(struct cli *cli, const struct settings **s, struct store **out,
                            struct errinfo *ei)
{
    enum err e = cli_settings(cli, s, ei);

    return e == ERR_OK ? ledger_open(*s, out, ei) : e;
}

static int run_check(struct cli *cli, int argc, char **argv)
{
    const struct settings *s;
    struct store_report report;
    struct store *store = NULL;
    struct errinfo ei = {0};
    int code = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (code >= 0)
        return code;
    e = open_ledger(cli, &s, &store, &ei);
    if (e == ERR_OK)
        e = store_check(store, &report, &ei);
    store_close(store);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json)
        cli_json(report_json(s->ledger, &report));
    else
        print_report(s->ledger, &report);
    return all_good(&report) ? EXIT_OK : EXIT_INVALID;
}

/* ---- compact ---- */

/* With its log, which a program that was killed leaves behind. */
static int64_t size_of(const char *path)
{
    char log[4096];
    struct stat st;
    int64_t bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;

    snprintf(log, sizeof(log), "%s-wal", path);
    return bytes + (stat(log, &st) == 0 ? (int64_t)st.st_size : 0);
}

/* On a terminal, once a second. */
static void show_progress(void *arg)
{
    time_t *began = arg, now = time(NULL);
    static time_t shown;

    if (now == shown || !isatty(STDERR_FILENO))
        return;
    shown = now;
    fprintf(stderr, "\rcompacting, %lld s … ", (long long)(now - *began));
    fflush(stderr);
}

static enum err compact_as_owner(const char *path, struct errinfo *ei)
{
    struct store *store = NULL;
    time_t began = time(NULL);
    enum err e = store_open_readonly(path, &store, ei); /* one that is not there is not begun */

    store_close(store);
    store = NULL;
    if (e == ERR_OK)
        e = store_open(path, &store, ei);
    if (e == ERR_OK)
        e = store_compact(store, show_progress, &began, ei);
    store_close(store);
    if (isatty(STDERR_FILENO))
        fputs("\r", stderr);
    return e;
}

/* It makes and replaces files in a folder where the service's user may have put links. */
static enum err compact(const char *path, struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = owner_begin_beside(path, &was, ei);

    if (e != ERR_OK)
        return e;
    e = compact_as_owner(path, ei);
    owner_end(&was);
    return cli_denied(e, ei);
}

static int run_compact(struct cli *cli, int argc, char **argv)
{
    const struct settings *s;
    struct errinfo ei = {0};
    int code = cli_begin(cli, NULL, &argc, argv, 0, 0);
    int64_t before = 0, after;
    enum err e;

    if (code >= 0)
        return code;
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK) {
        before = size_of(s->ledger);
        e = compact(s->ledger, &ei);
    }
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    after = size_of(s->ledger);
    if (cli->json)
        cli_json(json_pack("{s:s, s:I, s:I}", "ledger", s->ledger, "bytes_before",
                           (json_int_t)before, "bytes_after", (json_int_t)after));
    else
        printf("%s: %.1f MiB, was %.1f MiB\n", s->ledger, (double)after / 1048576,
               (double)before / 1048576);
    return EXIT_OK;
}

/* ---- backup ---- */

static int run_backup(struct cli *cli, int argc, char **argv)
{
    const struct settings *s;
    struct store *store = NULL;
    struct errinfo ei = {0};
    int code = cli_begin(cli, NULL, &argc, argv, 1, 1);
    enum err e;

    if (code >= 0)
        return code;
    e = open_ledger(cli, &s, &store, &ei);
    if (e == ERR_OK)
        e = store_backup(store, argv[0], &ei);
    store_close(store);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json)
        cli_json(json_pack("{s:s, s:s, s:I}", "ledger", s->ledger, "backup", argv[0], "bytes",
                           (json_int_t)size_of(argv[0])));
    else
        printf("%s: %.1f MiB, whole\n", argv[0], (double)size_of(argv[0]) / 1048576);
    return EXIT_OK;
}

const struct cli_command cmd_ledger[] = {
    {.noun = "ledger",
     .verb = "check",
     .usage = "",
     .run = run_check,
     .summary = "whether the ledger is whole and agrees with itself",
     .help =
         "Reads all of it, beside a running adbad or without one. Ends with 0 if everything is\n"
         "good, with 7 if something is not.\n"
         "Example: adbactl ledger check --json"},
    {.noun = "ledger",
     .verb = "compact",
     .usage = "",
     .run = run_compact,
     .summary = "give back the room of rows that left",
     .help = "Writes the ledger anew; adbad must be stopped meanwhile. Only worth its time after\n"
             "[store] keep was made shorter: room of removed rows is used again by new ones.\n"
             "It takes up to twice the ledger's size on its file system while it lasts."},
    {.noun = "ledger",
     .verb = "backup",
     .usage = "FILE",
     .run = run_backup,
     .summary = "a copy of the ledger, beside a running adbad or without one",
     .help =
         "FILE must not exist; it appears when it is whole and checked. It has every activation\n"
         "that was answered before the command began. What else to keep, and how to "
         "restore:\n" DOCS_DIR "/backup.md\n"
         "Example: adbactl ledger backup /srv/backup/ledger-$(date +%F).db"},
    {.noun = "ledger",
     .verb = "export",
     .usage = "",
     .run = ledger_run_export,
     .summary = "answered requests, or refusals, as JSON lines or CSV",
     .help = "Oldest first, one object a line, in constant memory, beside a running adbad or\n"
             "without one. The fields are explained in " DOCS_DIR "/ledger.md.\n"
             "Example: adbactl ledger export --since 2026-11-01 --application office --csv"},
    {0},
};
