#include "scenario/story.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static const struct story_verb *const tables[] = {declare_verbs, act_verbs, machine_verbs,
                                                  expect_verbs};

/* ---- help ---- */

#define STATEMENTS_MAX 48

const struct scenario_statement *scenario_statements(void)
{
    static struct scenario_statement all[STATEMENTS_MAX];
    size_t n = 0;

    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        for (const struct story_verb *v = tables[t]; v->is.usage != NULL; v++)
            all[n++] = v->is;
    }
    all[n] = (struct scenario_statement){0};
    return all;
}

const struct scenario_statement *scenario_settings(void)
{
    return set_help;
}

const struct scenario_statement *scenario_expectations(void)
{
    return expect_help;
}

/* ---- codes ---- */

void story_code(struct story *s, uint32_t code)
{
    struct scenario_result *r = s->result;
    size_t at = 0;
    uint32_t *grown;

    while (at < r->codes && r->code_met[at] < code)
        at++;
    if (code == 0 || (at < r->codes && r->code_met[at] == code))
        return;
    grown = realloc(r->code_met, (r->codes + 1) * sizeof(*grown));
    if (grown == NULL)
        return; /* the list is a by-product */
    memmove(grown + at + 1, grown + at, (r->codes - at) * sizeof(*grown));
    grown[at] = code;
    r->code_met = grown;
    r->codes++;
}

static bool own_mistake(enum err e, const struct errinfo *ei)
{
    return ei->hresult == 0 && e != ERR_READONLY && e != ERR_REFUSED && e != ERR_FOREIGN;
}

enum err story_answer(struct story *s, enum err e, struct errinfo *ei)
{
    if (e != ERR_OK && own_mistake(e, ei))
        return e;
    s->answer = (struct errinfo){0};
    if (e == ERR_OK)
        return ERR_OK;
    s->answer = *ei;
    s->answer_line = s->line;
    story_code(s, ei->hresult);
    return ERR_OK;
}

/* ---- running ---- */

static const struct story_verb *find_verb(const char *name)
{
    for (size_t t = 0; t < COUNT_OF(tables); t++) {
        for (const struct story_verb *v = tables[t]; v->is.usage != NULL; v++) {
            size_t len = strcspn(v->is.usage, " ");

            if (strlen(name) == len && memcmp(v->is.usage, name, len) == 0)
                return v;
        }
    }
    return NULL;
}

/* A refusal that the story does not expect ends it. */
static enum err unseen(struct story *s, struct errinfo *ei)
{
    if (s->answer_line == 0)
        return ERR_OK;
    s->line = s->answer_line;
    return err_fail(ei, ERR_CONFLICT, "this was refused (0x%08X), and nobody expected it: %s",
                    s->answer.hresult, s->answer.text);
}

static enum err run_line(struct story *s, char *line, struct errinfo *ei)
{
    const struct story_verb *v;
    enum err e = line_split(line, s->word, &s->n, ei);

    if (e != ERR_OK || s->n == 0)
        return e;
    v = find_verb(s->word[0]);
    if (v == NULL)
        return err_fail(ei, ERR_MALFORMED,
                        "\"%.40s\" is no statement; \"adbaclient scenario --help\" lists them",
                        s->word[0]);
    if (s->n - 1 < v->min || s->n - 1 > v->max)
        return err_fail(ei, ERR_MALFORMED, "this statement is written \"%s\"", v->is.usage);
    if (strcmp(s->word[0], "expect") != 0) {
        e = unseen(s, ei);
        if (e != ERR_OK)
            return e;
    }
    return v->run(s, ei);
}

static enum err run_lines(struct story *s, char *text, struct errinfo *ei)
{
    enum err e = ERR_OK;

    for (char *p = text, *next; e == ERR_OK && p != NULL; p = next) {
        next = strchr(p, '\n');
        if (next != NULL)
            *next++ = '\0';
        s->line++;
        e = run_line(s, p, ei);
    }
    return e == ERR_OK ? unseen(s, ei) : e;
}

static void finish(struct story *s, enum err e, const struct errinfo *ei)
{
    struct scenario_result *r = s->result;
    struct buf told = r->failure;

    r->code = e;
    if (s->site != NULL) {
        r->lasted = s->site->now - s->site->start;
        r->attempts = s->site->attempts;
    }
    if (e == ERR_OK)
        return;
    r->line = s->line;
    r->failure = (struct buf)BUF_INIT;
    buf_add_fmt(&r->failure, "%s:%u: %s\n", s->file, s->line, ei->text);
    buf_add(&r->failure, told.data, told.len); /* what explains it */
    buf_fini(&told);
}

void scenario_run(const struct scenario_conf *conf, const char *file, const char *text,
                  struct scenario_result *out)
{
    struct story s = {.conf = conf, .file = file, .result = out};
    struct errinfo ei = {0};
    char *copy = strdup(text);
    enum err e;

    memset(out, 0, sizeof(*out));
    e = copy == NULL ? err_nomem(&ei)
                     : site_open(conf->catalog, conf->seed, SCENARIO_START, &s.site, &ei);
    if (e == ERR_OK) {
        s.site->watch = trace_attempt;
        s.site->watch_arg = &s;
        e = run_lines(&s, copy, &ei);
    }
    finish(&s, e, &ei);
    site_close(s.site);
    free(copy);
}

void scenario_result_fini(struct scenario_result *r)
{
    buf_fini(&r->failure);
    free(r->code_met);
    memset(r, 0, sizeof(*r));
}
