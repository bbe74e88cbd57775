#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/utf8.h"
#include "cli/ask.h"
#include "cli/health.h"
#include "cli/top.h"

#define BAR      20 /* columns of a threshold's bar */
#define CUT_MARK 3  /* bytes of "…" */

struct frame {
    const struct top_look *now, *before;
    unsigned width, height, used;
    top_line_fn *line;
    void *arg;
};

void top_look_fini(struct top_look *l)
{
    json_decref(l->kms);
    json_decref(l->membership);
    json_decref(l->relay);
    json_decref(l->events);
    memset(l, 0, sizeof(*l));
}

/* Bytes of the first n characters, or of as many as there are. */
static size_t bytes_of(const char *text, unsigned n)
{
    const char *p = text;

    for (; *p != '\0'; p++) {
        if (((unsigned char)*p & 0xc0) != 0x80 && n-- == 0)
            break;
    }
    return (size_t)(p - text);
}

static unsigned characters(const char *text)
{
    unsigned n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Leaves width characters, the last of them "…" if there were more. text has room for that. */
static void cut(char *text, unsigned width)
{
    if (characters(text) > width)
        memcpy(text + bytes_of(text, width - 1), "…", CUT_MARK + 1);
}

static void PRINTF_LIKE(3, 4) put(struct frame *f, enum top_style style, const char *fmt, ...)
{
    char raw[TOP_LINE_MAX], text[TOP_LINE_MAX + CUT_MARK];
    va_list ap;

    if (f->used == f->height)
        return;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    utf8_copy(text, TOP_LINE_MAX, raw);
    text_without_controls(text);
    cut(text, f->width);
    f->line(f->arg, style, text);
    f->used++;
}

/* ---- rates ---- */

#define RATE_MAX 24

/* How fast a number rose between two looks: "4.0/s"; "-" where that can't be said, as after a
 * restart of the daemon. */
static const char *rate(const struct frame *f, long long now, long long before, bool known,
                        char text[RATE_MAX])
{
    int64_t ms = f->before == NULL ? 0 : f->now->at - f->before->at;

    if (ms <= 0 || !known || now < before)
        snprintf(text, RATE_MAX, "-");
    else
        snprintf(text, RATE_MAX, "%.1f/s", (double)(now - before) * 1000 / (double)ms);
    return text;
}

static const char *rate_of(const struct frame *f, const json_t *now, const json_t *before,
                           const char *member, char text[RATE_MAX])
{
    return rate(f, ask_number(now, member), ask_number(before, member), json_is_object(before),
                text);
}

static const json_t *part(const json_t *all, const char *member)
{
    return json_object_get(all, member);
}

static const json_t *kms_before(const struct frame *f)
{
    return f->before == NULL ? NULL : f->before->kms;
}

/* ---- the lines ---- */

static void put_head(struct frame *f)
{
    const json_t *k = f->now->kms, *clock = part(k, "clock");
    bool lab = json_is_true(part(clock, "lab"));
    char ahead[CLK_TEXT_MAX];

    put(f, TOP_BOLD, "adbad %s  realm %s  process %lld  %s%s%s%s", ask_text(k, "version"),
        ask_text(k, "realm"), ask_number(k, "pid"), ask_text(clock, "time"), lab ? " (lab, " : "",
        lab ? clk_format_duration(ask_number(clock, "ahead"), ahead) : "", lab ? " ahead)" : "");
}

static void put_connections(struct frame *f)
{
    const json_t *c = part(f->now->kms, "connections"), *b = part(kms_before(f), "connections");
    bool stuck = json_is_false(part(c, "accepting"));
    char accepted[RATE_MAX], calls[RATE_MAX];

    put(f, TOP_PLAIN, "Listening    %s%s", ask_text(f->now->kms, "listening"),
        json_is_true(part(f->now->kms, "relays_all"))          ? "  (relays everything)"
        : strcmp(ask_text(f->now->kms, "mode"), "refuse") == 0 ? "  (mode refuse)"
                                                               : "");
    put(f, stuck ? TOP_BAD : TOP_PLAIN,
        "Connections  %lld open, %lld accepted (%s), %lld calls (%s)%s", ask_number(c, "open"),
        ask_number(c, "accepted"), rate_of(f, c, b, "accepted", accepted), ask_number(c, "calls"),
        rate_of(f, c, b, "calls", calls), stuck ? "  NOT ACCEPTING" : "");
}

/* Reasons that occurred since the daemon's start. */
static void put_reasons(struct frame *f)
{
    json_t *refused = json_object_get(f->now->kms, "refused");
    const json_t *before = part(kms_before(f), "refused");
    char text[TOP_LINE_MAX] = "", r[RATE_MAX];
    const char *reason;
    json_t *n;

    json_object_foreach(refused, reason, n)
    {
        size_t len = strlen(text);

        if (json_integer_value(n) > 0)
            snprintf(text + len, sizeof(text) - len, "%s%s %lld (%s)", len > 0 ? ", " : "", reason,
                     (long long)json_integer_value(n), rate_of(f, refused, before, reason, r));
    }
    put(f, TOP_PLAIN, "  refused    %s", text[0] != '\0' ? text : "none since start");
}

static void put_requests(struct frame *f)
{
    const json_t *t = part(f->now->kms, "totals"), *b = part(kms_before(f), "totals");
    char answered[RATE_MAX], failed[RATE_MAX];

    if (json_is_object(t))
        put(f, TOP_PLAIN, "Requests     %lld answered (%s), %lld refused (%s)",
            ask_number(t, "answered"), rate_of(f, t, b, "answered", answered),
            ask_number(t, "failed"), rate_of(f, t, b, "failed", failed));
    else
        put(f, TOP_BAD, "Requests     unknown while the ledger is down");
    put_reasons(f);
}

/* In lab mode, and where a client ever told something. */
static void put_self_reports(struct frame *f)
{
    const json_t *r = part(f->now->kms, "self_reports"), *n;
    long long all = 0, taken = ask_number(r, "taken");
    const char *result;

    json_object_foreach((json_t *)(uintptr_t)r, result, n)
    {
        all += (long long)json_integer_value(n);
    }
    if (all > 0)
        put(f, TOP_PLAIN, "  reports    %lld self-reported through the directory, %lld refused",
            taken, all - taken);
}

static void put_count(struct frame *f, const json_t *application)
{
    long long count = ask_number(application, "count"), room = ask_number(application, "capacity");
    long long needed = health_threshold(application);
    long long full = count < needed ? count * BAR / needed : BAR;
    char bar[BAR + 1];

    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)full);
    bar[BAR] = '\0';
    put(f, TOP_PLAIN, "Count        %-8s %3lld of %2lld  [%s]%s",
        ask_text(application, "application"), count, needed, bar,
        room == 0         ? "  nobody asked yet"
        : count >= needed ? "  reached"
                          : "");
}

/* Of the commits between two looks; of all since the daemon's start where there were none. */
static const char *commit_time(const json_t *l, const json_t *before, char text[RATE_MAX])
{
    long long n = ask_number(l, "commits") - ask_number(before, "commits");
    long long us = ask_number(l, "commit_us") - ask_number(before, "commit_us");

    if (n <= 0 || us < 0) {
        n = ask_number(l, "commits");
        us = ask_number(l, "commit_us");
    }
    if (n == 0)
        return "-";
    snprintf(text, RATE_MAX, "%.1f ms", (double)us / 1000 / (double)n);
    return text;
}

static void put_ledger(struct frame *f)
{
    const json_t *l = part(f->now->kms, "ledger"), *b = part(kms_before(f), "ledger");
    char commits[RATE_MAX], took[RATE_MAX];

    if (strcmp(ask_text(l, "state"), "up") != 0)
        put(f, TOP_BAD, "Ledger       DOWN: %s", ask_text(l, "why"));
    else
        put(f, ask_number(l, "failures") > 0 ? TOP_BAD : TOP_PLAIN,
            "Ledger       up, %lld commits (%s), %s each; %lld records, %lld failures",
            ask_number(l, "commits"), rate_of(f, l, b, "commits", commits), commit_time(l, b, took),
            ask_number(l, "recorded"), ask_number(l, "failures"));
}

/* The object that ends first, and how many are not good. */
static void put_objects(struct frame *f, const json_t *objects)
{
    long long least = INT64_MAX, bad = 0;
    const char *name = "";
    size_t i;
    json_t *o;

    json_array_foreach((json_t *)(uintptr_t)objects, i, o)
    {
        if (strcmp(ask_text(o, "verdict"), "good") != 0) {
            bad++;
        } else if (ask_number(o, "days_left") < least) {
            least = ask_number(o, "days_left");
            name = ask_text(o, "name");
        }
    }
    if (json_array_size(objects) == 0)
        put(f, TOP_PLAIN, "  objects    none");
    else if (least == INT64_MAX)
        put(f, TOP_BAD, "  objects    %lld, none good", bad);
    else
        put(f, bad > 0 ? TOP_BAD : TOP_PLAIN,
            "  objects    %zu, %lld not good; %lld days left (%s)", json_array_size(objects), bad,
            least, name);
}

static void put_directory(struct frame *f)
{
    const json_t *d = part(f->now->kms, "directory"), *m = f->now->membership;
    const char *why = json_string_value(part(d, "why"));
    char age[CLK_TEXT_MAX];

    if (!json_is_object(d)) {
        put(f, TOP_PLAIN, "Directory    none configured");
        return;
    }
    put(f, why != NULL ? TOP_BAD : TOP_PLAIN, "Directory    %s%s%s", ask_text(d, "state"),
        why != NULL ? ": " : ", forest ", why != NULL ? why : ask_text(d, "forest"));
    put_objects(f, part(d, "objects"));
    if (json_is_object(m) && json_is_integer(part(m, "age")))
        put(f, strcmp(ask_text(m, "state"), "good") == 0 ? TOP_PLAIN : TOP_BAD,
            "  registry   %s, %lld accounts, read %s ago", ask_text(m, "state"),
            ask_number(m, "accounts"), clk_format_duration(ask_number(m, "age"), age));
    else if (json_is_object(m))
        put(f, TOP_PLAIN, "  registry   %s", ask_text(m, "state"));
}

static void put_relay(struct frame *f)
{
    const json_t *r = f->now->relay, *b = f->before == NULL ? NULL : f->before->relay;
    size_t i, up = 0, n = json_array_size(part(r, "upstreams"));
    char answered[RATE_MAX];
    json_t *u;

    if (!json_is_true(part(r, "configured"))) {
        put(f, TOP_PLAIN, "Relay        none configured");
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)part(r, "upstreams"), i, u)
    {
        up += strcmp(ask_text(u, "state"), "up") == 0;
    }
    put(f, up < n ? TOP_BAD : TOP_PLAIN,
        "Relay        %zu of %zu upstreams up, %lld answered (%s), %lld waiting", up, n,
        ask_number(part(r, "since_start"), "relay-answered"),
        rate_of(f, part(r, "since_start"), part(b, "since_start"), "relay-answered", answered),
        ask_number(r, "waiting"));
}

/* Of "2026-11-22T10:00:00Z"; "-" for a time that has no such text. */
static const char *time_of_day(int64_t when, char text[CLK_TEXT_MAX])
{
    const char *t = strchr(clk_format(when, text), 'T');

    return t == NULL ? "-" : t + 1;
}

/* Appends a cell of so many characters, and a space. */
static void add_cell(char line[TOP_LINE_MAX], const char *text, unsigned width)
{
    char cell[TOP_LINE_MAX + CUT_MARK];
    size_t at = strlen(line);

    utf8_copy(cell, TOP_LINE_MAX, text);
    text_without_controls(cell);
    cut(cell, width);
    snprintf(line + at, TOP_LINE_MAX - at, "%s%*s ", cell, (int)(width - characters(cell)), "");
}

/* Of 80 columns 16 are left for the address: enough for IPv4. A wider terminal shows the product
 * whole, then the address of IPv6. */
static void put_decision(struct frame *f, const struct top_decision *d)
{
    unsigned product = f->width < 80 ? 26 : f->width > 99 ? 45 : f->width - 54;
    char when[CLK_TEXT_MAX], line[TOP_LINE_MAX] = "";

    if (d->text[0] == '\0') {
        add_cell(line, d->what, 10);
        add_cell(line, d->machine, 15);
        add_cell(line, d->of, product);
    }
    put(f, TOP_PLAIN, "%.8s  %s%s", time_of_day(d->when, when), line,
        d->text[0] == '\0' ? d->address : d->text);
}

static void put_decisions(struct frame *f, unsigned until)
{
    put(f, TOP_PLAIN, "%s", "");
    put(f, TOP_BOLD, "Last decisions");
    for (size_t i = 0; i < f->now->n && f->used < until; i++)
        put_decision(f, &f->now->decisions[i]);
    if (f->now->n == 0)
        put(f, TOP_PLAIN, "none yet");
}

void top_frame(const struct top_look *now, const struct top_look *before, unsigned width,
               unsigned height, top_line_fn *line, void *arg)
{
    struct frame f = {
        .now = now, .before = before, .width = width, .height = height, .line = line, .arg = arg};
    size_t i;
    json_t *a;

    if (now->kms == NULL) {
        put(&f, TOP_BOLD, "adbad");
        for (const char *rest = now->failure; *rest != '\0'; rest += bytes_of(rest, width))
            put(&f, TOP_BAD, "%.*s", (int)bytes_of(rest, width), rest);
        put_decisions(&f, height);
        return;
    }
    put_head(&f);
    put_connections(&f);
    put_requests(&f);
    put_self_reports(&f);
    json_array_foreach((json_t *)(uintptr_t)part(now->kms, "applications"), i, a)
    {
        put_count(&f, a);
    }
    put_ledger(&f);
    put_directory(&f);
    put_relay(&f);
    put_decisions(&f, height);
}
