/* What a run says to somebody who plans: sentences made from its figures. */
#include <inttypes.h>

#include "base/clk.h"
#include "base/plural.h"
#include "fleet/fleet.h"

#define EASY_HOUR      360000 /* 100 a second, far below what docs/performance.md measured */
#define TWO_HOSTS_FROM 50     /* clients: Microsoft's advice, as in adbactl plan */

const char *fleet_topic_name(enum fleet_topic topic)
{
    static const char *const names[FLEET_TOPICS] = {
        [FLEET_ASK_THRESHOLD] = "threshold",
        [FLEET_ASK_OUTAGE] = "outage",
        [FLEET_ASK_HOSTS] = "hosts",
    };

    return names[topic];
}

static const struct fleet_day *last_day(const struct fleet_report *r)
{
    return &r->day[r->conf.days - 1];
}

/* ---- threshold ---- */

struct threshold {
    const char *what;
    enum cat_family family;
    enum fleet_app app;
    uint32_t needed;
};

static bool has_family(const struct fleet_conf *conf, enum cat_family family)
{
    for (size_t i = 0; i < conf->mix_count; i++) {
        if (conf->mix[i].product->family == family)
            return true;
    }
    return false;
}

static void say_missed(const struct fleet_report *r, const struct threshold *t, struct buf *out)
{
    const struct fleet_reach *reach = &r->reach[t->app];

    buf_add_fmt(out,
                "%s need a count of %" PRIu32 ": never reached; the highest told was %" PRIu32
                ", so %" PRIu32 " more machine%s must ask one host within 30 days.",
                t->what, t->needed, reach->highest, t->needed - reach->highest,
                plural(t->needed - reach->highest));
    if (r->conf.hosts > 1 && reach->askers >= t->needed)
        buf_add_fmt(out,
                    " Each of the %" PRIu32 " hosts counts alone: %" PRIu32
                    " machines asked, enough for one host.",
                    r->conf.hosts, reach->askers);
    buf_add_str(out, " Members of a domain with an activation object need no count.\n");
}

static void say_threshold(const struct fleet_report *r, const struct threshold *t, struct buf *out)
{
    const struct fleet_reach *reach = &r->reach[t->app];
    uint32_t at = t->needed == 25 ? reach->at_25 : reach->at_5;
    char after[CLK_TEXT_MAX];

    if (!has_family(&r->conf, t->family))
        return;
    if (reach->askers == 0) {
        buf_add_fmt(out, "%s: no KMS host gave any of them a count.\n", t->what);
    } else if (at == FLEET_NEVER) {
        say_missed(r, t, out);
    } else {
        buf_add_fmt(out,
                    "%s need a count of %" PRIu32 ": first told after %s (day %" PRIu32
                    "); the highest was %" PRIu32 ", %" PRIu32 " machine%s asked in all.\n",
                    t->what, t->needed, clk_format_duration(at * CLK_MINUTE, after),
                    at / FLEET_DAY + 1, reach->highest, reach->askers, plural(reach->askers));
    }
}

/* Attempts that met too small a count, where that is not the whole story already. */
static void say_below(const struct fleet_report *r, struct buf *out)
{
    uint64_t times = 0;
    uint32_t last = 0;

    for (uint32_t d = 0; d < r->conf.days; d++) {
        times += r->day[d].failed[FLEET_BELOW];
        if (r->day[d].failed[FLEET_BELOW] > 0)
            last = d + 1;
    }
    if (times == 0)
        return;
    buf_add_fmt(out,
                "%" PRIu64 " attempt%s met too small a count (0xC004F038), the last on day %" PRIu32
                ".",
                times, plural(times), last);
    if (r->conf.hosts > 1)
        buf_add_str(out, " Each host counts alone and a client stays with the host that answered "
                         "it last: a host that was away for long may stay below for long.");
    buf_add_str(out, "\n");
}

static void say_thresholds(const struct fleet_report *r, struct buf *out)
{
    static const struct threshold rows[] = {
        {"Windows clients", CAT_CLIENT, FLEET_WINDOWS, 25},
        {"Windows servers", CAT_SERVER, FLEET_WINDOWS, 5},
        {"Office installations", CAT_OFFICE, FLEET_OFFICE_APP, 5},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        say_threshold(r, &rows[i], out);
    say_below(r, out);
}

/* ---- outage ---- */

static void say_outage(const struct fleet_report *r, size_t i, struct buf *out)
{
    static const char *const parts[FLEET_PARTS] = {
        [FLEET_DC] = "the domain controllers",
        [FLEET_OBJECT] = "the activation objects",
        [FLEET_KMS] = "the KMS hosts",
    };
    const struct fleet_outage *o = &r->conf.outage[i];
    uint32_t lapsed = r->outage_lapsed[i];
    char from[CLK_TEXT_MAX], lasted[CLK_TEXT_MAX];

    clk_format_duration(o->from * CLK_MINUTE, from);
    clk_format_duration((o->until - o->from) * CLK_MINUTE, lasted);
    buf_add_fmt(out, "While %s", parts[o->part]);
    if (o->part == FLEET_KMS && o->host != 0) {
        buf_clear(out);
        buf_add_fmt(out, "While KMS host %" PRIu32, o->host);
    }
    buf_add_fmt(out, " %s away for %s (after %s), ",
                o->part == FLEET_KMS && o->host != 0 ? "was" : "were", lasted, from);
    if (lapsed == 0)
        buf_add_str(out, "no licence ran out.\n");
    else
        buf_add_fmt(out, "%" PRIu32 " licence%s ran out.\n", lapsed, plural(lapsed));
}

/* Days after which at least n of those licensed by KMS have lapsed if no host answers any more. */
static uint32_t days_until(const struct fleet_report *r, uint32_t n)
{
    uint32_t seen = 0, days = 0;

    for (; days < LIC_VALIDITY / FLEET_DAY; days++) {
        seen += r->left[days];
        if (seen >= n)
            break;
    }
    return days;
}

static void say_outages(const struct fleet_report *r, struct buf *out)
{
    uint32_t n = last_day(r)->channel[LIC_BY_KMS];

    for (size_t i = 0; i < r->conf.outage_count; i++) {
        struct buf line = BUF_INIT;

        say_outage(r, i, &line);
        buf_add(out, line.data, line.len);
        buf_fini(&line);
    }
    if (n == 0) {
        buf_add_str(out, "At the end no client depends on a KMS host.\n");
        return;
    }
    buf_add_fmt(out,
                "If every KMS host went away at the end of the run, the first of %" PRIu32
                " client%s would lapse after %" PRIu32 " days, 1 %% after %" PRIu32
                ", half after %" PRIu32 ".\n",
                n, plural(n), days_until(r, 1), days_until(r, (n + 99) / 100),
                days_until(r, (n + 1) / 2));
}

/* ---- hosts ---- */

static void say_load(const struct fleet_report *r, struct buf *out)
{
    uint64_t total = 0;

    for (uint32_t d = 0; d < r->conf.days; d++)
        total += r->day[d].kms;
    if (total == 0) {
        buf_add_str(out, "No KMS host was asked.\n");
        return;
    }
    buf_add_fmt(out,
                "The fullest hour had %" PRIu32 " KMS requests (day %" PRIu32 ", from %02" PRIu32
                ":00), %" PRIu32 ".%02" PRIu32 " a second; the mean was %" PRIu64 " an hour.%s\n",
                r->peak, r->peak_hour / 24 + 1, r->peak_hour % 24, r->peak / 3600,
                r->peak % 3600 / 36, total / (r->conf.days * UINT64_C(24)),
                r->peak <= EASY_HOUR ? " One host answers that." : "");
}

static void say_spread(const struct fleet_report *r, struct buf *out)
{
    uint64_t by_host[FLEET_HOSTS_MAX] = {0}, total = 0;

    for (uint32_t d = 0; d < r->conf.days; d++) {
        for (uint32_t h = 0; h < r->conf.hosts; h++)
            by_host[h] += r->day[d].host[h].requests;
        total += r->day[d].kms;
    }
    if (r->conf.hosts < 2 || total == 0)
        return;
    buf_add_str(out, "Requests were spread over the hosts:");
    for (uint32_t h = 0; h < r->conf.hosts; h++)
        buf_add_fmt(out, "%s host %" PRIu32 " %" PRIu64 " %%", h == 0 ? "" : ",", h + 1,
                    (by_host[h] * 100 + total / 2) / total);
    buf_add_str(out, " (a client stays with the host that answered it last).\n");
}

static void say_hosts(const struct fleet_report *r, struct buf *out)
{
    uint32_t askers = r->reach[FLEET_WINDOWS].askers + r->reach[FLEET_OFFICE_APP].askers;

    say_load(r, out);
    say_spread(r, out);
    if (askers == 0)
        return;
    if (askers < TWO_HOSTS_FROM)
        buf_add_fmt(out,
                    "%" PRIu32 " machine%s asked: one host is enough; two hosts would share "
                    "them, and each counts alone.\n",
                    askers, plural(askers));
    else if (r->conf.hosts < 2)
        buf_add_fmt(out,
                    "%" PRIu32 " machines asked: from %d clients on two hosts are advised, "
                    "so that one can be away.\n",
                    askers, TWO_HOSTS_FROM);
    else
        buf_add_fmt(out,
                    "%" PRIu32 " machines asked: %" PRIu32 " hosts are enough; two are "
                    "advised from %d clients on.\n",
                    askers, r->conf.hosts, TWO_HOSTS_FROM);
}

void fleet_says(const struct fleet_report *r, enum fleet_topic topic, struct buf *out)
{
    static void (*const say[FLEET_TOPICS])(const struct fleet_report *, struct buf *) = {
        [FLEET_ASK_THRESHOLD] = say_thresholds,
        [FLEET_ASK_OUTAGE] = say_outages,
        [FLEET_ASK_HOSTS] = say_hosts,
    };

    say[topic](r, out);
}
