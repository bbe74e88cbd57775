#include "daemon/metrics.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/daemon.h"
#include "daemon/requests.h"
#include "daemon/tallies.h"
#include "daemon/website.h"
#include "web/header.h"

void metrics_one(struct expo *x, enum expo_type type, const char *name, const char *unit,
                 double value, const char *help)
{
    expo_family(x, type, name, unit, help);
    expo_sample(x, value, NULL);
}

/* ---- 1688 ---- */

static enum err add_requests(struct expo *x, const struct daemon *d)
{
    struct requests_counts sum = {0};
    enum err e = ERR_OK;

    for (unsigned i = 0; e == ERR_OK && i < d->worker_count; i++)
        e = requests_sum(&d->workers[i].requests, d->catalog, &sum);
    expo_family(x, EXPO_COUNTER, "adbad_requests", NULL,
                "Requests for activation since the start, by protocol version, product, channel "
                "and result.");
    for (size_t i = 0; i < sum.n; i++)
        expo_sample(x, (double)sum.v[i].n, "version", sum.v[i].version, "product", sum.v[i].product,
                    "channel", sum.v[i].channel, "result", sum.v[i].result, NULL);
    requests_counts_free(&sum);
    return e;
}

/* ---- the ledger, as its writer sees it ---- */

static void add_ledger(struct expo *x, const struct daemon *d)
{
    struct ledger_stats s;

    ledger_stats(d->ledger, &s);
    metrics_one(x, EXPO_GAUGE, "adbad_ledger_up", NULL, s.up,
                "1 if activations can be recorded; while it is 0 none is answered.");
    metrics_one(x, EXPO_COUNTER, "adbad_ledger_commits", NULL, (double)s.commits,
                "Commits since the start.");
    metrics_one(x, EXPO_COUNTER, "adbad_ledger_commit_failures", NULL, (double)s.failures,
                "Commits that failed.");
    metrics_one(x, EXPO_COUNTER, "adbad_ledger_recorded", NULL, (double)s.recorded,
                "Activations recorded since the start.");
    metrics_one(x, EXPO_COUNTER, "adbad_ledger_lost", NULL, (double)s.lost,
                "Activations that could not be recorded, and so were not answered.");
    metrics_one(x, EXPO_GAUGE, "adbad_ledger_refusals_waiting", NULL, (double)s.waiting,
                "Refusals that are not in the ledger yet.");
    expo_family(x, EXPO_HISTOGRAM, "adbad_ledger_commit_duration_seconds", "seconds",
                "How long commits took, writing and flushing to disk.");
    expo_timing(x, ledger_commit_times(d->ledger));
}

/* ---- the ledger, as a reader sees it ---- */

struct totals {
    struct store_totals all;
    struct tallies tallies;
};

static enum err read_totals(void *arg, struct store *s, struct errinfo *ei)
{
    struct totals *t = arg;
    enum err e = store_totals(s, &t->all, ei);

    return e == ERR_OK ? store_each_tally(s, tallies_keep, &t->tallies, ei) : e;
}

static const char *product_of(const struct daemon *d, const struct store_tally *t)
{
    const struct cat_product *p = catalog_product_by_activation_id(d->catalog, &t->activation_id);

    return p == NULL ? "unknown" : p->product;
}

/* Editions, and what the catalogue does not know, are added up: answered of the first of each name
 * becomes the sum. */
static void add_answered(struct expo *x, const struct daemon *d, struct tallies *t)
{
    expo_family(x, EXPO_COUNTER, "adbad_ledger_answered", NULL,
                "Activations answered since the ledger was begun, by product.");
    for (size_t i = 0; i < t->n; i++) {
        const char *product = product_of(d, &t->v[i]);
        uint64_t sum = 0;

        if (t->v[i].answered == 0)
            continue;
        for (size_t k = i; k < t->n; k++) {
            if (strcmp(product_of(d, &t->v[k]), product) == 0) {
                sum += t->v[k].answered;
                t->v[k].answered = 0;
            }
        }
        expo_sample(x, (double)sum, "product", product, NULL);
    }
}

static double size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (double)st.st_size : 0;
}

static void add_totals(struct expo *x, struct website *w)
{
    const struct daemon *d = website_daemon(w);
    struct totals t = {0};
    enum err e = website_ask(w, read_totals, &t, NULL);

    metrics_one(x, EXPO_GAUGE, "adbad_ledger_readable", NULL, e == ERR_OK,
                "1 if the ledger could be read for this answer; else what it counts is missing.");
    if (e == ERR_OK) {
        add_answered(x, d, &t.tallies);
        metrics_one(x, EXPO_COUNTER, "adbad_ledger_refused", NULL, (double)t.all.refused,
                    "Requests refused since the ledger was begun, those not yet written left out.");
    }
    tallies_free(&t.tallies);
    metrics_one(x, EXPO_GAUGE, "adbad_ledger_size_bytes", "bytes", size_of(d->first->ledger),
                "Size of the ledger's file.");
}

/* ---- HTTP ---- */

static void add_http(struct expo *x, const struct web_stats *s)
{
    uint64_t accepted = counter_read(&s->accepted);

    metrics_one(x, EXPO_COUNTER, "adbad_http_connections", NULL, (double)accepted,
                "HTTP connections since the start.");
    metrics_one(x, EXPO_GAUGE, "adbad_http_connections_open", NULL,
                (double)(accepted - counter_read(&s->closed)), "HTTP connections open now.");
    expo_family(x, EXPO_COUNTER, "adbad_http_responses", NULL,
                "HTTP responses before this one, by kind: answered, unchanged (304), refused.");
    expo_sample(x, (double)counter_read(&s->answered), "kind", "answered", NULL);
    expo_sample(x, (double)counter_read(&s->unchanged), "kind", "unchanged", NULL);
    expo_sample(x, (double)counter_read(&s->refused), "kind", "refused", NULL);
    expo_family(x, EXPO_COUNTER, "adbad_http_connections_cut", NULL,
                "HTTP connections that were closed on purpose: too many of one address, or too "
                "slow.");
    expo_sample(x, (double)counter_read(&s->source_limit), "reason", "source-limit", NULL);
    expo_sample(x, (double)counter_read(&s->timeout), "reason", "timeout", NULL);
}

/* ---- the process, by the names that client libraries use ---- */

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* -1: the system does not tell. */
static double open_descriptors(void)
{
    DIR *dir = file_open_folder("/proc/self/fd");
    double n = -3; /* ".", "..", and the folder's own */

    if (dir == NULL)
        return -1;
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

static void add_memory(struct expo *x)
{
    FILE *f = fopen("/proc/self/statm", "re");
    double page = (double)sysconf(_SC_PAGESIZE);
    unsigned long size, resident;

    if (f == NULL)
        return;
    if (fscanf(f, "%lu %lu", &size, &resident) == 2) {
        metrics_one(x, EXPO_GAUGE, "process_virtual_memory_bytes", "bytes", (double)size * page,
                    "Size of the process's address space.");
        metrics_one(x, EXPO_GAUGE, "process_resident_memory_bytes", "bytes",
                    (double)resident * page, "Memory of the process that is in RAM.");
    }
    fclose(f);
}

static void add_process(struct expo *x, const struct daemon *d)
{
    double descriptors = open_descriptors();
    struct rusage usage;
    struct rlimit limit;

    metrics_one(x, EXPO_GAUGE, "process_start_time_seconds", "seconds", (double)d->started,
                "When adbad was started, in Unix time.");
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        metrics_one(x, EXPO_COUNTER, "process_cpu_seconds", "seconds",
                    seconds(usage.ru_utime) + seconds(usage.ru_stime),
                    "Processor time of the process, user and system.");
    add_memory(x);
    if (descriptors >= 0)
        metrics_one(x, EXPO_GAUGE, "process_open_fds", NULL, descriptors,
                    "File descriptors that are open.");
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metrics_one(x, EXPO_GAUGE, "process_max_fds", NULL, (double)limit.rlim_cur,
                    "File descriptors that may be open.");
}

/* ---- all of it ---- */

/* A main loop that does not answer in time is told, and takes only its own facts with it. */
static enum err metrics(void *arg, const struct web_request *r, struct web_reply *reply,
                        struct errinfo *ei)
{
    struct website *w = arg;
    const struct daemon *d = website_daemon(w);
    struct expo x = {.out = &reply->body, .openmetrics = header_wants_openmetrics(r->accept)};
    const json_t *facts = NULL;
    bool up = website_facts(w, &facts, NULL) == ERR_OK;

    reply->type = x.openmetrics ? EXPO_OPENMETRICS_TYPE : EXPO_CLASSIC_TYPE;
    expo_family(&x, EXPO_INFO, "adbad_build", NULL, "What is running here.");
    expo_sample(&x, 1, "version", ADBAD_VERSION, NULL);
    metrics_one(&x, EXPO_GAUGE, "adbad_main_loop_up", NULL, up,
                "1 if the main loop answered in time; else what it knows is missing.");
    if (add_requests(&x, d) != ERR_OK)
        return err_nomem(ei);
    if (up)
        metrics_facts(&x, facts);
    add_ledger(&x, d);
    add_totals(&x, w);
    add_http(&x, website_stats(w));
    add_process(&x, d);
    expo_end(&x);
    return ERR_OK;
}

const struct web_route metrics_routes[] = {{.path = "/metrics", .fn = metrics}, {0}};
