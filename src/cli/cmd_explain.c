/* adbactl explain: error codes, events and the words of the log in sentences. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "catalog/explain.h"
#include "cli/cli.h"
#include "cli/overlay.h"
#include "cli/paragraph.h"
#include "cli/words.h"

static json_t *error_json(const struct cat_error *e)
{
    char code[16];

    snprintf(code, sizeof(code), "0x%08X", e->code);
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "kind", "error", "code", code,
                     "signed", (json_int_t)(int32_t)e->code, "name", e->name, "meaning", e->meaning,
                     "remedy", e->advice, "published", e->remedy, "source", e->source);
}

static json_t *event_json(const struct cat_event *e)
{
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "event", "event",
                     (json_int_t)e->id, "log", e->log, "where", e->where, "name", e->meaning,
                     "meaning", e->explanation, "remedy", e->advice, "fields", e->fields, "source",
                     e->reference);
}

static json_t *meaning_json(const struct cat_meaning *m)
{
    return m->error != NULL ? error_json(m->error) : event_json(m->event);
}

static json_t *word_json(const struct word *w)
{
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", w->kind, "word", w->name, "told_of",
                  w->told, "meaning", w->meaning, "remedy", w->remedy, "source", w->source);
    char code[16];

    snprintf(code, sizeof(code), "0x%08X", w->code);
    if (w->code != 0)
        json_object_set_new(j, "code", json_string(code));
    return j;
}

static json_t *list_json(const struct cat_meaning *m, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, meaning_json(&m[i]));
    return list;
}

/* What a text means: codes and events, and words. */
struct found {
    struct cat_meaning meanings[CAT_MEANINGS_MAX];
    struct word words[WORDS_SAME_MAX];
    size_t n, word_count;
};

static bool find(const struct catalog *cat, const char *text, struct found *f)
{
    f->n = catalog_explain(cat, text, f->meanings);
    f->word_count = words_find(text, f->words);
    return f->n + f->word_count > 0;
}

static json_t *found_json(const struct found *f)
{
    json_t *list = list_json(f->meanings, f->n);

    for (size_t i = 0; i < f->word_count; i++)
        json_array_append_new(list, word_json(&f->words[i]));
    return list;
}

/* ---- one ---- */

static void print_error(const struct cat_error *e)
{
    printf("0x%08X  %s\n", e->code, *e->name != '\0' ? e->name : "(no published name)");
    printf("  decimal  %" PRId32 ", unsigned %" PRIu32 "\n", (int32_t)e->code, e->code);
    paragraph("  meaning  ", e->meaning);
    paragraph("  remedy   ", catalog_remedy(e));
    paragraph("  source   ", e->source);
}

static void print_event(const struct cat_event *e)
{
    printf("event %" PRIu32 "  %s\n", e->id, e->meaning);
    printf("  log      %s (%s)\n", e->log, e->where);
    paragraph("  meaning  ", e->explanation);
    paragraph("  remedy   ", e->advice);
    paragraph("  fields   ", e->fields);
    paragraph("  source   ", e->reference);
}

static void print_meaning(const struct cat_meaning *m)
{
    if (m->error != NULL)
        print_error(m->error);
    else
        print_event(m->event);
}

static void print_word(const struct word *w)
{
    printf("%s  (told of %s)\n", w->name, w->told);
    paragraph("  meaning  ", w->meaning);
    paragraph("  remedy   ", w->remedy);
    if (w->code != 0)
        printf("  code     0x%08X is what the client gets\n", w->code);
    paragraph("  source   ", w->source);
}

static void print_found(const struct found *f)
{
    for (size_t i = 0; i < f->n + f->word_count; i++) {
        if (i > 0)
            putchar('\n');
        if (i < f->n)
            print_meaning(&f->meanings[i]);
        else
            print_word(&f->words[i - f->n]);
    }
}

static void add_nearest(struct buf *b, const struct cat_meaning *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_str(b, i == 0 ? "; nearest: " : ", ");
        if (m[i].event != NULL)
            buf_add_fmt(b, "event %" PRIu32, m[i].event->id);
        else if (*m[i].error->name != '\0')
            buf_add_fmt(b, "0x%08X %s", m[i].error->code, m[i].error->name);
        else
            buf_add_fmt(b, "0x%08X", m[i].error->code);
    }
}

static int unknown(struct cli *cli, const struct catalog *cat, const char *text)
{
    struct cat_meaning near[CAT_NEAREST_MAX];
    size_t n = catalog_explain_nearest(cat, text, near);
    struct buf b = BUF_INIT;
    struct errinfo ei;
    enum err e;

    add_nearest(&b, near, n);
    e = err_fail(&ei, ERR_NOTFOUND, "no code, event or word is known as \"%s\"%s (explain --list)",
                 text, buf_str(&b) != NULL ? buf_str(&b) : "");
    buf_fini(&b);
    if (!cli->json)
        return cli_fail(cli, e, &ei);
    cli_json(json_pack("{s:s, s:s, s:o}", "error", err_name(e), "text", ei.text, "nearest",
                       list_json(near, n)));
    fprintf(stderr, "adbactl: %s\n", ei.text);
    return err_exit_code(e);
}

static int explain(struct cli *cli, const struct catalog *cat, const char *text)
{
    struct found f;

    if (!find(cat, text, &f))
        return unknown(cli, cat, text);
    if (cli->json)
        cli_json(json_pack("{s:o}", "matches", found_json(&f)));
    else
        print_found(&f);
    return EXIT_OK;
}

/* ---- from standard input ---- */

static void answer(const struct cli *cli, const struct catalog *cat, const char *text,
                   json_t *answers, bool *all_known)
{
    struct cat_meaning near[CAT_NEAREST_MAX];
    struct found f;
    struct buf b = BUF_INIT;
    bool known = find(cat, text, &f);
    size_t nearest = known ? 0 : catalog_explain_nearest(cat, text, near);

    *all_known = *all_known && known;
    if (cli->json) {
        json_array_append_new(answers,
                              json_pack("{s:s, s:o, s:o}", "text", text, "matches", found_json(&f),
                                        "nearest", list_json(near, nearest)));
        return;
    }
    if (known) {
        print_found(&f);
        putchar('\n');
    } else {
        add_nearest(&b, near, nearest);
        printf("%s  not known%s\n\n", text, buf_str(&b) != NULL ? buf_str(&b) : "");
    }
    buf_fini(&b);
}

static int explain_lines(const struct cli *cli, const struct catalog *cat)
{
    json_t *answers = cli->json ? json_array() : NULL;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    bool all_known = true;

    while ((len = getline(&line, &cap, stdin)) >= 0) {
        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (line[strspn(line, " \t\r")] != '\0')
            answer(cli, cat, line, answers, &all_known);
    }
    free(line);
    if (cli->json)
        cli_json(json_pack("{s:o}", "answers", answers));
    return all_known ? EXIT_OK : EXIT_NOTFOUND;
}

/* ---- all ---- */

static void add_word_row(void *arg, const struct word *w)
{
    struct table *t = arg;

    table_cell(t, "%s", w->name);
    table_cell(t, "%s", w->told);
    table_cell(t, "%s", w->meaning);
}

static void add_word_json(void *arg, const struct word *w)
{
    json_array_append_new(arg, word_json(w));
}

static void list_tables(const struct cat_error *errors, size_t n, const struct cat_event *events,
                        size_t m)
{
    struct table *t = table_new((const char *const[]){"CODE", "NAME", "MEANING", NULL});

    for (size_t i = 0; i < n; i++) {
        table_cell(t, "0x%08X", errors[i].code);
        table_cell(t, "%s", errors[i].name);
        table_cell(t, "%s", errors[i].meaning);
    }
    table_print(t);
    putchar('\n');
    t = table_new((const char *const[]){">EVENT", "WHERE", "MEANING", NULL});
    for (size_t i = 0; i < m; i++) {
        table_cell(t, "%" PRIu32, events[i].id);
        table_cell(t, "%s", events[i].where);
        table_cell(t, "%s", events[i].meaning);
    }
    table_print(t);
    putchar('\n');
    t = table_new((const char *const[]){"WORD", "TOLD OF", "MEANING", NULL});
    words_each(add_word_row, t);
    table_print(t);
}

static void list(const struct cli *cli, const struct catalog *cat)
{
    const struct cat_error *errors;
    const struct cat_event *events;
    size_t n = catalog_errors(cat, &errors), m = catalog_events(cat, &events);
    json_t *codes, *ids, *words;

    if (!cli->json) {
        list_tables(errors, n, events, m);
        return;
    }
    codes = json_array();
    ids = json_array();
    words = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(codes, error_json(&errors[i]));
    for (size_t i = 0; i < m; i++)
        json_array_append_new(ids, event_json(&events[i]));
    words_each(add_word_json, words);
    cli_json(json_pack("{s:o, s:o, s:o}", "errors", codes, "events", ids, "words", words));
}

/* "event 12288" may come as two arguments. */
static void join(int argc, char **argv, struct buf *out)
{
    for (int i = 0; i < argc; i++)
        buf_add_fmt(out, "%s%s", i == 0 ? "" : " ", argv[i]);
}

static int run(struct cli *cli, int argc, char **argv)
{
    bool all = false;
    const struct opt opts[] = {OPT_FLAG_ROW("list", &all, "every code, event and word"), {0}};
    int status = cli_begin(cli, opts, &argc, argv, 0, 4);
    struct catalog *cat = NULL;
    struct errinfo ei = {0};
    struct buf text = BUF_INIT;
    enum err e = ERR_OK;

    if (status >= 0)
        return status;
    join(argc, argv, &text);
    if (all == (argc > 0))
        e = err_fail(&ei, ERR_USAGE, "usage: adbactl explain CODE|EVENT|WORD|-, or explain --list");
    else if (buf_str(&text) == NULL)
        e = err_nomem(&ei);
    if (e == ERR_OK)
        e = cli_catalog(cli, NULL, &cat, &ei);
    status = e != ERR_OK ? cli_fail(cli, e, &ei) : EXIT_OK;
    if (e == ERR_OK && all)
        list(cli, cat);
    else if (e == ERR_OK && strcmp(buf_str(&text), "-") == 0)
        status = explain_lines(cli, cat);
    else if (e == ERR_OK)
        status = explain(cli, cat, buf_str(&text));
    catalog_free(cat);
    buf_fini(&text);
    return status;
}

const struct cli_command cmd_explain[] = {
    {.noun = "explain",
     .verb = "",
     .usage = "CODE|EVENT|WORD|-",
     .run = run,
     .summary = "say what an error code, an event or a word of the log means and what to do",
     .help =
         "A code as it is shown anywhere: 0xC004F074, C004F074, -1073418124, F074,\n"
         "SL_E_VL_BINDING_SERVICE_UNAVAILABLE, hr=0x8007139F, the Win32 code 1722; or an event's\n"
         "number; or a word by which adbad's log, counters and status tell why (clock-skew,\n"
         "source-limit, relay-down, other-name).\n"
         "\"-\" reads them from standard input, one to a line. Exit code 4 if nothing is\n"
         "known by that name; the nearest are shown then.\n\n"
         "  adbactl explain 0xC004F038\n"
         "  adbactl explain event 12288\n"
         "  adbactl explain clock-skew"},
    {0},
};
