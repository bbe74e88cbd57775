/* bench_core: what one activation costs inside the process: deciding on it, per protocol
 * generation, and recording it, per size of the commit that it shares.
 *
 * All points are measured interleaved in one run, round by round; the medians go to stdout as a
 * table and to the file named by the first argument as JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/filetime.h"
#include "kms/host.h"
#include "store/checkpointer.h"

enum { REQUESTS = 512, POINTS = 7, ROUNDS_MAX = 64 };

struct bench {
    struct realm_keys keys;
    struct kms_protector *client;
    struct catalog *catalog;
    struct kms_host *host;
    struct store *store;
    struct store_checkpointer *checkpointer;
    struct buf sealed[3][REQUESTS]; /* [generation - 4] */
    struct store_activation row;
    struct rng_seeded seed;
    struct rng rng;
    int64_t now;
};

struct point {
    const char *name;
    unsigned size;                                   /* protocol generation, or rows in a commit */
    unsigned (*run)(struct bench *b, unsigned size); /* how many operations it did */
    double rate[ROUNDS_MAX], cpu[ROUNDS_MAX];        /* per second; µs of CPU each */
};

static void die(const char *what, const struct errinfo *ei)
{
    fprintf(stderr, "bench_core: %s: %s\n", what, ei->text);
    exit(1);
}

static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void seal_all(struct bench *b)
{
    const struct cat_product *p = catalog_product(b->catalog, "Windows Server 2022", "Standard");
    struct errinfo ei = {0};

    for (uint16_t version = 4; version <= 6; version++) {
        for (int i = 0; i < REQUESTS; i++) {
            struct kms_request m = {
                .version = {.major = version},
                .application_id = p->application_id,
                .activation_id = p->activation_id,
                .kms_id = p->kms_id,
                .required_count = p->required_count,
                .client_time = filetime_from_unix(b->now),
            };
            struct kms_exchange x;

            rng_fill(&b->rng, m.client_id.b, sizeof(m.client_id.b));
            if (kms_seal_request(b->client, &m, &b->sealed[version - 4][i], &x, &ei) != ERR_OK)
                die("seal", &ei);
        }
    }
}

static unsigned run_decide(struct bench *b, unsigned version)
{
    for (int i = 0; i < REQUESTS; i++) {
        struct kms_decision d = {0};
        const struct buf *sealed = &b->sealed[version - 4][i];

        kms_host_decide(b->host, sealed->data, sealed->len, b->now, &d);
        if (d.reason != KMS_ANSWERED)
            die(kms_reason_name(d.reason), &(struct errinfo){.text = "not answered"});
        buf_fini(&d.response);
    }
    return REQUESTS;
}

static unsigned run_commit(struct bench *b, unsigned rows)
{
    unsigned commits = rows == 1 ? 32 : 16;
    struct errinfo ei = {0};

    for (unsigned c = 0; c < commits; c++) {
        if (store_begin(b->store, &ei) != ERR_OK)
            die("begin", &ei);
        for (unsigned i = 0; i < rows; i++) {
            if (store_add_activation(b->store, &b->row, &ei) != ERR_OK)
                die("add", &ei);
        }
        if (store_commit(b->store, &ei) != ERR_OK)
            die("commit", &ei);
    }
    return commits * rows;
}

static void set_up(struct bench *b, const char *folder)
{
    uint8_t secret[REALM_SECRET_LEN];
    const struct cat_group *group;
    char path[300];
    struct errinfo ei = {0};

    rng_seeded_init(&b->seed, 1);
    b->rng = rng_from_seed(&b->seed);
    b->now = 1800000000;
    rng_fill(&b->rng, secret, sizeof(secret));
    if (realm_keys_derive(secret, &b->keys, &ei) != ERR_OK ||
        kms_protector_new(&b->keys, b->rng, &b->client, &ei) != ERR_OK ||
        catalog_load(&b->catalog, &ei) != ERR_OK)
        die("set up", &ei);
    b->host = kms_host_new(&(struct kms_host_conf){.keys = &b->keys,
                                                   .catalog = b->catalog,
                                                   .rng = b->rng,
                                                   .activation_interval = 120,
                                                   .renewal_interval = 10080,
                                                   .epid = "bench"});
    group = catalog_group(b->catalog, "Volume License for Windows Server 2022");
    if (b->host == NULL || kms_host_set_groups(b->host, &group, (bool[]){true}, 1) != ERR_OK)
        die("set up host", &ei);
    seal_all(b);
    snprintf(path, sizeof(path), "%s/ledger.db", folder);
    if (store_open(path, &b->store, &ei) != ERR_OK ||
        store_checkpointer_start(b->store, &b->checkpointer, &ei) != ERR_OK)
        die("open ledger", &ei);
    b->row = (struct store_activation){
        .when = b->now, .peer = "127.0.0.1:50000", .version = 6, .workstation = "BENCH01"};
}

/* All threads count: the checkpointer's work is part of what a row costs. */
static void run_point(struct bench *b, struct point *p, unsigned round)
{
    double begin = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    unsigned n = p->run(b, p->size);

    p->cpu[round] = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / n * 1e6;
    p->rate[round] = n / (seconds(CLOCK_MONOTONIC) - begin);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
    qsort(values, n, sizeof(double), by_value);
    return values[n / 2];
}

static void report(struct point *points, unsigned rounds, const char *path)
{
    json_t *rates = json_object(), *costs = json_object(), *all;

    printf("%-24s %14s %13s %13s\n", "operation", "per second", "µs each", "µs of CPU");
    for (int i = 0; i < POINTS; i++) {
        double rate = median(points[i].rate, rounds), cpu = median(points[i].cpu, rounds);

        printf("%-24s %14.0f %12.1f %12.1f\n", points[i].name, rate, 1e6 / rate, cpu);
        json_object_set_new(rates, points[i].name, json_real(rate));
        json_object_set_new(costs, points[i].name, json_real(cpu));
    }
    all = json_pack("{s:i, s:o, s:o}", "rounds", (int)rounds, "per_second", rates, "cpu_us", costs);
    if (json_dump_file(all, path, JSON_INDENT(2) | JSON_PRESERVE_ORDER) != 0)
        die("write", &(struct errinfo){.text = "cannot write the summary"});
    json_decref(all);
}

int main(int argc, char **argv)
{
    static struct bench b;
    static struct point points[POINTS] = {
        {.name = "decide, generation 4", .size = 4, .run = run_decide},
        {.name = "decide, generation 5", .size = 5, .run = run_decide},
        {.name = "decide, generation 6", .size = 6, .run = run_decide},
        {.name = "record, 1 a commit", .size = 1, .run = run_commit},
        {.name = "record, 16 a commit", .size = 16, .run = run_commit},
        {.name = "record, 64 a commit", .size = 64, .run = run_commit},
        {.name = "record, 256 a commit", .size = 256, .run = run_commit},
    };
    unsigned rounds = argc > 3 ? (unsigned)atoi(argv[3]) : 0;

    if (rounds == 0 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_core SUMMARY.json FOLDER ROUNDS (1-%d)\n", ROUNDS_MAX);
        return 2;
    }
    set_up(&b, argv[2]);
    for (unsigned r = 0; r < rounds; r++) {
        for (int i = 0; i < POINTS; i++)
            run_point(&b, &points[i], r);
    }
    report(points, rounds, argv[1]);
    for (int v = 0; v < 3; v++) {
        for (int i = 0; i < REQUESTS; i++)
            buf_fini(&b.sealed[v][i]);
    }
    kms_host_free(b.host);
    kms_protector_free(b.client);
    store_checkpointer_stop(b.checkpointer);
    store_close(b.store);
    catalog_free(b.catalog);
    return 0;
}
