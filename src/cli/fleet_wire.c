#include "cli/fleet_wire.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "base/filetime.h"
#include "base/hostport.h"
#include "cli/cli.h"
#include "cli/fleet_line.h"
#include "cli/fleet_machine.h"
#include "kms/protect.h"
#include "kms/stub.h"
#include "realm/realm.h"

#define DEFAULT_PORT 1688
#define SILENCE_MS   10000 /* without any progress */
#define LOOKUP_MS    10000
#define NS           UINT64_C(1000000000)

/* One request of a batch. */
struct asked {
    struct kms_exchange exchange;
    bool begun, done;
};

struct fleet_wire {
    struct fleet_wire_conf conf;
    struct hostport at;
    struct resolver_address to;
    struct bundle bundle;
    struct rng_pool *nonces;
    struct kms_protector *protector;
    struct fleet_line line[FLEET_WIRE_LINES_MAX];
    struct pollfd poll[FLEET_WIRE_LINES_MAX];
    struct asked *asked; /* of this batch */
    size_t room;         /* of asked */
    unsigned losses;     /* connections, since the last answer */
    /* What comes of it. */
    uint64_t began, ended; /* ns */
    uint64_t opened, again;
    uint32_t *us; /* each answer's time */
    size_t answers, us_room;
    struct fleet_codes codes;
};

static volatile sig_atomic_t interrupted;

void fleet_wire_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

bool fleet_wire_interrupted(void)
{
    return interrupted != 0;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

/* ---- opening ---- */

static enum err read_host(struct fleet_wire *w, struct errinfo *ei)
{
    const char *text = w->conf.host;

    if (!hostport_parse(text, strlen(text), &w->at) || w->at.host[0] == '\0')
        return err_fail(ei, ERR_USAGE, "--wire takes HOST or HOST:PORT, not \"%s\"", text);
    if (w->at.port == 0)
        w->at.port = DEFAULT_PORT;
    return ERR_OK;
}

static enum err find_host(struct fleet_wire *w, struct errinfo *ei)
{
    struct resolver *r = NULL;
    struct resolver_address *all = NULL;
    size_t n = 0;
    enum err e = resolver_new(NULL, &r, ei);

    if (e == ERR_OK)
        e = resolver_host(r, w->at.host, w->at.port, LOOKUP_MS, &all, &n, ei);
    if (e == ERR_OK && n == 0)
        e = err_fail(ei, ERR_NOTFOUND, "find %s: it has no address", w->at.host);
    if (e == ERR_OK)
        w->to = all[0];
    free(all);
    resolver_free(r);
    return e;
}

static enum err open_keys(struct fleet_wire *w, struct errinfo *ei)
{
    enum err e;

    if (w->conf.bundle == NULL)
        return err_fail(ei, ERR_USAGE,
                        "--wire needs --bundle FILE, the client.bundle of the host's realm");
    e = bundle_load(w->conf.bundle, &w->bundle, ei);
    if (e != ERR_OK)
        return e;
    w->nonces = rng_pool_new();
    if (w->nonces == NULL)
        return err_nomem(ei);
    return kms_protector_new(&w->bundle.keys, rng_from_pool(w->nonces), &w->protector, ei);
}

enum err fleet_wire_open(const struct fleet_wire_conf *conf, struct fleet_wire **out,
                         struct errinfo *ei)
{
    struct fleet_wire *w = calloc(1, sizeof(*w));
    enum err e;

    if (w == NULL)
        return err_nomem(ei);
    w->conf = *conf;
    e = read_host(w, ei);
    if (e == ERR_OK)
        e = open_keys(w, ei);
    if (e == ERR_OK)
        e = find_host(w, ei);
    if (e != ERR_OK) {
        fleet_wire_free(w);
        return e;
    }
    *out = w;
    return ERR_OK;
}

void fleet_wire_free(struct fleet_wire *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < w->conf.lines; i++)
        fleet_line_close(&w->line[i]);
    kms_protector_free(w->protector);
    rng_pool_free(w->nonces);
    bundle_fini(&w->bundle);
    free(w->asked);
    free(w->us);
    free(w);
}

/* ---- one request ---- */

/* Real time: the host's clock is real. */
static enum err seal(struct fleet_wire *w, const struct fleet_ask *ask, struct asked *a,
                     struct buf *out, struct errinfo *ei)
{
    const struct cat_product *p = ask->product;
    struct clk clk = clk_system();
    struct kms_request r = {.version = {.major = (uint16_t)p->protocol},
                            .licence_status = ask->status,
                            .minutes_left = ask->minutes_left,
                            .application_id = p->application_id,
                            .activation_id = p->activation_id,
                            .kms_id = p->kms_id,
                            .client_id = fleet_machine_id(w->conf.seed, ask->machine),
                            .required_count = p->required_count,
                            .client_time = filetime_from_unix(clk_now(&clk))};
    char name[FLEET_MACHINE_NAME_MAX];

    kms_text_set(r.workstation, KMS_WORKSTATION_UNITS, fleet_machine_name(ask->machine, name));
    return kms_seal_request(w->protector, &r, out, &a->exchange, ei);
}

static enum err begin(struct fleet_wire *w, struct fleet_line *l, const struct fleet_ask *asks,
                      size_t i, struct errinfo *ei)
{
    struct buf out = BUF_INIT;
    enum err e = seal(w, &asks[i], &w->asked[i], &out, ei);

    l->ask = i;
    l->began = now_ns();
    w->asked[i].begun = true;
    if (e == ERR_OK)
        e = fleet_line_call(l, out.data, out.len, ei);
    buf_fini(&out);
    return e;
}

static enum err note_time(struct fleet_wire *w, uint64_t ns, struct errinfo *ei)
{
    if (w->answers == w->us_room) {
        size_t room = w->us_room == 0 ? 4096 : w->us_room * 2;
        uint32_t *us = realloc(w->us, room * sizeof(*us));

        if (us == NULL)
            return err_nomem(ei);
        w->us = us;
        w->us_room = room;
    }
    w->us[w->answers++] = ns / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(ns / 1000);
    return ERR_OK;
}

static enum err take(struct fleet_wire *w, struct fleet_line *l, struct fleet_ask *asks,
                     struct errinfo *ei)
{
    const struct buf *stub = rpc_client_stub(l->rpc);
    struct asked *a = &w->asked[l->ask];
    struct lic_event *ev = &asks[l->ask].event;
    const uint8_t *data = NULL;
    struct kms_response r;
    uint32_t hresult = 0;
    size_t n = 0;
    enum err e = kms_stub_read_response(stub->data, stub->len, rpc_client_stub_big(l->rpc),
                                        rpc_client_ndr64(l->rpc), &data, &n, &hresult);

    if (e != ERR_OK)
        return err_fail(ei, e, "the host's answer is no answer of RequestActivation");
    if (hresult != 0) {
        *ev = (struct lic_event){.type = LIC_EV_KMS_REFUSED, .hresult = hresult};
    } else {
        e = kms_open_response(w->protector, &a->exchange, data, n, &r, ei);
        if (e != ERR_OK)
            return e;
        *ev = (struct lic_event){.type = LIC_EV_KMS_ANSWERED,
                                 .count = r.count,
                                 .activation = r.activation_interval,
                                 .renewal = r.renewal_interval};
    }
    a->done = true;
    w->losses = 0;
    fleet_codes_note(&w->codes, hresult);
    e = note_time(w, now_ns() - l->began, ei);
    fleet_line_next(l);
    return e;
}

/* ---- a batch ---- */

/* A connection ended; its request is sent again on another: a host closes idle ones. */
static enum err lose(struct fleet_wire *w, const struct fleet_line *l, bool busy, enum err e)
{
    if (e != ERR_UNREACHABLE || ++w->losses > 2 * w->conf.lines)
        return e;
    if (busy) {
        w->asked[l->ask].begun = false;
        w->again++;
    }
    return ERR_OK;
}

/* The first that is not on its way; n: none. */
static size_t next_ask(const struct fleet_wire *w, size_t from, size_t n)
{
    while (from < n && w->asked[from].begun)
        from++;
    return from;
}

/* Gives every line something to do. */
static enum err set_to_work(struct fleet_wire *w, struct fleet_ask *asks, size_t n,
                            struct errinfo *ei)
{
    size_t next = next_ask(w, 0, n), left;
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < w->conf.lines && next < n; i++) {
        if (w->line[i].state != LINE_READY)
            continue;
        e = begin(w, &w->line[i], asks, next, ei);
        if (e == ERR_UNREACHABLE)
            e = lose(w, &w->line[i], true, e);
        next = next_ask(w, next, n);
    }
    left = n - next;
    for (size_t i = 0; e == ERR_OK && i < w->conf.lines && left > 0; i++) {
        struct fleet_line *l = &w->line[i];

        if (l->state == LINE_CLOSED) {
            e = fleet_line_open(l, &w->to, ei);
            w->opened++;
        }
        left -= l->state == LINE_OPENING;
    }
    return e;
}

static enum err wait_for_lines(struct fleet_wire *w, struct errinfo *ei)
{
    int found;

    for (size_t i = 0; i < w->conf.lines; i++) {
        const struct fleet_line *l = &w->line[i];

        w->poll[i] = (struct pollfd){.fd = l->state == LINE_CLOSED ? -1 : l->fd};
        if (l->state != LINE_CLOSED)
            w->poll[i].events = fleet_line_events(l);
    }
    found = poll(w->poll, w->conf.lines, SILENCE_MS);
    if (interrupted)
        return err_fail(ei, ERR_NOT_NOW, "interrupted");
    if (found < 0 && errno != EINTR)
        return err_fail_errno(ei, errno, "wait for answers");
    if (found == 0)
        return err_fail(ei, ERR_TIMEOUT, "no answer for %d s", SILENCE_MS / 1000);
    return ERR_OK;
}

static enum err advance_lines(struct fleet_wire *w, struct fleet_ask *asks, struct errinfo *ei)
{
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < w->conf.lines; i++) {
        struct fleet_line *l = &w->line[i];
        bool opening = l->state == LINE_OPENING, busy = l->state == LINE_BUSY;

        if (l->state == LINE_CLOSED || w->poll[i].revents == 0)
            continue;
        e = fleet_line_advance(l, ei);
        /* Who takes no connection is away. One that was taken may be idle too long while others of
         * its batch ask, and is closed before it was used. */
        if (e != ERR_OK && (!opening || l->connected))
            e = lose(w, l, busy, e);
        else if (e == ERR_OK && l->state == LINE_ANSWERED)
            e = take(w, l, asks, ei);
    }
    return e;
}

static bool is_done(const struct fleet_wire *w, size_t n)
{
    size_t done = 0;

    for (size_t i = 0; i < n; i++)
        done += w->asked[i].done;
    return done == n;
}

/* With a speed: not before a minute's time has come. */
static void keep_pace(const struct fleet_wire *w, uint32_t minute)
{
    uint64_t at;
    struct timespec until;

    if (w->conf.speed == 0)
        return;
    at = w->began + (uint64_t)minute * 60 * NS / w->conf.speed;
    until = (struct timespec){.tv_sec = (time_t)(at / NS), .tv_nsec = (long)(at % NS)};
    while (!interrupted && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static enum err make_room(struct fleet_wire *w, size_t n, struct errinfo *ei)
{
    struct asked *more = n > w->room ? realloc(w->asked, n * sizeof(*more)) : w->asked;

    if (more == NULL)
        return err_nomem(ei);
    w->asked = more;
    w->room = n > w->room ? n : w->room;
    memset(w->asked, 0, n * sizeof(*more));
    return ERR_OK;
}

enum err fleet_wire_ask(void *wire, uint32_t minute, struct fleet_ask *asks, size_t n,
                        struct errinfo *ei)
{
    struct fleet_wire *w = wire;
    enum err e = make_room(w, n, ei);

    if (w->began == 0)
        w->began = now_ns();
    keep_pace(w, minute);
    while (e == ERR_OK && !is_done(w, n)) {
        e = set_to_work(w, asks, n, ei);
        if (e == ERR_OK)
            e = wait_for_lines(w, ei);
        if (e == ERR_OK)
            e = advance_lines(w, asks, ei);
    }
    w->ended = now_ns();
    if (e != ERR_OK)
        (void)err_context(ei, "ask %s port %u, after %zu answers", w->at.host, w->at.port,
                          w->answers);
    return e;
}

/* ---- what came of it ---- */

static int compare_us(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Of sorted times: the one that so many per mille do not exceed. */
static uint32_t percentile(const struct fleet_wire *w, unsigned per_mille)
{
    size_t rank = (w->answers * per_mille + 999) / 1000;

    return w->answers == 0 ? 0 : w->us[rank == 0 ? 0 : rank - 1];
}

static double seconds(const struct fleet_wire *w)
{
    return (double)(w->ended - w->began) / (double)NS;
}

static const char *const app_names[FLEET_APPS] = {"Windows", "Office"};

static void add_counts(struct facts *f, const struct fleet_report *r)
{
    for (int app = 0; r != NULL && app < FLEET_APPS; app++) {
        const struct fleet_match *m = &r->match[app];
        char label[64];

        if (m->agreed + m->differed == 0)
            continue;
        snprintf(label, sizeof(label), "  Count, %s", app_names[app]);
        facts_add(f, label,
                  "told %" PRIu32 ", simulated %" PRIu32 "; the same in %" PRIu32 " of %" PRIu32
                  " minutes",
                  m->told, m->simulated, m->agreed, m->agreed + m->differed);
    }
}

void fleet_wire_print(struct fleet_wire *w, const struct fleet_report *r)
{
    struct facts *f = facts_new();
    double s = seconds(w);

    if (w->answers > 0)
        qsort(w->us, w->answers, sizeof(*w->us), compare_us);
    printf("\nOn the wire, from %s port %u:\n", w->at.host, w->at.port);
    facts_add(f, "  Requests", "%zu in %.1f s, %.0f a second", w->answers, s,
              s > 0 ? (double)w->answers / s : 0);
    fleet_codes_facts(&w->codes, "  Answered", f);
    facts_add(f, "  Time to answer",
              "median %.2f ms, 99 %% %.2f ms, 99.9 %% %.2f ms, longest %.2f ms",
              percentile(w, 500) / 1000.0, percentile(w, 990) / 1000.0, percentile(w, 999) / 1000.0,
              percentile(w, 1000) / 1000.0);
    facts_add(f, "  Connections", "%" PRIu64 " opened, %" PRIu64 " requests sent again", w->opened,
              w->again);
    add_counts(f, r);
    facts_print(f);
}

static json_t *match_json(const struct fleet_match *m)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "told", (json_int_t)m->told, "simulated",
                     (json_int_t)m->simulated, "minutes_agreed", (json_int_t)m->agreed,
                     "minutes_differed", (json_int_t)m->differed);
}

json_t *fleet_wire_json(struct fleet_wire *w, const struct fleet_report *r)
{
    json_t *o;

    if (w->answers > 0)
        qsort(w->us, w->answers, sizeof(*w->us), compare_us);
    o = json_pack("{s:s, s:i, s:I, s:o, s:f, s:{s:I, s:I, s:I, s:I}, s:I, s:I}", "host", w->at.host,
                  "port", w->at.port, "requests", (json_int_t)w->answers, "results",
                  fleet_codes_json(&w->codes), "seconds", seconds(w), "latency_us", "p50",
                  (json_int_t)percentile(w, 500), "p99", (json_int_t)percentile(w, 990), "p99.9",
                  (json_int_t)percentile(w, 999), "max", (json_int_t)percentile(w, 1000),
                  "connections", (json_int_t)w->opened, "sent_again", (json_int_t)w->again);
    if (r != NULL) {
        json_object_set_new(o, "windows", match_json(&r->match[FLEET_WINDOWS]));
        json_object_set_new(o, "office", match_json(&r->match[FLEET_OFFICE_APP]));
    }
    return o;
}
