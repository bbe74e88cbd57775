/* expect: what a story claims, held against what is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adba/object.h"
#include "base/clk.h"
#include "scenario/story.h"

enum kind { TEXT, NUMBER, CODE, DURATION };

/* What is. */
struct actual {
    enum kind kind;
    char text[300];
    int64_t number; /* NUMBER, CODE; DURATION in seconds, LIC_NEVER */
};

struct claim {
    const char *attribute, *value;
    bool office;
};

/* ---- values ---- */

static void show(const struct actual *a, char *out, size_t size)
{
    char text[CLK_TEXT_MAX];

    switch (a->kind) {
    case TEXT:
        snprintf(out, size, "%s", a->text[0] != '\0' ? a->text : "none");
        break;
    case NUMBER:
        snprintf(out, size, "%lld", (long long)a->number);
        break;
    case CODE:
        snprintf(out, size, a->number == 0 ? "OK" : "0x%08X", (uint32_t)a->number);
        break;
    case DURATION:
        snprintf(out, size, "%s",
                 a->number == LIC_NEVER ? "never" : clk_format_duration(a->number, text));
        break;
    }
}

static enum err same_code(const struct actual *a, const char *value, bool *same, struct errinfo *ei)
{
    char *end;
    unsigned long v = strtoul(value, &end, 16);

    if (strcasecmp(value, "OK") == 0)
        v = 0;
    else if (strncasecmp(value, "0x", 2) != 0 || *end != '\0')
        return err_fail(ei, ERR_MALFORMED, "\"%s\" is neither OK nor a code such as 0xC004F038",
                        value);
    *same = (uint32_t)a->number == v;
    return ERR_OK;
}

static enum err compare(const struct actual *a, const char *value, bool *same, struct errinfo *ei)
{
    int64_t seconds;
    uint32_t number;
    enum err e = ERR_OK;

    switch (a->kind) {
    case TEXT:
        *same = strcasecmp(a->text, strcasecmp(value, "none") == 0 ? "" : value) == 0 ||
                strcasecmp(a->text, value) == 0;
        break;
    case NUMBER:
        e = line_number(value, UINT32_MAX, &number, ei);
        *same = e == ERR_OK && a->number == number;
        break;
    case CODE:
        e = same_code(a, value, same, ei);
        break;
    case DURATION:
        seconds = LIC_NEVER;
        if (strcasecmp(value, "never") != 0)
            e = line_duration(value, &seconds, ei);
        *same = e == ERR_OK && a->number == seconds;
        break;
    }
    return e;
}

/* ---- machines ---- */

static struct actual text_of(const char *text)
{
    struct actual a = {.kind = TEXT};

    snprintf(a.text, sizeof(a.text), "%s", text);
    return a;
}

static struct actual number_of(enum kind kind, int64_t v)
{
    return (struct actual){.kind = kind, .number = v};
}

static struct actual until(const struct site_station *st, int64_t when)
{
    return number_of(DURATION, when == LIC_NEVER ? when : when - station_time(st));
}

/* How often the machine logged the event. */
static int64_t events(struct site_station *st, const char *id)
{
    char mark[48];
    const char *p = buf_str(&st->m.events);
    int64_t n = 0;

    snprintf(mark, sizeof(mark), "\"id\":%.20s,", id);
    while (p != NULL && (p = strstr(p, mark)) != NULL) {
        p++;
        n++;
    }
    return n;
}

/* The first code among the questions of the last attempt, counted from which. */
static struct actual try_code(const struct machine_product *p, size_t which)
{
    return number_of(CODE, which < p->last.tries ? p->last.try[which].hresult : 0);
}

enum attribute {
    A_STATUS,
    A_CHANNEL,
    A_RESULT,
    A_REASON,
    A_COUNT,
    A_HOST,
    A_CACHED,
    A_OBJECT,
    A_LEFT,
    A_NEXT,
    A_RETRY,
    A_RENEWAL,
    A_QUESTIONS,
    A_FIRST,
    A_SECOND,
    A_KEY,
    A_REARMS,
    A_SPENT,
    A_COUNT_OF
};

static const char *const names[A_COUNT_OF] = {
    [A_STATUS] = "status",       [A_CHANNEL] = "channel",
    [A_RESULT] = "result",       [A_REASON] = "reason",
    [A_COUNT] = "count",         [A_HOST] = "host",
    [A_CACHED] = "cached",       [A_OBJECT] = "object",
    [A_LEFT] = "left",           [A_NEXT] = "next",
    [A_RETRY] = "activation",    [A_RENEWAL] = "renewal",
    [A_QUESTIONS] = "questions", [A_FIRST] = "first",
    [A_SECOND] = "second",       [A_KEY] = "key",
    [A_REARMS] = "rearms",       [A_SPENT] = "spent",
};

static struct actual of_product(const struct site_station *st, const struct machine_product *p,
                                enum attribute which)
{
    const struct lic *l = &p->lic;

    switch (which) {
    case A_STATUS:
        return text_of(lic_status_name((enum lic_status)l->status));
    case A_CHANNEL:
        return text_of(lic_channel_name((enum lic_channel)l->channel));
    case A_RESULT:
        return number_of(CODE, l->last);
    case A_REASON:
        return number_of(CODE, l->reason);
    case A_COUNT:
        return number_of(NUMBER, p->count);
    case A_HOST:
        return text_of(p->served.name);
    case A_CACHED:
        return text_of(p->cached.name);
    case A_OBJECT:
        return text_of(p->object.name);
    case A_LEFT:
        return until(st, l->expires);
    case A_NEXT:
        return until(st, l->next);
    case A_RETRY:
        return number_of(DURATION, l->activation * CLK_MINUTE);
    case A_RENEWAL:
        return number_of(DURATION, l->renewal * CLK_MINUTE);
    case A_QUESTIONS:
        return number_of(NUMBER, (int64_t)p->last.tries);
    case A_KEY:
        return text_of(l->phase == LIC_NO_KEY ? "" : lic_key_name((enum lic_key)l->key));
    case A_SPENT:
        return number_of(NUMBER, p->spent);
    case A_REARMS:
        return number_of(NUMBER, machine_rearms_left(&st->m, p));
    case A_FIRST:
        return try_code(p, 0);
    default:
        return try_code(p, 1);
    }
}

/* ---- claims ---- */

static enum err judge(struct story *s, const char *who, const struct claim *c,
                      const struct actual *a, struct errinfo *ei)
{
    bool same = false;
    char is[320], when[32];
    enum err e = compare(a, c->value, &same, ei);

    if (same && a->kind == CODE)
        story_code(s, (uint32_t)a->number);
    if (e != ERR_OK || same)
        return e;
    show(a, is, sizeof(is));
    return err_fail(ei, ERR_CONFLICT, "%s: expected %s %s %s, but it is %s", trace_when(s, when),
                    who, c->attribute, c->value, is);
}

static enum err unknown(const struct claim *c, struct errinfo *ei)
{
    return err_fail(ei, ERR_MALFORMED,
                    "\"%s\" can't be expected here; \"adbaclient scenario --help\" lists what can",
                    c->attribute);
}

static enum err claim_event(struct story *s, struct site_station *st, const struct claim *c,
                            struct errinfo *ei)
{
    char text[64];

    if (events(st, c->value) > 0)
        return ERR_OK;
    return err_fail(ei, ERR_CONFLICT, "%s: expected event %s in the log of %s, but it is not there",
                    trace_when(s, text), c->value, st->m.name);
}

static enum err claim_machine(struct story *s, struct site_station *st, void *arg,
                              struct errinfo *ei)
{
    const struct claim *c = arg;
    struct machine_product *p;
    struct actual a;
    size_t which = 0;
    enum err e = target_installed(st, c->office, &p, ei);

    if (e != ERR_OK)
        return e;
    if (strcmp(c->attribute, "event") == 0) {
        e = claim_event(s, st, c, ei);
    } else {
        while (which < A_COUNT_OF && strcmp(names[which], c->attribute) != 0)
            which++;
        if (which == A_COUNT_OF)
            return unknown(c, ei);
        a = of_product(st, p, (enum attribute)which);
        e = judge(s, st->m.name, c, &a, ei);
    }
    if (e == ERR_CONFLICT)
        trace_explain(s, st, p, &s->result->failure);
    return e;
}

static enum err claim_host(struct story *s, const struct kmshost *h, const struct claim *c,
                           struct errinfo *ei)
{
    bool office = strcmp(c->attribute, "office-count") == 0;
    struct actual a;

    if (!office && strcmp(c->attribute, "count") != 0)
        return unknown(c, ei);
    a = number_of(NUMBER, kms_host_count(h->host, office ? &cat_app_office : &cat_app_windows,
                                         s->site->now + h->offset));
    return judge(s, h->name, c, &a, ei);
}

static enum err count_object(void *arg, const struct ao *o, enum err parse,
                             const struct errinfo *why, struct errinfo *ei)
{
    int64_t *n = arg;

    (void)o;
    (void)parse;
    (void)why;
    (void)ei;
    (*n)++;
    return ERR_OK;
}

static enum err claim_forest(struct story *s, struct site_forest *f, const struct claim *c,
                             struct errinfo *ei)
{
    struct actual a = {.kind = NUMBER};

    if (strcmp(c->attribute, "objects") != 0)
        return unknown(c, ei);
    if (ao_each(f->dir, count_object, &a.number, ei) != ERR_OK)
        a.number = 0; /* no container */
    return judge(s, f->name, c, &a, ei);
}

/* "expect answer 0xC004C008", "expect answer read-only", "expect answer OK". */
static enum err claim_answer(struct story *s, struct errinfo *ei)
{
    const struct claim c = {.attribute = "answer", .value = s->word[2]};
    struct actual a = number_of(CODE, s->answer.hresult);

    if (s->answer.code != ERR_OK && s->answer.hresult == 0)
        a = text_of(err_name(s->answer.code));
    s->answer_line = 0;
    if (s->answer.code != ERR_OK)
        buf_add_fmt(&s->result->failure, "  the answer was: %s\n", s->answer.text);
    return judge(s, "the", &c, &a, ei);
}

/* "expect mak1 left 3": the clearing house's account of a key for machines. */
static enum err claim_key(struct story *s, const struct house_mak *k, const struct claim *c,
                          struct errinfo *ei)
{
    const struct clearing_pool *pool = &k->pool;
    struct actual a = {.kind = NUMBER};

    if (strcmp(c->attribute, "left") == 0)
        a.number = pool->size > pool->used ? pool->size - pool->used : 0;
    else if (strcmp(c->attribute, "used") == 0)
        a.number = pool->used;
    else if (strcmp(c->attribute, "machines") == 0)
        a.number = (int64_t)k->machines;
    else
        return unknown(c, ei);
    return judge(s, s->word[1], c, &a, ei);
}

/* How many hosts, or machines by mistake, a group's host key was activated on. */
static enum err claim_group(struct story *s, const struct cat_group *g, const struct claim *c,
                            struct errinfo *ei)
{
    struct house_key *k;
    struct actual a = {.kind = NUMBER};
    enum err e = house_key(&s->site->house, g, &k, ei);

    if (e == ERR_OK && strcmp(c->attribute, "hosts") != 0)
        return unknown(c, ei);
    if (e != ERR_OK)
        return e;
    a.number = (int64_t)k->hosts;
    return judge(s, g->name, c, &a, ei);
}

static enum err do_expect(struct story *s, struct errinfo *ei)
{
    struct claim c;
    const struct cat_group *g = catalog_group(s->conf->catalog, s->word[1]);
    struct house_mak *key = target_key(s, s->word[1]);
    struct kmshost *h;
    struct site_forest *f;
    enum err e;

    if (s->n == 3 && strcmp(s->word[1], "answer") == 0) {
        e = claim_answer(s, ei);
        if (e == ERR_OK)
            buf_clear(&s->result->failure);
        return e;
    }
    if (s->n != 4)
        return err_fail(ei, ERR_MALFORMED, "this statement is written \"%s\"",
                        expect_verbs[0].is.usage);
    c = (struct claim){
        .attribute = s->word[2], .value = s->word[3], .office = target_office(s->word[1])};
    h = site_host(s->site, s->word[1]);
    f = site_forest(s->site, s->word[1]);
    if (h != NULL)
        return claim_host(s, h, &c, ei);
    if (f != NULL)
        return claim_forest(s, f, &c, ei);
    if (key != NULL)
        return claim_key(s, key, &c, ei);
    if (g != NULL)
        return claim_group(s, g, &c, ei);
    return target_machines(s, s->word[1], claim_machine, &c, ei);
}

const struct story_verb expect_verbs[] = {
    {{"expect NAME ATTRIBUTE VALUE", "that is so, or the story fails"}, 2, 3, do_expect},
    {{"expect answer OK|CODE|WORD",
      "what the last install, activate, key, ask, object or delete came to; a refusal that is not "
      "expected fails the story"},
     2,
     2,
     do_expect},
    {{0}, 0, 0, NULL},
};

const struct scenario_statement expect_help[] = {
    {"machine status STATE",
     "Unlicensed, Licensed, OOBGrace, OOTGrace, NonGenuineGrace, Notification, ExtendedGrace"},
    {"machine channel AD|KMS|online|phone|OEM|AVMA|none", "who gave the present licence"},
    {"machine key GVLK|CSVLK|MAK|retail|OEM|AVMA|evaluation|none", "what kind of key it has"},
    {"machine rearms N", "how often it can still be rearmed"},
    {"machine result OK|CODE", "of the last attempt"},
    {"machine reason OK|CODE", "why it is not Licensed"},
    {"machine first | second OK|CODE", "what the first and second question of it came to"},
    {"machine questions N", "how many there were"},
    {"machine count N", "what the KMS host told"},
    {"machine host | cached NAME|none", "the host that served it; the one it remembers"},
    {"machine object NAME", "the activation object that licensed it"},
    {"machine left | next DURATION|never", "to the end of the state; to the next attempt"},
    {"machine activation | renewal DURATION", "its intervals"},
    {"machine event ID", "is in its log"},
    {"machine spent N", "activations that the clearing house granted it"},
    {"host count | office-count N", "machines that it remembers"},
    {"forest objects N", "activation objects that are seen"},
    {"KEY left | used | machines N", "an issued key's activations, and on how many machines"},
    {"GROUP hosts N", "on how many hosts and machines its host key was activated"},
    {0},
};
