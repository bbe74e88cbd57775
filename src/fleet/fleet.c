#include "fleet/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/rng.h"
#include "fleet/calendar.h"
#include "fleet/site.h"

#define YEAR (365 * FLEET_DAY)

/* What comes next in a machine's life. */
enum life { LIFE_ARRIVES, LIFE_QUIET, LIFE_REPLACED, LIFE_MOVES };

/* One product on one machine. */
struct fleet_client {
    struct lic lic;
    uint32_t machine;   /* what the CMID is made from */
    uint32_t life_at;   /* minute of the next change in its life */
    uint32_t switch_at; /* minute at which it is switched on or off, or restarts */
    uint8_t life;       /* enum life */
    uint8_t product;    /* of the mix */
    uint8_t host;       /* as in struct site_asker */
    bool arrived, on, member, asked_kms;
    bool waits; /* for a host elsewhere */
};

_Static_assert(sizeof(struct fleet_client) <= 150, "100,000 of them shall fit in little memory");

#define ASKS_MAX 1024 /* at once */

struct fleet {
    const struct fleet_conf *conf;
    struct fleet_report *report;
    struct fleet_site *site;
    struct calendar *calendar;
    struct fleet_client *client;
    struct rng_seeded seeded;
    struct rng rng;
    uint32_t now;           /* minute */
    uint32_t machines;      /* CMIDs given out */
    uint32_t on;            /* switched on */
    struct fleet_day today; /* states as they are, events since midnight */
    uint32_t hour_kms, hour_ad;
    /* Questions to a host elsewhere, and whose they are. */
    struct fleet_ask *ask;
    uint32_t *asker;
    size_t asks;
    uint32_t awake; /* whose turn it is; CALENDAR_NONE */
    enum err err;
    struct errinfo ei;
};

static uint32_t draw(struct fleet *f, uint32_t below)
{
    return (uint32_t)rng_below(&f->rng, below);
}

/* ---- counting ---- */

static void tally(struct fleet *f, const struct fleet_client *c, uint32_t by)
{
    f->today.status[c->lic.status] += by;
    f->today.channel[c->lic.channel] += by;
    f->on += c->on ? by : 0;
    if (f->on > f->today.on)
        f->today.on = f->on;
}

static void tally_failure(struct fleet *f, uint32_t hresult)
{
    for (size_t i = 0; i < FLEET_CODES; i++) {
        if (fleet_hresult[i] == hresult)
            f->today.failed[i]++;
    }
}

/* A licence was lost: it ran out, or its machine has left the domain, which is no outage's fault.
 */
static void tally_lapse(struct fleet *f, bool ran_out)
{
    f->today.lapsed++;
    for (size_t i = 0; i < f->conf->outage_count && ran_out; i++) {
        const struct fleet_outage *o = &f->conf->outage[i];

        if (f->now >= o->from && f->now < o->until)
            f->report->outage_lapsed[i]++;
    }
}

static void tally_count(struct fleet *f, struct fleet_client *c, uint32_t count)
{
    const struct cat_product *p = c->lic.product;
    struct fleet_reach *r =
        &f->report->reach[p->family == CAT_OFFICE ? FLEET_OFFICE_APP : FLEET_WINDOWS];

    if (!c->asked_kms)
        r->askers++;
    c->asked_kms = true;
    if (count > r->highest)
        r->highest = count;
    if (count >= 5 && r->at_5 == FLEET_NEVER)
        r->at_5 = f->now;
    if (count >= 25 && r->at_25 == FLEET_NEVER)
        r->at_25 = f->now;
}

static void end_hour(struct fleet *f)
{
    struct fleet_report *r = f->report;

    if (f->hour_kms > f->today.kms_peak)
        f->today.kms_peak = f->hour_kms;
    if (f->hour_ad > f->today.ad_peak)
        f->today.ad_peak = f->hour_ad;
    if (f->hour_kms > r->peak) {
        r->peak = f->hour_kms;
        r->peak_hour = f->now / 60;
    }
    f->hour_kms = f->hour_ad = 0;
}

static void end_day(struct fleet *f)
{
    uint32_t day = f->now / FLEET_DAY;
    struct fleet_day *d = &f->report->day[day];

    for (uint32_t h = 0; h < f->conf->hosts; h++) {
        for (uint32_t app = 0; app < FLEET_APPS; app++)
            f->today.host[h].count[app] = f->conf->ask != NULL
                                              ? f->report->match[app].told
                                              : site_count(f->site, h, (enum fleet_app)app, f->now);
    }
    *d = f->today;
    memset(&f->today, 0, sizeof(f->today)); /* events begin anew, states go on */
    f->today.machines = d->machines;
    f->today.on = f->on;
    memcpy(f->today.channel, d->channel, sizeof(d->channel));
    memcpy(f->today.status, d->status, sizeof(d->status));
    if (f->conf->progress != NULL)
        f->conf->progress(f->conf->progress_arg, day + 1);
}

/* ---- asking ---- */

static struct lic_event ask_kms(struct fleet *f, struct fleet_client *c)
{
    const struct site_asker who = {.product = c->product, .machine = c->machine, .host = &c->host};
    struct site_answer a;
    enum err e = site_ask_kms(f->site, &who, f->now, &f->rng, &a);

    if (e != ERR_OK)
        f->err = e;
    f->today.unanswered += a.silent;
    for (uint32_t h = 0; h < f->conf->hosts; h++) {
        uint32_t asked = a.spoke >> h & 1;

        f->hour_kms += asked;
        f->today.kms += asked;
        f->today.host[h].requests += asked;
    }
    if (a.event.type == LIC_EV_KMS_ANSWERED)
        tally_count(f, c, a.event.count);
    return a.event;
}

/* Later, together with all of this minute. */
static void ask_elsewhere(struct fleet *f, struct fleet_client *c)
{
    const struct lic *l = &c->lic;
    int64_t left = l->expires == LIC_NEVER ? 0 : (l->expires - site_time(f->now)) / CLK_MINUTE;

    f->ask[f->asks] = (struct fleet_ask){.product = l->product,
                                         .machine = c->machine,
                                         .status = l->status,
                                         .minutes_left = left > 0 ? (uint32_t)left : 0};
    f->asker[f->asks++] = (uint32_t)(c - f->client);
    c->waits = true;
}

static struct lic_event ask_ad(struct fleet *f, const struct fleet_client *c)
{
    f->hour_ad++;
    f->today.ad++;
    return site_ask_ad(f->site, c->product, f->now);
}

static void tell(struct fleet *f, const struct fleet_client *c)
{
    const struct fleet_grant g = {
        .product = c->lic.product,
        .machine = c->machine,
        .validity = (uint32_t)((c->lic.expires - site_time(f->now)) / CLK_MINUTE)};

    if (f->conf->tell != NULL && f->err == ERR_OK)
        f->err = f->conf->tell(f->conf->tell_arg, &g, &f->ei);
}

/* Lets an event happen to the licence, and what follows from it; with a host elsewhere up to its
 * question to it. */
static void proceed(struct fleet *f, struct fleet_client *c, struct lic_event ev)
{
    const struct lic_site site = {
        .member = c->member, .bound = c->member, .adba = c->lic.product->adba};
    bool licensed = c->lic.status == LIC_LICENSED;
    struct lic_outcome out;

    for (;;) {
        (void)lic_step(&c->lic, &site, &ev, site_time(f->now), &out);
        f->report->steps++;
        if (licensed && (out.notes & (LIC_LAPSED | LIC_UNBOUND)) != 0)
            tally_lapse(f, (out.notes & LIC_LAPSED) != 0);
        if ((out.notes & (LIC_FAILED | LIC_FELL_BACK)) != 0)
            tally_failure(f, out.hresult);
        licensed = licensed && (out.notes & (LIC_LAPSED | LIC_UNBOUND)) == 0;
        if ((out.notes & LIC_GRANTED) != 0 && c->lic.channel == LIC_BY_AD)
            tell(f, c);
        if (out.action == LIC_ASK_AD)
            ev = ask_ad(f, c);
        else if (out.action == LIC_ASK_KMS && f->conf->ask == NULL)
            ev = ask_kms(f, c);
        else
            break;
    }
    if (out.action == LIC_ASK_KMS)
        ask_elsewhere(f, c);
}

/* ---- a host elsewhere ---- */

static void plan_next(struct fleet *f, uint32_t index);

/* The simulated host is asked too and says what it would have told. */
static void take_answer(struct fleet *f, const struct fleet_ask *ask, struct fleet_client *c,
                        uint32_t simulated[FLEET_APPS], uint32_t told[FLEET_APPS])
{
    enum fleet_app app = ask->product->family == CAT_OFFICE ? FLEET_OFFICE_APP : FLEET_WINDOWS;
    struct site_answer a;
    const struct site_asker who = {.product = c->product, .machine = c->machine, .host = &c->host};
    enum err e = site_ask_kms(f->site, &who, f->now, &f->rng, &a);

    if (e != ERR_OK)
        f->err = err_nomem(&f->ei);
    f->hour_kms++;
    f->today.kms++;
    f->today.host[0].requests++;
    if (a.event.type == LIC_EV_KMS_ANSWERED && a.event.count > simulated[app])
        simulated[app] = a.event.count;
    if (ask->event.type != LIC_EV_KMS_ANSWERED)
        return;
    tally_count(f, c, ask->event.count);
    if (ask->event.count > told[app])
        told[app] = ask->event.count;
}

static void compare(struct fleet *f, const uint32_t simulated[FLEET_APPS],
                    const uint32_t told[FLEET_APPS])
{
    for (int app = 0; app < FLEET_APPS; app++) {
        struct fleet_match *m = &f->report->match[app];

        if (simulated[app] == 0 && told[app] == 0)
            continue;
        m->told = told[app];
        m->simulated = simulated[app];
        if (told[app] == simulated[app])
            m->agreed++;
        else
            m->differed++;
    }
}

/* Whoever's turn it is goes on by itself. */
static void go_on(struct fleet *f, uint32_t index, const struct lic_event *ev)
{
    struct fleet_client *c = &f->client[index];

    if (index == f->awake) {
        proceed(f, c, *ev);
        return;
    }
    tally(f, c, UINT32_MAX); /* minus one */
    proceed(f, c, *ev);
    tally(f, c, 1);
    if (!c->waits)
        plan_next(f, index);
}

static void ask_all(struct fleet *f)
{
    while (f->asks > 0 && f->err == ERR_OK) {
        uint32_t simulated[FLEET_APPS] = {0}, told[FLEET_APPS] = {0};
        size_t n = f->asks;

        f->err = f->conf->ask(f->conf->ask_arg, f->now, f->ask, n, &f->ei);
        if (f->err != ERR_OK)
            return;
        for (size_t i = 0; i < n; i++) {
            f->client[f->asker[i]].waits = false;
            take_answer(f, &f->ask[i], &f->client[f->asker[i]], simulated, told);
        }
        compare(f, simulated, told);
        /* A client whose answer leads to another question puts that where its own was, or before:
         * what is there was read. */
        f->asks = 0;
        for (size_t i = 0; i < n; i++) {
            const struct lic_event ev = f->ask[i].event;

            go_on(f, f->asker[i], &ev);
        }
    }
}

static void happen(struct fleet *f, struct fleet_client *c, enum lic_event_type type)
{
    if (c->waits || f->asks == ASKS_MAX)
        ask_all(f);
    if (f->err == ERR_OK)
        proceed(f, c, (struct lic_event){.type = type});
}

/* ---- the days of a machine ---- */

static bool keeps_hours(const struct fleet *f, const struct fleet_client *c)
{
    return f->conf->presence == FLEET_OFFICE_HOURS && c->lic.product->family != CAT_SERVER;
}

/* When it is switched on next: between 7:00 and 8:59 of a working day, one in twelve left out. */
static uint32_t next_morning(struct fleet *f)
{
    uint32_t day = f->now / FLEET_DAY;
    uint32_t at;

    do {
        at = day * FLEET_DAY + 420 + draw(f, 120);
        if (day % 7 >= 5 || at <= f->now || draw(f, 12) == 0)
            at = 0;
        day++;
    } while (at == 0);
    return at;
}

/* When it is switched off: between 16:00 and 18:59. */
static uint32_t this_evening(struct fleet *f)
{
    return f->now / FLEET_DAY * FLEET_DAY + 960 + draw(f, 180);
}

static void start(struct fleet *f, struct fleet_client *c)
{
    if (keeps_hours(f, c))
        c->switch_at = this_evening(f);
    else
        c->switch_at = f->now + 20 * FLEET_DAY + draw(f, 20 * FLEET_DAY); /* monthly restart */
    c->on = true;
    happen(f, c, LIC_EV_START);
}

static void switch_it(struct fleet *f, struct fleet_client *c)
{
    if (!c->on || !keeps_hours(f, c)) {
        start(f, c);
        return;
    }
    c->on = false;
    c->switch_at = next_morning(f);
}

/* A machine as it comes out of its set-up: a CMID and the client setup key. */
static void set_up(struct fleet *f, struct fleet_client *c)
{
    c->machine = f->machines++;
    c->host = SITE_NO_HOST;
    c->asked_kms = false;
    lic_init(&c->lic, f->conf->mix[c->product].product);
    happen(f, c, LIC_EV_KEY);
}

/* What the year from now on brings to a machine, and when. */
static void draw_year(struct fleet *f, struct fleet_client *c)
{
    uint32_t chance = draw(f, 1000);

    c->life = LIFE_QUIET;
    if (chance < f->conf->replace)
        c->life = LIFE_REPLACED;
    else if (chance - f->conf->replace < f->conf->move)
        c->life = LIFE_MOVES;
    c->life_at = f->now + (c->life == LIFE_QUIET ? YEAR : 1 + draw(f, YEAR));
}

static void arrive(struct fleet *f, struct fleet_client *c)
{
    f->today.machines++;
    c->arrived = true;
    set_up(f, c);
    if (keeps_hours(f, c))
        c->switch_at = next_morning(f);
    else
        start(f, c);
}

static void live(struct fleet *f, struct fleet_client *c)
{
    enum life life = (enum life)c->life;

    draw_year(f, c);
    switch (life) {
    case LIFE_ARRIVES:
        arrive(f, c);
        return;
    case LIFE_QUIET:
        return;
    case LIFE_REPLACED:
        set_up(f, c);
        break;
    case LIFE_MOVES:
        c->member = !c->member;
        break;
    }
    if (c->on)
        start(f, c); /* both end in a restart; else it comes with the next morning */
}

/* ---- the run ---- */

static void plan_next(struct fleet *f, uint32_t index)
{
    const struct fleet_client *c = &f->client[index];
    uint32_t at = c->life_at < c->switch_at ? c->life_at : c->switch_at;

    if (c->on) {
        uint32_t due = site_minute(lic_due(&c->lic));

        at = due < at ? due : at;
    }
    calendar_put(f->calendar, index, at > f->now ? at : f->now + 1);
}

static void wake(struct fleet *f, uint32_t index)
{
    struct fleet_client *c = &f->client[index];

    f->awake = index;
    if (c->arrived)
        tally(f, c, UINT32_MAX); /* minus one */
    if (c->life_at <= f->now)
        live(f, c);
    else if (c->switch_at <= f->now)
        switch_it(f, c);
    else
        happen(f, c, LIC_EV_WAKE);
    tally(f, c, 1);
    f->awake = CALENDAR_NONE;
    if (!c->waits)
        plan_next(f, index);
}

static uint32_t mix_total(const struct fleet_conf *conf)
{
    uint32_t total = 0;

    for (size_t i = 0; i < conf->mix_count; i++)
        total += conf->mix[i].share;
    return total;
}

/* Shares are met to the client: products stand in blocks, members evenly among them. */
static void populate(struct fleet *f)
{
    const struct fleet_conf *conf = f->conf;
    uint64_t total = mix_total(conf), share = conf->domain_share, bound = conf->mix[0].share;
    uint8_t product = 0;

    for (uint64_t i = 0; i < conf->clients; i++) {
        struct fleet_client *c = &f->client[i];

        while (i * total >= bound * conf->clients)
            bound += conf->mix[++product].share;
        c->product = product;
        c->member = (i + 1) * share / 1000 != i * share / 1000;
        c->life = LIFE_ARRIVES;
        c->life_at = conf->arrive > 1 ? draw(f, conf->arrive) : 0;
        c->switch_at = FLEET_NEVER;
        calendar_put(f->calendar, (uint32_t)i, c->life_at);
    }
}

static void look_at_the_end(struct fleet *f)
{
    for (uint32_t i = 0; i < f->conf->clients; i++) {
        const struct fleet_client *c = &f->client[i];
        int64_t days = (c->lic.expires - site_time(f->now)) / CLK_DAY;

        if (c->arrived && c->lic.status == LIC_LICENSED && c->lic.channel == LIC_BY_KMS)
            f->report->left[days < 0 ? 0 : days]++;
    }
}

static void run(struct fleet *f)
{
    uint32_t minutes = f->conf->days * FLEET_DAY;

    populate(f);
    for (f->now = 0; f->now < minutes && f->err == ERR_OK; f->now++) {
        uint32_t i;

        while ((i = calendar_take(f->calendar, f->now)) != CALENDAR_NONE)
            wake(f, i);
        ask_all(f);
        if (f->now % 60 == 59)
            end_hour(f);
        if (f->now % FLEET_DAY == FLEET_DAY - 1)
            end_day(f);
    }
    look_at_the_end(f);
}

static enum err check(const struct fleet_conf *conf, struct errinfo *ei)
{
    bool mix = conf->mix_count >= 1 && conf->mix_count <= FLEET_MIX_MAX;

    for (size_t i = 0; mix && i < conf->mix_count; i++)
        mix = conf->mix[i].share >= 1 && conf->mix[i].share <= 1000000;
    if (!mix || (conf->ask != NULL && conf->hosts != 1) || conf->clients < 1 ||
        conf->clients > FLEET_CLIENTS_MAX || conf->days < 1 || conf->days > FLEET_DAYS_MAX ||
        conf->hosts > FLEET_HOSTS_MAX || conf->outage_count > FLEET_OUTAGES_MAX ||
        conf->group_count > FLEET_GROUPS_MAX || conf->domain_share > 1000 || conf->replace > 1000 ||
        conf->move > 1000)
        return err_fail(ei, ERR_USAGE, "run a fleet: a number is out of its range");
    return ERR_OK;
}

static bool prepare(struct fleet *f)
{
    const struct fleet_conf *conf = f->conf;

    rng_seeded_init(&f->seeded, conf->seed);
    f->rng = rng_from_seed(&f->seeded);
    f->awake = CALENDAR_NONE;
    f->site = site_new(conf);
    f->calendar = calendar_new(conf->clients, conf->days * FLEET_DAY);
    f->client = calloc(conf->clients, sizeof(*f->client));
    f->ask = calloc(ASKS_MAX, sizeof(*f->ask));
    f->asker = calloc(ASKS_MAX, sizeof(*f->asker));
    f->report = calloc(1, sizeof(*f->report));
    if (f->report != NULL)
        f->report->day = calloc(conf->days, sizeof(*f->report->day));
    if (f->site == NULL || f->calendar == NULL || f->client == NULL || f->ask == NULL ||
        f->asker == NULL || f->report == NULL || f->report->day == NULL)
        return false;
    f->report->conf = *conf;
    for (size_t i = 0; i < FLEET_APPS; i++)
        f->report->reach[i].at_5 = f->report->reach[i].at_25 = FLEET_NEVER;
    return true;
}

enum err fleet_run(const struct fleet_conf *conf, struct fleet_report **out, struct errinfo *ei)
{
    struct fleet f = {.conf = conf};
    enum err e = check(conf, ei);

    if (e != ERR_OK)
        return e;
    if (prepare(&f))
        run(&f);
    else
        f.err = ERR_NOMEM;
    site_free(f.site);
    calendar_free(f.calendar);
    free(f.client);
    free(f.ask);
    free(f.asker);
    if (f.err != ERR_OK)
        fleet_report_free(f.report);
    else
        *out = f.report;
    if (f.err == ERR_NOMEM)
        return err_fail(ei, f.err, "run a fleet of %u clients: out of memory", conf->clients);
    return f.err == ERR_OK
               ? ERR_OK
               : err_fail(ei, f.err, "%s; that was on day %u", f.ei.text, f.now / FLEET_DAY + 1);
}

void fleet_report_free(struct fleet_report *r)
{
    if (r == NULL)
        return;
    free(r->day);
    free(r);
}

uint32_t fleet_licensed(const struct fleet_day *d)
{
    return d->status[LIC_LICENSED];
}

uint32_t fleet_licensed_other(const struct fleet_day *d)
{
    return d->status[LIC_LICENSED] - d->channel[LIC_BY_AD] - d->channel[LIC_BY_KMS];
}
