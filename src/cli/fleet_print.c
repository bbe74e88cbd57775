/* adbaclient fleet: a run as a table for people, and as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plural.h"
#include "cli/fleet.h"
#include "cli/paragraph.h"

#define ROWS_MAX 26

void fleet_code_text(enum fleet_code code, char text[16])
{
    snprintf(text, 16, "0x%08X", fleet_hresult[code]);
}

static uint64_t times_failed(const struct fleet_report *r, enum fleet_code code)
{
    uint64_t n = 0;

    for (uint32_t d = 0; d < r->conf.days; d++)
        n += r->day[d].failed[code];
    return n;
}

/* ---- table ---- */

/* What happened in the days of one row. */
struct span {
    uint64_t kms, ad, lapsed, failed[FLEET_CODES];
    uint32_t peak, on, days;
};

static struct span sum_up(const struct fleet_report *r, uint32_t from, uint32_t to)
{
    struct span s = {.days = to - from};

    for (; from < to; from++) {
        const struct fleet_day *d = &r->day[from];

        s.kms += d->kms;
        s.ad += d->ad;
        s.lapsed += d->lapsed;
        s.peak = d->kms_peak > s.peak ? d->kms_peak : s.peak;
        s.on = d->on > s.on ? d->on : s.on;
        for (size_t i = 0; i < FLEET_CODES; i++)
            s.failed[i] += d->failed[i];
    }
    return s;
}

/* "50 48" for two hosts, "50+7 48+5" where Office is counted too. */
static void cell_counts(struct table *t, const struct fleet_report *r, const struct fleet_day *d)
{
    struct buf b = BUF_INIT;

    for (uint32_t h = 0; h < r->conf.hosts; h++) {
        const uint32_t *n = d->host[h].count;

        buf_add_fmt(&b, "%s%" PRIu32, h == 0 ? "" : " ", n[FLEET_WINDOWS]);
        if (r->reach[FLEET_OFFICE_APP].askers > 0)
            buf_add_fmt(&b, "+%" PRIu32, n[FLEET_OFFICE_APP]);
    }
    if (b.len == 0)
        buf_add_str(&b, "-");
    table_cell(t, "%s", buf_str(&b));
    buf_fini(&b);
}

static void print_days(const struct fleet_report *r)
{
    static const char *const headers[] = {
        ">DAY",   ">MACHINES",     ">ON",      ">AD",    ">KMS",    ">OTHER",
        ">GRACE", ">NOTIFICATION", ">KMS/H",   ">PEAK",  ">AD/H",   "COUNT",
        ">BELOW", ">REFUSED",      ">NO HOST", ">NO AD", ">LAPSED", NULL};
    struct table *t = table_new(headers);
    uint32_t step = (r->conf.days + ROWS_MAX - 1) / ROWS_MAX;

    for (uint32_t from = 0; from < r->conf.days; from += step) {
        uint32_t to = from + step < r->conf.days ? from + step : r->conf.days;
        const struct fleet_day *d = &r->day[to - 1];
        struct span s = sum_up(r, from, to);

        table_cell(t, "%" PRIu32, to);
        table_cell(t, "%" PRIu32, d->machines);
        table_cell(t, "%" PRIu32, s.on);
        table_cell(t, "%" PRIu32, d->channel[LIC_BY_AD]);
        table_cell(t, "%" PRIu32, d->channel[LIC_BY_KMS]);
        table_cell(t, "%" PRIu32, fleet_licensed_other(d));
        table_cell(t, "%" PRIu32,
                   d->machines - fleet_licensed(d) - d->status[LIC_NOTIFICATION] -
                       d->status[LIC_UNLICENSED]);
        table_cell(t, "%" PRIu32, d->status[LIC_NOTIFICATION]);
        table_cell(t, "%" PRIu64, s.kms / (24 * s.days));
        table_cell(t, "%" PRIu32, s.peak);
        table_cell(t, "%" PRIu64, s.ad / (24 * s.days));
        cell_counts(t, r, d);
        table_cell(t, "%" PRIu64, s.failed[FLEET_BELOW]);
        table_cell(t, "%" PRIu64, s.failed[FLEET_NOT_SERVED]);
        table_cell(t, "%" PRIu64, s.failed[FLEET_UNREACHABLE]);
        table_cell(t, "%" PRIu64, s.failed[FLEET_DC_DOWN] + s.failed[FLEET_NO_OBJECT]);
        table_cell(t, "%" PRIu64, s.lapsed);
    }
    table_print(t);
}

static void print_codes(const struct client *c, const struct fleet_report *r)
{
    static const char *const headers[] = {">TIMES", "CODE", NULL};
    struct table *t = table_new(headers);
    bool any = false;

    for (size_t i = 0; i < FLEET_CODES; i++) {
        uint64_t n = times_failed(r, (enum fleet_code)i);
        char text[128];

        if (n == 0)
            continue;
        any = true;
        table_cell(t, "%" PRIu64, n);
        table_cell(t, "%s", client_code(c, fleet_hresult[i], text));
    }
    if (any) {
        printf("\nWhat attempts were told:\n");
        table_print(t);
    } else {
        table_free(t);
    }
}

/* Calls each with every sentence on a topic. */
static void each_line(const struct fleet_report *r, enum fleet_topic topic,
                      void (*each)(void *arg, const char *topic, const char *text), void *arg)
{
    struct buf b = BUF_INIT;
    char *text, *rest = NULL;

    fleet_says(r, topic, &b);
    if (buf_str(&b) == NULL)
        abort();
    for (text = strtok_r((char *)b.data, "\n", &rest); text != NULL;
         text = strtok_r(NULL, "\n", &rest))
        each(arg, fleet_topic_name(topic), text);
    buf_fini(&b);
}

static void print_line(void *arg, const char *topic, const char *text)
{
    char label[32];

    (void)arg;
    snprintf(label, sizeof(label), "  %-10s", topic);
    paragraph(label, text);
}

void fleet_print(const struct client *c, const struct fleet_report *r, enum fleet_topic topic)
{
    if (topic == FLEET_TOPICS) {
        printf("%" PRIu32 " client%s, %" PRIu32 " day%s, %" PRIu32 " KMS host%s, seed %" PRIu64
               "\n\n",
               r->conf.clients, plural(r->conf.clients), r->conf.days, plural(r->conf.days),
               r->conf.hosts, plural(r->conf.hosts), r->conf.seed);
        print_days(r);
        print_codes(c, r);
        printf("\nWhat this says:\n");
    }
    for (int i = 0; i < FLEET_TOPICS; i++) {
        if (topic == FLEET_TOPICS || topic == (enum fleet_topic)i)
            each_line(r, (enum fleet_topic)i, print_line, NULL);
    }
}

/* ---- JSON ---- */

static json_t *whole(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *json_status(const struct fleet_day *d)
{
    json_t *o = json_object();

    for (int i = 0; i < LIC_STATUS_COUNT; i++)
        json_object_set_new(o, lic_status_name((enum lic_status)i), whole(d->status[i]));
    return o;
}

static json_t *json_failed(const struct fleet_day *d)
{
    json_t *o = json_object();
    char text[16];

    for (size_t i = 0; i < FLEET_CODES; i++) {
        fleet_code_text((enum fleet_code)i, text);
        json_object_set_new(o, text, whole(d->failed[i]));
    }
    return o;
}

static json_t *json_hosts(const struct fleet_report *r, const struct fleet_day *d)
{
    json_t *a = json_array();

    for (uint32_t h = 0; h < r->conf.hosts; h++)
        json_array_append_new(a,
                              json_pack("{s:o, s:o, s:o}", "requests", whole(d->host[h].requests),
                                        "count_windows", whole(d->host[h].count[FLEET_WINDOWS]),
                                        "count_office", whole(d->host[h].count[FLEET_OFFICE_APP])));
    return a;
}

static json_t *json_day(const struct fleet_report *r, uint32_t index)
{
    const struct fleet_day *d = &r->day[index];
    json_t *licensed =
        json_pack("{s:o, s:o, s:o}", "ad", whole(d->channel[LIC_BY_AD]), "kms",
                  whole(d->channel[LIC_BY_KMS]), "other", whole(fleet_licensed_other(d)));
    json_t *requests = json_pack("{s:o, s:o, s:o, s:o, s:o}", "kms", whole(d->kms), "kms_peak_hour",
                                 whole(d->kms_peak), "ad", whole(d->ad), "ad_peak_hour",
                                 whole(d->ad_peak), "unanswered", whole(d->unanswered));

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "day", whole(index + 1),
                     "machines", whole(d->machines), "on", whole(d->on), "licensed", licensed,
                     "status", json_status(d), "requests", requests, "hosts", json_hosts(r, d),
                     "failed", json_failed(d), "lapsed", whole(d->lapsed));
}

static json_t *json_mix(const struct fleet_conf *conf)
{
    json_t *a = json_array();

    for (size_t i = 0; i < conf->mix_count; i++)
        json_array_append_new(
            a, json_pack("{s:s, s:s, s:o}", "product", conf->mix[i].product->product, "edition",
                         conf->mix[i].product->edition, "share", whole(conf->mix[i].share)));
    return a;
}

static json_t *json_outages(const struct fleet_report *r)
{
    static const char *const parts[FLEET_PARTS] = {"dc", "object", "kms"};
    json_t *a = json_array();

    for (size_t i = 0; i < r->conf.outage_count; i++) {
        const struct fleet_outage *o = &r->conf.outage[i];

        json_array_append_new(a, json_pack("{s:s, s:o, s:o, s:o, s:o}", "part", parts[o->part],
                                           "host", whole(o->host), "from_minute", whole(o->from),
                                           "until_minute", whole(o->until), "lapsed",
                                           whole(r->outage_lapsed[i])));
    }
    return a;
}

static json_t *json_minute(uint32_t at)
{
    return at == FLEET_NEVER ? json_null() : whole(at);
}

static json_t *json_reach(const struct fleet_reach *r)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "askers", whole(r->askers), "highest_count",
                     whole(r->highest), "minute_of_5", json_minute(r->at_5), "minute_of_25",
                     json_minute(r->at_25));
}

static void add_line(void *arg, const char *topic, const char *text)
{
    json_array_append_new(arg, json_pack("{s:s, s:s}", "topic", topic, "text", text));
}

void fleet_print_json(const struct client *c, const struct fleet_report *r, enum fleet_topic topic,
                      json_t *wire, json_t *reports)
{
    json_t *o = json_object(), *days = json_array(), *says = json_array();

    (void)c;
    for (int i = 0; i < FLEET_TOPICS; i++) {
        if (topic == FLEET_TOPICS || topic == (enum fleet_topic)i)
            each_line(r, (enum fleet_topic)i, add_line, says);
    }
    if (topic == FLEET_TOPICS) {
        json_object_set_new(o, "clients", whole(r->conf.clients));
        json_object_set_new(o, "days", whole(r->conf.days));
        json_object_set_new(o, "hosts", whole(r->conf.hosts));
        json_object_set_new(o, "domain_share_per_mille", whole(r->conf.domain_share));
        json_object_set_new(o, "seed", whole(r->conf.seed));
        json_object_set_new(o, "mix", json_mix(&r->conf));
        json_object_set_new(o, "outages", json_outages(r));
        json_object_set_new(o, "windows", json_reach(&r->reach[FLEET_WINDOWS]));
        json_object_set_new(o, "office", json_reach(&r->reach[FLEET_OFFICE_APP]));
        json_object_set_new(
            o, "peak",
            json_pack("{s:o, s:o}", "requests", whole(r->peak), "hour", whole(r->peak_hour)));
        for (uint32_t d = 0; d < r->conf.days; d++)
            json_array_append_new(days, json_day(r, d));
        json_object_set(o, "series", days);
    }
    json_decref(days);
    json_object_set_new(o, "conclusions", says);
    if (wire != NULL)
        json_object_set_new(o, "wire", wire);
    if (reports != NULL)
        json_object_set_new(o, "reports", reports);
    cli_json(o);
}
