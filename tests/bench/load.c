/* bench_load: the load generator of ./dev bench host. It seals its requests once, then takes one
 * command per line on standard input and answers each with one line of JSON:
 *
 *   probe PORT                      one bind and one activation of each version, opened; what was
 *                                   answered, for bench_echo
 *   run PORT persistent|fresh CONNECTIONS WARM-UP WINDOW PID sealed|canned
 *                                   seconds of load; PID: whose CPU time is told (0: nobody's);
 *                                   canned: the answers are copies, so that none is opened
 *   hold PORT CONNECTIONS           binds so many and keeps them idle
 *   release                         closes them
 *
 * It ends at end of input, or with 1 and a message at the first answer that is wrong. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "generator.h"
#include "peer.h"
#include "realm/realm.h"

#define SAMPLE_EVERY  97 /* answers; prime, so that versions take turns */
#define VERSION_FIRST 4
#define VERSION_LAST  6

static const char usage[] = "Usage: bench_load --bundle FILE [OPTION …] <COMMANDS\n"
                            "\n"
                            "  --bundle FILE     the realm's client.bundle\n"
                            "  --group NAME      host-key group whose products ask\n"
                            "                    (Volume License for Windows Server 2022)\n"
                            "  --versions LIST   protocol generations (456)\n"
                            "  --requests N      distinct sealed requests (65536)\n"
                            "  --clients N       distinct CMIDs; 0: one for each request (0)\n"
                            "  --threads N       (2)\n"
                            "  --sources N       source addresses 127.0.0.2 … (16)\n"
                            "  --seed N          of CMIDs and nonces (1)\n"
                            "\n"
                            "Commands: probe PORT | run PORT persistent|fresh CONNECTIONS WARM-UP "
                            "WINDOW PID sealed|canned |\n"
                            "hold PORT CONNECTIONS | release\n";

struct load {
    const char *bundle;
    struct workload_conf wanted;
    struct workload workload;
    unsigned threads, sources;
    int *held;
    unsigned held_count;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_load: %s: %s\n", what, why);
    exit(1);
}

static void print(json_t *o)
{
    json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    fflush(stdout);
    json_decref(o);
}

static json_t *hex(const uint8_t *data, size_t len)
{
    struct buf text = BUF_INIT;
    json_t *o;

    buf_add_hex(&text, data, len);
    o = json_string(buf_str(&text));
    buf_fini(&text);
    return o;
}

/* ---- probe ---- */

static int bound(struct load *l, uint16_t port, unsigned source, json_t *seen)
{
    const struct workload *w = &l->workload;
    uint8_t ack[WORKLOAD_ANSWER_MAX];
    int fd = peer_connect(port, source);
    struct errinfo ei = {0};
    const char *wrong;
    size_t len;

    if (fd == -1)
        die("connect", "no connection");
    if (peer_exchange(fd, w->bind.data, w->bind.len, ack, sizeof(ack), &len, &ei) != ERR_OK)
        die("bind", ei.text);
    wrong = workload_check_ack(w, ack, len);
    if (wrong != NULL)
        die("bind", wrong);
    l->workload.ack_len = (uint16_t)len;
    if (seen != NULL)
        json_array_append_new(seen, json_pack("{s:i, s:i, s:o}", "type", 11, "length",
                                              (int)w->bind.len, "answer", hex(ack, len)));
    return fd;
}

/* Learns how long the answers are; the first of each version is opened unless canned. */
static void learn(struct load *l, uint16_t port, bool canned, json_t *seen)
{
    struct workload *w = &l->workload;
    struct errinfo ei = {0};
    int fd;

    w->ack_len = 0;
    memset(w->answer_len, 0, sizeof(w->answer_len));
    fd = bound(l, port, 0, seen);
    for (unsigned v = VERSION_FIRST; v <= VERSION_LAST; v++) {
        size_t i = workload_first(w, v), len;
        uint8_t answer[WORKLOAD_ANSWER_MAX];
        const char *wrong;

        if (i == w->n)
            continue;
        if (peer_exchange(fd, w->requests[i].pdu, w->requests[i].len, answer, sizeof(answer), &len,
                          &ei) != ERR_OK)
            die("probe", ei.text);
        wrong = workload_check(w, i, answer, len);
        if (wrong != NULL)
            die("probe", wrong);
        if (!canned && workload_open(w, i, answer, len, &ei) != ERR_OK)
            die("probe", ei.text);
        w->answer_len[v] = (uint16_t)len;
        if (seen != NULL)
            json_array_append_new(seen,
                                  json_pack("{s:i, s:i, s:o}", "type", 0, "length",
                                            (int)w->requests[i].len, "answer", hex(answer, len)));
    }
    close(fd);
}

static void probe(struct load *l, uint16_t port)
{
    json_t *seen = json_array();

    learn(l, port, false, seen);
    print(json_pack("{s:o}", "exchanges", seen));
}

/* ---- run ---- */

static json_t *latency(const struct histogram *h, double fraction)
{
    return json_real((double)histogram_at(h, fraction) / 1000.0);
}

static void run(struct load *l, const struct generator_conf *conf)
{
    static struct generator_result r;
    struct errinfo ei = {0};
    double n;

    learn(l, conf->port, conf->sample == 0, NULL);
    if (generator_run(conf, &r, &ei) != ERR_OK)
        die("run", ei.text);
    n = r.answered > 0 ? (double)r.answered : 1;
    print(json_pack("{s:I, s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:I}", "answered",
                    (json_int_t)r.answered, "seconds", r.seconds, "per_second", n / r.seconds,
                    "server_cpu_us", r.server_cpu * 1e6 / n, "generator_cpu_us",
                    r.own_cpu * 1e6 / n, "p50_us", latency(&r.latency, 0.5), "p99_us",
                    latency(&r.latency, 0.99), "p999_us", latency(&r.latency, 0.999), "opened",
                    (json_int_t)r.opened));
}

static bool run_command(struct load *l, const char *line)
{
    struct generator_conf conf = {
        .workload = &l->workload, .threads = l->threads, .sources = l->sources};
    char mode[16], answers[16];
    int pid;

    if (sscanf(line, "run %" SCNu16 " %15s %u %lf %lf %d %15s", &conf.port, mode, &conf.connections,
               &conf.warm_up, &conf.window, &pid, answers) != 7)
        return false;
    if (conf.connections == 0 || conf.window <= 0)
        return false;
    conf.fresh = strcmp(mode, "fresh") == 0;
    conf.server = pid;
    conf.sample = strcmp(answers, "sealed") == 0 ? SAMPLE_EVERY : 0;
    if (conf.threads > conf.connections)
        conf.threads = conf.connections;
    run(l, &conf);
    return true;
}

/* ---- idle connections ---- */

static void release(struct load *l)
{
    for (unsigned i = 0; i < l->held_count; i++)
        close(l->held[i]);
    free(l->held);
    l->held = NULL;
    l->held_count = 0;
}

static void hold(struct load *l, uint16_t port, unsigned n)
{
    release(l);
    l->held = calloc(n, sizeof(*l->held));
    if (l->held == NULL)
        die("hold", "no memory");
    l->workload.ack_len = 0;
    while (l->held_count < n) {
        l->held[l->held_count] = bound(l, port, l->held_count % l->sources, NULL);
        l->held_count++;
    }
    print(json_pack("{s:i}", "held", (int)n));
}

/* ---- main ---- */

static bool obey(struct load *l, const char *line)
{
    unsigned n;
    uint16_t port;

    if (sscanf(line, "probe %" SCNu16, &port) == 1)
        probe(l, port);
    else if (sscanf(line, "hold %" SCNu16 " %u", &port, &n) == 2)
        hold(l, port, n);
    else if (strcmp(line, "release\n") == 0) {
        release(l);
        print(json_pack("{s:i}", "held", 0));
    } else
        return run_command(l, line);
    return true;
}

static unsigned versions_of(const char *text)
{
    unsigned versions = 0;

    for (; *text != '\0'; text++) {
        if (*text >= '4' && *text <= '6')
            versions |= 1u << (*text - '0');
        else if (*text != ',')
            return 0;
    }
    return versions;
}

static bool options(struct load *l, int argc, char **argv)
{
    static const struct option names[] = {
        {"bundle", required_argument, NULL, 'b'},   {"group", required_argument, NULL, 'g'},
        {"versions", required_argument, NULL, 'v'}, {"requests", required_argument, NULL, 'n'},
        {"clients", required_argument, NULL, 'c'},  {"threads", required_argument, NULL, 't'},
        {"sources", required_argument, NULL, 's'},  {"seed", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},           {0}};
    int o;

    while ((o = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (o) {
        case 'b':
            l->bundle = optarg;
            break;
        case 'g':
            l->wanted.group = optarg;
            break;
        case 'v':
            l->wanted.versions = versions_of(optarg);
            break;
        case 'n':
            l->wanted.requests = strtoul(optarg, NULL, 10);
            break;
        case 'c':
            l->wanted.clients = strtoul(optarg, NULL, 10);
            break;
        case 't':
            l->threads = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            l->sources = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            l->wanted.seed = strtoull(optarg, NULL, 10);
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            return false;
        }
    }
    return optind == argc && l->bundle != NULL && l->wanted.versions != 0 &&
           l->wanted.requests > 0 && l->threads > 0 && l->threads <= GENERATOR_THREADS_MAX &&
           l->sources > 0 && l->sources <= 250;
}

int main(int argc, char **argv)
{
    struct load l = {.wanted = {.group = "Volume License for Windows Server 2022",
                                .versions = 1u << 4 | 1u << 5 | 1u << 6,
                                .requests = 65536,
                                .seed = 1},
                     .threads = 2,
                     .sources = 16};
    struct errinfo ei = {0};
    struct bundle bundle;
    char line[256];

    if (!options(&l, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    if (bundle_load(l.bundle, &bundle, &ei) != ERR_OK)
        die("read the bundle", ei.text);
    l.wanted.keys = &bundle.keys;
    l.wanted.now = time(NULL);
    if (workload_make(&l.wanted, &l.workload, &ei) != ERR_OK)
        die("make the requests", ei.text);
    bundle_fini(&bundle);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (!obey(&l, line))
            die("command", "not understood; see --help");
    }
    release(&l);
    workload_fini(&l.workload);
    return 0;
}
