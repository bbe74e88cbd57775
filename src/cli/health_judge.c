#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "cli/ask.h"
#include "cli/health.h"

static bool is(const json_t *j, const char *member, const char *value)
{
    return strcmp(ask_text(j, member), value) == 0;
}

const char *health_state_name(enum health_state s)
{
    static const char *const names[] = {"ok", "warning", "critical", "unknown"};

    return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "unknown";
}

static int rank(enum health_state s)
{
    static const int ranks[] = {
        [HEALTH_OK] = 0, [HEALTH_WARNING] = 1, [HEALTH_UNKNOWN] = 2, [HEALTH_CRITICAL] = 3};

    return ranks[s];
}

void health_add(struct health *h, const char *name, enum health_state s, const char *fmt, ...)
{
    struct health_check *c;
    va_list ap;

    if (h->n == HEALTH_CHECKS_MAX) { /* as many activation objects, domains or upstreams */
        c = &h->checks[h->n - 1];
        if (rank(s) > rank(c->state))
            c->state = s;
        snprintf(c->text, sizeof(c->text), "and more than are told here");
        return;
    }
    c = &h->checks[h->n++];
    c->name = name;
    c->state = s;
    va_start(ap, fmt);
    vsnprintf(c->text, sizeof(c->text), fmt, ap);
    va_end(ap);
}

/* ---- the checks ---- */

static void judge_listening(struct health *h, const json_t *kms)
{
    const json_t *connections = json_object_get(kms, "connections");

    if (ask_text(kms, "listening")[0] == '\0')
        health_add(h, "listening", HEALTH_CRITICAL, "on no address");
    else if (json_is_false(json_object_get(connections, "accepting")))
        health_add(h, "listening", HEALTH_WARNING,
                   "accepting no connections at the moment (%lld open): file descriptors or "
                   "[kms] max_connections are used up",
                   ask_number(connections, "open"));
    else
        health_add(h, "listening", HEALTH_OK, "on %s, %lld connections", ask_text(kms, "listening"),
                   ask_number(connections, "open"));
}

static void judge_ledger(struct health *h, const json_t *kms)
{
    const json_t *l = json_object_get(kms, "ledger");

    if (is(l, "state", "up"))
        health_add(h, "ledger", HEALTH_OK, "up");
    else
        health_add(h, "ledger", HEALTH_CRITICAL, "down, so nothing is answered: %s",
                   ask_text(l, "why"));
}

static void judge_keys(struct health *h, const json_t *kms)
{
    bool relays_all = json_is_true(json_object_get(kms, "relays_all"));
    const json_t *keys = json_object_get(kms, "host_keys");
    size_t i, n = json_array_size(keys), active = 0;
    const char *waiting = "";
    json_t *k;

    json_array_foreach((json_t *)(uintptr_t)keys, i, k)
    {
        if (json_is_true(json_object_get(k, "activated")))
            active++;
        else
            waiting = ask_text(k, "group");
    }
    if (is(kms, "mode", "refuse") || relays_all)
        health_add(h, "host keys", HEALTH_OK, "%zu; this host %s", n,
                   relays_all ? "relays everything" : "refuses everybody, as configured");
    else if (n == 0)
        health_add(h, "host keys", HEALTH_CRITICAL,
                   "none is installed, so every request is refused (0xC004F042); \"adbactl hostkey "
                   "install\" installs one");
    else if (active < n)
        health_add(h, "host keys", active == 0 ? HEALTH_CRITICAL : HEALTH_WARNING,
                   "%zu of %zu not activated (\"%s\"); run \"adbactl hostkey activate\"",
                   n - active, n, waiting);
    else
        health_add(h, "host keys", HEALTH_OK, "%zu, activated", n);
}

/* A host remembers twice the highest threshold that it was asked for. */
long long health_threshold(const json_t *application)
{
    long long room = ask_number(application, "capacity"), enough = 0, highest = 0;
    const char *kind;
    json_t *value;

    json_object_foreach(json_object_get(application, "thresholds"), kind, value)
    {
        long long n = (long long)json_integer_value(value);

        if (2 * n >= room && (enough == 0 || n < enough))
            enough = n;
        if (n > highest)
            highest = n;
    }
    return enough > 0 ? enough : highest;
}

static void judge_counts(struct health *h, const json_t *kms)
{
    size_t i;
    json_t *a;

    json_array_foreach((json_t *)(uintptr_t)json_object_get(kms, "applications"), i, a)
    {
        long long count = ask_number(a, "count"), room = ask_number(a, "capacity");
        long long needed = health_threshold(a);

        if (room > 0)
            health_add(h, "count", count < needed ? HEALTH_WARNING : HEALTH_OK,
                       "%s: %lld, needed are %lld", ask_text(a, "application"), count, needed);
    }
}

/* False: another realm's, or a genuine one. */
static bool judge_object(struct health *h, const json_t *o, int64_t days)
{
    bool good = is(o, "verdict", "good"), expired = is(o, "verdict", "expired");
    long long left = ask_number(o, "days_left");

    if (is(o, "verdict", "foreign"))
        return false;
    if (!good)
        health_add(h, "activation object", expired ? HEALTH_CRITICAL : HEALTH_WARNING,
                   "\"%s\" is %s; \"adbactl ao verify\" tells why", ask_text(o, "name"),
                   ask_text(o, "verdict"));
    else
        health_add(h, "activation object", left < days ? HEALTH_WARNING : HEALTH_OK,
                   "\"%s\" has %lld days left%s", ask_text(o, "name"), left,
                   left < days ? "; \"adbactl ao steward\" renews it" : "");
    return true;
}

/* Whoever has a host key can have an object; a gateway that asks the directory for accounts or DNS
 * alone has none. */
static void judge_objects(struct health *h, const json_t *kms, const struct health_wants *wants)
{
    const json_t *d = json_object_get(kms, "directory");
    bool wanted = !wants->kms_only && json_array_size(json_object_get(kms, "host_keys")) > 0;
    size_t i, ours = 0;
    json_t *o;

    json_array_foreach(json_object_get(d, "objects"), i, o)
    {
        ours += judge_object(h, o, wants->days);
    }
    if (ours == 0 && wanted && is(d, "state", "up"))
        health_add(h, "activation object", HEALTH_WARNING,
                   "the directory has none of this realm, or none that our account may read; "
                   "\"adbactl ao create\" makes one, \"adbactl ao steward\" all that are wanted");
}

static void judge_directory(struct health *h, const json_t *kms, const struct health_wants *wants)
{
    const json_t *d = json_object_get(kms, "directory");
    const char *why = json_string_value(json_object_get(d, "why"));

    if (!json_is_object(d))
        return;
    if (is(d, "state", "unknown"))
        health_add(h, "directory", HEALTH_OK, "not looked at yet");
    else if (!is(d, "state", "up") || why != NULL)
        health_add(h, "directory", HEALTH_WARNING, "%s: %s", ask_text(d, "state"),
                   why != NULL ? why : "no reason is known");
    else
        health_add(h, "directory", HEALTH_OK, "up");
    judge_objects(h, kms, wants);
}

static void judge_registry(struct health *h, const json_t *m, int64_t max_stale)
{
    const char *why = json_string_value(json_object_get(m, "why"));
    long long age = ask_number(m, "age");
    char text[CLK_TEXT_MAX];

    if (!json_is_object(m))
        return;
    if (is(m, "state", "never"))
        health_add(h, "registry", why != NULL ? HEALTH_WARNING : HEALTH_OK,
                   "the directory's computers were never read%s%s", why != NULL ? ": " : "",
                   why != NULL ? why : " yet");
    else if (is(m, "state", "stale") || (max_stale > 0 && age > max_stale))
        health_add(h, "registry", HEALTH_WARNING, "read %s ago%s%s", clk_format_duration(age, text),
                   why != NULL ? ": " : "", why != NULL ? why : "");
    else
        health_add(h, "registry", HEALTH_OK, "read %s ago", clk_format_duration(age, text));
}

static void judge_relay(struct health *h, const json_t *r)
{
    size_t i, usable = 0, n;
    const json_t *all = json_object_get(r, "upstreams");
    json_t *u;

    if (!json_is_true(json_object_get(r, "configured")))
        return;
    n = json_array_size(all);
    json_array_foreach((json_t *)(uintptr_t)all, i, u)
    {
        if (is(u, "state", "up") || is(u, "state", "unknown"))
            usable++;
        else
            health_add(h, "relay", HEALTH_WARNING, "%s is %s: %s", ask_text(u, "upstream"),
                       ask_text(u, "state"), ask_text(u, "why"));
    }
    if (usable == 0)
        health_add(h, "relay", HEALTH_CRITICAL, "none of %zu upstreams takes calls", n);
    else
        health_add(h, "relay", HEALTH_OK, "%zu of %zu upstreams take calls", usable, n);
}

static void judge_dns(struct health *h, const json_t *kms)
{
    const json_t *dns = json_object_get(kms, "dns");
    const char *why = json_string_value(json_object_get(dns, "why"));
    size_t i;
    json_t *d;

    if (!json_is_true(json_object_get(dns, "publishing")))
        return;
    if (why != NULL)
        health_add(h, "dns", HEALTH_WARNING, "%s", why);
    else if (ask_number(dns, "round") == 0)
        health_add(h, "dns", HEALTH_OK, "not published yet: the first round goes on");
    json_array_foreach(json_object_get(dns, "domains"), i, d)
    {
        const char *failure = json_string_value(json_object_get(d, "why"));

        if (failure == NULL && is(d, "state", "published"))
            health_add(h, "dns", HEALTH_OK, "published in %s", ask_text(d, "domain"));
        else if (json_is_true(json_object_get(d, "configured")))
            health_add(h, "dns", HEALTH_WARNING, "%s: %s", ask_text(d, "domain"),
                       failure != NULL ? failure : "the record is not there");
    }
}

static void judge_confinement(struct health *h, const json_t *kms)
{
    const json_t *c = json_object_get(kms, "confinement");
    const char *why = json_string_value(json_object_get(c, "why"));

    if (why != NULL)
        health_add(h, "confinement", HEALTH_WARNING, "adbad keeps rights that it does not need: %s",
                   why);
    else if (c != NULL)
        health_add(h, "confinement", HEALTH_OK, "by Landlock (version %lld) and a filter",
                   ask_number(c, "landlock"));
}

void health_judge(const json_t *kms, const json_t *membership, const json_t *relay,
                  const struct health_wants *wants, struct health *out)
{
    health_add(out, "daemon", HEALTH_OK, "adbad %s, process %lld", ask_text(kms, "version"),
               ask_number(kms, "pid"));
    judge_listening(out, kms);
    judge_ledger(out, kms);
    judge_keys(out, kms);
    if (wants->count)
        judge_counts(out, kms);
    judge_directory(out, kms, wants);
    judge_registry(out, membership, wants->max_stale);
    judge_relay(out, relay);
    judge_dns(out, kms);
    judge_confinement(out, kms);
}

/* ---- telling ---- */

enum health_state health_worst(const struct health *h)
{
    enum health_state worst = HEALTH_OK;

    for (size_t i = 0; i < h->n; i++) {
        if (rank(h->checks[i].state) > rank(worst))
            worst = h->checks[i].state;
    }
    return worst;
}

/* One line, whatever the texts hold: monitoring cuts at its end. */
static void append(char *text, size_t size, size_t *n, const char *before,
                   const struct health_check *c)
{
    int more = snprintf(text + *n, size - *n, "%s%s: %s", before, c->name, c->text);

    if (more > 0)
        *n += (size_t)more < size - *n ? (size_t)more : size - *n - 1;
}

const char *health_line(const struct health *h, char *text, size_t size)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    enum health_state worst = health_worst(h);
    size_t n = (size_t)snprintf(text, size, "%s", words[worst]);
    const char *before = ": ";

    for (int r = rank(worst); r >= (worst == HEALTH_OK ? 0 : 1); r--) {
        for (size_t i = 0; i < h->n; i++) {
            if (rank(h->checks[i].state) != r)
                continue;
            append(text, size, &n, before, &h->checks[i]);
            before = "; ";
        }
    }
    for (char *p = text; *p != '\0'; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p;
    return text;
}
