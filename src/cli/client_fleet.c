/* adbaclient fleet: thousands of machines in memory, a year in seconds. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/file.h"
#include "cli/fleet.h"

#define PROGRESS_AFTER 2 /* seconds */
#define PROGRESS_WIDTH 40

static const char fleet_help[] =
    "Usage: adbaclient fleet [OPTION …]\n"
    "\n"
    "Runs many simulated machines in memory, on virtual time, and tells what became of them: who\n"
    "is licensed through the directory and through KMS, how much the KMS hosts are asked, what "
    "they\n"
    "count, who is refused. A client is one product on one machine. Nothing is asked on the "
    "network,\n"
    "and the same options and seed always give the same result.\n"
    "\n"
    "How many hosts does a site with 100,000 machines need?\n"
    "  adbaclient fleet --clients 100000 --days 365 --hosts 2 --ask hosts\n"
    "How long may a KMS host be away?\n"
    "  adbaclient fleet --clients 500 --domain-share 0 --days 400 --outage kms:100d+200d\n"
    "When does a small site reach 25?\n"
    "  adbaclient fleet --clients 30 --domain-share 20% --days 60 --arrive 30d --ask threshold\n"
    "A picture of a year with Office and two troubles:\n"
    "  adbaclient fleet --clients 2000 --days 365 --outage kms1:30d+10d --outage dc:60d+5d \\\n"
    "      --mix \"Windows 11 Enterprise=70,Windows Server 2022 Standard=10,\\\n"
    "Office LTSC 2024 Professional Plus=20\" --chart fleet.html\n"
    "What does a running adbad say to ten thousand machines, and how fast?\n"
    "  adbaclient fleet --clients 10000 --days 7 --domain-share 0 \\\n"
    "      --wire 127.0.0.1 --bundle /tmp/lab/realm/client.bundle\n";

struct progress {
    uint32_t days;
    int64_t began, shown;
};

static void show_progress(void *arg, uint32_t day)
{
    struct progress *p = arg;
    struct clk clk = clk_system();
    int64_t now = clk_now(&clk);
    int done = (int)((uint64_t)day * PROGRESS_WIDTH / p->days);

    if (now - p->began < PROGRESS_AFTER || (now == p->shown && day < p->days))
        return;
    p->shown = now;
    fprintf(stderr, "\r[%.*s%*s] day %u of %u", done, "########################################",
            PROGRESS_WIDTH - done, "", day, p->days);
    if (day == p->days)
        fprintf(stderr, "\r\033[K");
    fflush(stderr);
}

static enum err write_chart(const struct fleet_report *r, const char *path, bool html,
                            struct errinfo *ei)
{
    struct buf b = BUF_INIT;
    enum err e;

    fleet_chart(r, html, &b);
    if (b.err != ERR_OK)
        e = err_fail(ei, b.err, "draw %s: out of memory", path);
    else
        e = file_write_atomic(path, b.data, b.len, 0644, ei);
    buf_fini(&b);
    return e;
}

/* Hosts that run; NULL each: none. */
struct elsewhere {
    struct fleet_wire *wire;
    struct fleet_tell *tell;
};

static enum err open_wire(const struct fleet_asked *a, struct fleet_wire **out, struct errinfo *ei)
{
    const struct fleet_wire_conf wire = {.host = a->wire,
                                         .bundle = a->bundle,
                                         .lines = a->connections,
                                         .speed = a->speed,
                                         .seed = a->seed};

    return a->wire == NULL ? ERR_OK : fleet_wire_open(&wire, out, ei);
}

static void close_elsewhere(struct elsewhere *to)
{
    fleet_wire_free(to->wire);
    fleet_tell_free(to->tell);
}

/* On failure too: close_elsewhere. */
static enum err open_elsewhere(const struct fleet_asked *a, struct fleet_conf *conf,
                               struct elsewhere *to, struct errinfo *ei)
{
    struct sigaction action = {.sa_handler = fleet_wire_interrupt};
    enum err e = open_wire(a, &to->wire, ei);

    if (e == ERR_OK && a->report != NULL)
        e = fleet_tell_open(a->report, a->bundle, a->seed, &to->tell, ei);
    if (e != ERR_OK)
        return e;
    if (to->wire != NULL) {
        conf->ask = fleet_wire_ask;
        conf->ask_arg = to->wire;
    }
    if (to->tell != NULL) {
        conf->tell = fleet_tell;
        conf->tell_arg = to->tell;
    }
    if (to->wire != NULL) { /* else there may be nobody who looks whether one came */
        (void)sigaction(SIGINT, &action, NULL);
        (void)sigaction(SIGTERM, &action, NULL);
    }
    return ERR_OK;
}

/* r is NULL if the run did not come to its end: what was asked and told is said all the same. */
static void print(struct client *c, const struct fleet_report *r, const struct elsewhere *to,
                  enum fleet_topic topic)
{
    if (c->json && r != NULL)
        fleet_print_json(c, r, topic, to->wire == NULL ? NULL : fleet_wire_json(to->wire, r),
                         to->tell == NULL ? NULL : fleet_tell_json(to->tell));
    else if (r != NULL)
        fleet_print(c, r, topic);
    if (!c->json && to->wire != NULL)
        fleet_wire_print(to->wire, r);
    if (!c->json && to->tell != NULL)
        fleet_tell_print(to->tell);
}

static enum err run(struct client *c, const struct fleet_asked *a, struct errinfo *ei)
{
    struct progress progress = {.days = a->days};
    struct clk clk = clk_system();
    struct fleet_report *r = NULL;
    struct elsewhere to = {0};
    enum fleet_topic topic;
    struct fleet_conf conf;
    bool html = false;
    enum err e = fleet_ask(a->ask, &topic, ei);

    if (e == ERR_OK && a->chart != NULL)
        e = fleet_chart_name(a->chart, &html, ei);
    if (e == ERR_OK)
        e = fleet_options(c, a, &conf, ei);
    if (e == ERR_OK)
        e = open_elsewhere(a, &conf, &to, ei);
    if (e != ERR_OK) {
        close_elsewhere(&to);
        return e;
    }
    progress.began = clk_now(&clk);
    if (isatty(STDERR_FILENO)) {
        conf.progress = show_progress;
        conf.progress_arg = &progress;
    }
    e = fleet_run(&conf, &r, ei);
    if (e == ERR_OK && a->chart != NULL)
        e = write_chart(r, a->chart, html, ei);
    if (e != ERR_OK && conf.progress != NULL)
        fputs("\r\033[K", stderr);
    print(c, e == ERR_OK ? r : NULL, &to, topic);
    fleet_report_free(r);
    close_elsewhere(&to);
    return e;
}

#define TEXTS_ROW(n, m, d, h)                                                                      \
    {                                                                                              \
        .name = (n), .type = OPT_TEXTS, .metavar = (m), .help = (h), .dest = (d)                   \
    }

static int run_fleet(struct client *c, int argc, char **argv)
{
    struct fleet_asked a = {.clients = 1000,
                            .days = 365,
                            .hosts = 1,
                            .replace = 20,
                            .move = 2,
                            .seed = 1,
                            .arrive = -1,
                            .connections = 16,
                            .domain_share = "0.8",
                            .presence = "office"};
    const struct opt opts[] = {
        OPT_UINT_ROW("clients", "N", &a.clients, 1, FLEET_CLIENTS_MAX, "how many (default 1000)"),
        OPT_UINT_ROW("days", "N", &a.days, 1, FLEET_DAYS_MAX, "how long (default 365)"),
        OPT_UINT_ROW("hosts", "N", &a.hosts, 0, FLEET_HOSTS_MAX,
                     "KMS hosts, 0 for none (default 1)"),
        OPT_TEXT_ROW("domain-share", "SHARE", &a.domain_share,
                     "members of the domain, such as 0.8 or 80% (default 0.8)"),
        TEXTS_ROW("mix", "PRODUCT=SHARE,…", &a.mix,
                  "what the machines run (default Windows 11 Enterprise=80,Windows Server 2022 "
                  "Standard=20)"),
        TEXTS_ROW("outage", "WHO:AFTER+FOR", &a.outages,
                  "kms:30d+10d (all hosts), kms2:… (one), dc:…, object:…; may be repeated"),
        {.name = "arrive",
         .type = OPT_DURATION,
         .metavar = "TIME",
         .help =
             "within which the machines arrive (default 7d, or the whole run if that is shorter)",
         .dest = &a.arrive},
        OPT_TEXT_ROW(
            "presence", "WHEN", &a.presence,
            "office: clients on working days from about 8 to 17, servers always (default); "
            "always: all of them"),
        OPT_UINT_ROW("replace", "PERCENT", &a.replace, 0, 100,
                     "machines replaced a year (default 20)"),
        OPT_UINT_ROW("move", "PERCENT", &a.move, 0, 100,
                     "machines that leave or join the domain a year (default 2)"),
        TEXTS_ROW("key-group", "GROUP", &a.groups,
                  "host keys and activation objects (default: all that are known); may be "
                  "repeated"),
        OPT_UINT_ROW("seed", "N", &a.seed, 0, UINT32_MAX,
                     "for all that is left to chance (default 1)"),
        OPT_TEXT_ROW("chart", "FILE", &a.chart, "draw it too: FILE.svg, or FILE.html with words"),
        OPT_TEXT_ROW("ask", "WHAT", &a.ask, "only the conclusions on: threshold, outage or hosts"),
        OPT_TEXT_ROW("wire", "HOST[:PORT]", &a.wire,
                     "ask a running KMS host over TCP instead of simulated ones (port 1688)"),
        OPT_TEXT_ROW("report", "HOST[:PORT]", &a.report,
                     "tell a lab host that runs of each activation through the directory (port "
                     "1688)"),
        OPT_TEXT_ROW("bundle", "FILE", &a.bundle,
                     "with --wire and --report: client.bundle of the host's realm"),
        OPT_UINT_ROW("connections", "N", &a.connections, 1, FLEET_WIRE_LINES_MAX,
                     "with --wire: at once, each kept for many requests (default 16)"),
        OPT_UINT_ROW("speed", "N", &a.speed, 1, 100000000,
                     "with --wire: N times as fast as real time (default: as fast as it answers)"),
        {0},
    };
    struct errinfo ei;
    enum err e;
    int status = client_begin_alone(c, fleet_help, opts, &argc, argv);

    if (status >= 0)
        return status;
    e = run(c, &a, &ei);
    return e == ERR_OK ? EXIT_OK : client_fail(c, e, &ei);
}

const struct client_verb client_fleet_verbs[] = {
    {.name = "fleet",
     .usage = "[OPTION …]",
     .summary = "many machines in memory on virtual time (no --machine)",
     .run = run_fleet},
    {0},
};
