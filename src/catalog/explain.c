#include "catalog/explain.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/internal.h"

#define TEXT_MAX 80

/* What stands in front of a number in scripts' output and event logs. */
static const struct {
    const char *word;
    bool event;
} prefixes[] = {{"event id", true},  {"event", true}, {"error code", false},
                {"error", false},    {"code", false}, {"hresult", false},
                {"ntstatus", false}, {"hr", false},   {"rc", false}};

struct question {
    char text[TEXT_MAX]; /* without blanks around it and without prefix */
    bool events, errors; /* which are asked for */
};

static bool has_prefix(const char *text, const char *word)
{
    for (; *word != '\0'; text++, word++)
        if (tolower((unsigned char)*text) != *word)
            return false;
    return *text == ':' || *text == '=' || *text == ' ' || *text == '#';
}

static const char *skip(const char *text)
{
    return text + strspn(text, " \t:=#\"'(");
}

static bool ask(const char *text, struct question *q)
{
    size_t len;

    q->events = q->errors = true;
    text = skip(text);
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (!has_prefix(text, prefixes[i].word))
            continue;
        q->events = prefixes[i].event;
        q->errors = !prefixes[i].event;
        text = skip(text + strlen(prefixes[i].word));
        break;
    }
    len = strlen(text);
    while (len > 0 && strchr(" \t\r\n.,;\"')", text[len - 1]) != NULL)
        len--;
    if (len == 0 || len >= sizeof(q->text))
        return false;
    memcpy(q->text, text, len);
    q->text[len] = '\0';
    return true;
}

/* ---- numbers ---- */

/* 32 bits, or 64 of which the upper half only repeats the sign. */
static bool narrow(uint64_t wide, uint32_t *out)
{
    *out = (uint32_t)wide;
    return wide <= UINT32_MAX || wide == (UINT64_C(0xFFFFFFFF00000000) | *out);
}

static bool parse_hex(const char *text, uint32_t *out)
{
    bool marked = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = marked ? text + 2 : text;
    size_t n = strspn(digits, "0123456789abcdefABCDEF");
    const char *rest = digits + n;

    if (n == 0 || n > 16 || (!marked && n != 8) || strspn(rest, "uUlL") != strlen(rest))
        return false;
    return narrow(strtoull(digits, NULL, 16), out);
}

static bool parse_decimal(const char *text, uint32_t *out)
{
    bool negative = text[0] == '-';
    size_t n = strspn(text + negative, "0123456789");
    uint64_t value;

    if (n == 0 || n > 10 || text[negative + n] != '\0')
        return false;
    value = strtoull(text + negative, NULL, 10);
    if (negative && (value == 0 || value > UINT64_C(0x80000000)))
        return false;
    return narrow(negative ? (uint64_t)0 - value : value, out);
}

/* ---- what it means ---- */

struct found {
    struct cat_meaning *out;
    size_t count, max;
};

static void add_error(struct found *f, const struct cat_error *e)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->out[i].error == e)
            return;
    if (e != NULL && f->count < f->max)
        f->out[f->count++] = (struct cat_meaning){.error = e};
}

static void add_code(struct found *f, const struct catalog *c, uint32_t code)
{
    add_error(f, catalog_error(c, code));
    if (code & 0x10000000u)
        add_error(f, catalog_error(c, code & ~0x10000000u)); /* HRESULT_FROM_NT */
    if (code <= 0xFFFF)
        add_error(f, catalog_error(c, 0x80070000u | code)); /* HRESULT_FROM_WIN32 */
}

/* Four digits, one of them a letter: how people speak of 0xC004F074. */
static void add_short(struct found *f, const struct catalog *c, const char *text)
{
    uint32_t low;

    if (strlen(text) != 4 || strspn(text, "0123456789abcdefABCDEF") != 4 ||
        strspn(text, "0123456789") == 4)
        return;
    low = (uint32_t)strtoul(text, NULL, 16);
    for (size_t i = 0; i < c->errors.count; i++) {
        const struct cat_error *e = VEC_AT(c->errors, struct cat_error, i);

        if ((e->code & 0xFFFFu) == low)
            add_error(f, e);
    }
}

static void add_name(struct found *f, const struct catalog *c, const char *text)
{
    for (size_t i = 0; i < c->errors.count; i++) {
        const struct cat_error *e = VEC_AT(c->errors, struct cat_error, i);

        if (*e->name != '\0' && name_equal(e->name, text))
            add_error(f, e);
    }
}

size_t catalog_explain(const struct catalog *c, const char *text,
                       struct cat_meaning out[CAT_MEANINGS_MAX])
{
    struct found f = {.out = out, .max = CAT_MEANINGS_MAX};
    struct question q;
    uint32_t decimal, hex;
    const struct cat_event *event = NULL;

    if (!ask(text, &q))
        return 0;
    if (parse_decimal(q.text, &decimal)) {
        if (q.events)
            event = q.text[0] != '-' ? catalog_event(c, decimal) : NULL;
        if (event != NULL)
            f.out[f.count++] = (struct cat_meaning){.event = event};
        if (q.errors)
            add_code(&f, c, decimal);
    }
    if (!q.errors)
        return f.count;
    if (parse_hex(q.text, &hex))
        add_code(&f, c, hex);
    add_short(&f, c, q.text);
    add_name(&f, c, q.text);
    return f.count;
}

/* ---- what is like it ---- */

struct ranked {
    struct cat_meaning meaning;
    size_t distance;
    uint32_t gap; /* between the numbers: decides among equals */
};

struct ranking {
    struct ranked best[CAT_NEAREST_MAX];
    size_t count;
};

static void rank(struct ranking *r, struct cat_meaning m, size_t distance, uint32_t gap)
{
    size_t at = r->count;

    while (at > 0 && (r->best[at - 1].distance > distance ||
                      (r->best[at - 1].distance == distance && r->best[at - 1].gap > gap)))
        at--;
    if (at == CAT_NEAREST_MAX)
        return;
    if (r->count < CAT_NEAREST_MAX)
        r->count++;
    for (size_t i = r->count - 1; i > at; i--)
        r->best[i] = r->best[i - 1];
    r->best[at] = (struct ranked){m, distance, gap};
}

/* How far apart two codes are, whatever their severity. */
static uint32_t code_gap(uint32_t a, uint32_t b)
{
    a &= 0x3FFFFFFF;
    b &= 0x3FFFFFFF;
    return a > b ? a - b : b - a;
}

/* A name that holds the text as a part is as near as one wrong letter. */
static bool holds(const char *name, const char *text)
{
    return strlen(text) >= 4 && strcasestr(name, text) != NULL;
}

static size_t error_distance(const struct cat_error *e, const char *text, bool marked)
{
    char number[16];
    size_t best, d;

    snprintf(number, sizeof(number), "%08X", e->code);
    best = name_distance(number, text);
    snprintf(number, sizeof(number), "%" PRId32, (int32_t)e->code);
    d = marked ? best : name_distance(number, text);
    best = d < best ? d : best;
    if (*e->name == '\0')
        return best;
    d = holds(e->name, text) ? 1 : name_distance(e->name, text);
    return d < best ? d : best;
}

size_t catalog_explain_nearest(const struct catalog *c, const char *text,
                               struct cat_meaning out[CAT_NEAREST_MAX])
{
    struct ranking r = {.count = 0};
    struct question q;
    bool marked, hex;
    uint32_t code = 0;
    size_t limit;

    if (!ask(text, &q))
        return 0;
    hex = parse_hex(q.text, &code);
    marked = q.text[0] == '0' && (q.text[1] == 'x' || q.text[1] == 'X');
    text = marked ? q.text + 2 : q.text;
    limit = strlen(text) / 3;
    for (size_t i = 0; q.errors && i < c->errors.count; i++) {
        const struct cat_error *e = VEC_AT(c->errors, struct cat_error, i);
        size_t d = error_distance(e, text, marked);

        if (d <= limit)
            rank(&r, (struct cat_meaning){.error = e}, d, hex ? code_gap(e->code, code) : 0);
    }
    for (size_t i = 0; q.events && !marked && i < c->events.count; i++) {
        const struct cat_event *e = VEC_AT(c->events, struct cat_event, i);
        char number[16];
        size_t d;

        snprintf(number, sizeof(number), "%" PRIu32, e->id);
        d = name_distance(number, text);
        if (d <= limit)
            rank(&r, (struct cat_meaning){.event = e}, d, 0);
    }
    for (size_t i = 0; i < r.count; i++)
        out[i] = r.best[i].meaning;
    return r.count;
}
