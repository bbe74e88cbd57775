/* bench_endurance: two virtual years of clients that renew every seven days, through the KMS host
 * in process. What it keeps must not grow: the memory in use after the third month is the same as
 * after the last.
 *
 * usage: bench_endurance CLIENTS */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/sanitized.h"
#include "kms/host.h"
#include "rpc/pdu.h"
#include "workload.h"

#define DAYS      730
#define COHORTS   7 /* one for each day of the week */
#define SETTLED   91
#define START     INT64_C(1800000000)
#define SLACK     (64 * 1024) /* what malloc caches counts as in use */
#define RSS_SLACK (1024 * 1024)
#define GROUP     "Volume License for Windows Server 2022"

struct memory {
    size_t in_use, resident;
};

static struct memory memory_now(void)
{
    struct memory m = {.in_use = mallinfo2().uordblks};
    FILE *f;

    malloc_trim(0);
    f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%*u %zu", &m.resident) != 1)
        abort();
    fclose(f);
    m.resident *= (size_t)sysconf(_SC_PAGESIZE);
    return m;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_endurance: %s: %s\n", what, why);
    exit(1);
}

static struct kms_host *make_host(const struct realm_keys *keys, const struct catalog *catalog)
{
    struct kms_host *h = kms_host_new(&(struct kms_host_conf){.keys = keys,
                                                              .catalog = catalog,
                                                              .rng = rng_system(),
                                                              .activation_interval = 120,
                                                              .renewal_interval = 10080,
                                                              .epid = "bench"});
    const struct cat_group *group = catalog_group(catalog, GROUP);

    if (h == NULL || kms_host_set_groups(h, &group, (bool[]){true}, 1) != ERR_OK)
        die("make the host", "out of memory");
    return h;
}

/* One day: the cohort whose turn it is renews. */
static uint64_t live(struct kms_host *h, const struct realm_keys *keys, unsigned clients, int day)
{
    int64_t now = START + day * (int64_t)CLK_DAY;
    unsigned cohort = (unsigned)day % COHORTS;
    struct workload w;
    struct errinfo ei = {0};

    if (workload_make(&(struct workload_conf){.keys = keys,
                                              .group = GROUP,
                                              .versions = 1u << 4 | 1u << 5 | 1u << 6,
                                              .requests = clients / COHORTS,
                                              .seed = 1 + cohort,
                                              .now = now},
                      &w, &ei) != ERR_OK)
        die("make the requests", ei.text);
    for (size_t i = 0; i < w.n; i++) {
        const size_t head = RPC_REQUEST_LEN + 8; /* of the PDU and of the stub */
        struct kms_decision d = {0};

        kms_host_decide(h, w.requests[i].pdu + head, w.requests[i].len - head, now, &d);
        if (d.reason != KMS_ANSWERED)
            die("decide", kms_reason_name(d.reason));
        buf_fini(&d.response);
    }
    workload_fini(&w);
    return clients / COHORTS;
}

/* Fifty machines are remembered as long as they ask, and none a month after the last. */
static void check_count(struct kms_host *h)
{
    int64_t last = START + (DAYS - 1) * (int64_t)CLK_DAY;

    if (kms_host_count(h, &cat_app_windows, last) != 50)
        die("count", "not 50 at the end");
    if (kms_host_count(h, &cat_app_windows, last + 31 * (int64_t)CLK_DAY) != 0)
        die("count", "not 0 a month later");
}

static void report(const char *when, struct memory m)
{
    printf("%-14s %9zu KiB in use, %9zu KiB resident\n", when, m.in_use / 1024, m.resident / 1024);
}

int main(int argc, char **argv)
{
    unsigned clients = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    uint8_t secret[REALM_SECRET_LEN] = "two virtual years";
    struct memory settled = {0}, end;
    struct catalog *catalog;
    struct realm_keys keys;
    struct kms_host *host;
    uint64_t answered = 0;
    struct errinfo ei = {0};

    if (clients < COHORTS) {
        fprintf(stderr, "usage: bench_endurance CLIENTS (at least %d)\n", COHORTS);
        return 2;
    }
    if (realm_keys_derive(secret, &keys, &ei) != ERR_OK || catalog_load(&catalog, &ei) != ERR_OK)
        die("set up", ei.text);
    host = make_host(&keys, catalog);
    for (int day = 0; day < DAYS; day++) {
        answered += live(host, &keys, clients, day);
        if (day == SETTLED)
            settled = memory_now();
    }
    end = memory_now();
    printf("%u clients, %d days: %" PRIu64 " activations answered\n", clients, DAYS, answered);
    report("after 3 months", settled);
    report("at the end", end);
    check_count(host);
    if (end.in_use > settled.in_use + SLACK)
        die("memory", "more is in use at the end than after three months");
    if (!SANITIZED && end.resident > settled.resident + RSS_SLACK)
        die("memory", "more is resident at the end than after three months");
    kms_host_free(host);
    catalog_free(catalog);
    realm_keys_wipe(&keys);
    return 0;
}
