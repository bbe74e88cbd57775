/* The membership registry's side of ./dev bench directory: reads a directory as adbad does and says
 * what that cost. directory.py starts it, beside ldapsearch. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "members/members.h"
#include "members/sync.h"
#include "steward/accounts.h"

#define LOOKUPS 2000000

static void die(const char *what, const struct errinfo *ei)
{
    fprintf(stderr, "bench_directory: %s: %s\n", what, ei->text);
    exit(1);
}

static double seconds_on(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The most memory this process ever had, in KiB. */
static long peak_kib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (f != NULL)
        fclose(f);
    return kib;
}

struct bench {
    struct dir *dir;
    struct members *members;
    struct buf cookie;
};

/* One synchronization as the daemon does it: the roster before stays in use until it is done. */
static uint64_t synchronize(struct bench *b, bool anew, double *seconds)
{
    const struct roster *roster = members_roster(b->members, NULL);
    const struct accounts_query q = {.cookie = anew ? NULL : b->cookie.data,
                                     .cookie_len = anew ? 0 : b->cookie.len};
    struct members_work *work = members_work_new(roster);
    struct members_reading reading;
    struct members_sync out;
    struct errinfo ei = {0};
    double begin = seconds_on(CLOCK_MONOTONIC);
    uint64_t entries;

    if (accounts_read(b->dir, &q, members_take, work, &reading, &ei) != ERR_OK ||
        members_work_end(work, &reading, &out, &ei) != ERR_OK)
        die("read the directory", &ei);
    members_publish(b->members, out.roster, 1);
    *seconds = seconds_on(CLOCK_MONOTONIC) - begin;
    entries = out.reading.entries;
    buf_fini(&b->cookie);
    b->cookie = out.reading.cookie;
    out.reading.cookie = (struct buf)BUF_INIT;
    members_sync_fini(&out);
    roster_unref(roster);
    return entries;
}

/* Names in an order that no cache can guess, a tenth of them unknown. */
static char (*make_names(const struct roster *r, size_t n))[16]
{
    char(*names)[16] = calloc(n, sizeof(*names));
    struct rng_seeded seed;
    struct rng rng;
    struct member m;

    if (names == NULL)
        abort();
    rng_seeded_init(&seed, 1);
    rng = rng_from_seed(&seed);
    for (size_t i = 0; i < n; i++) {
        uint32_t at = (uint32_t)rng_below(&rng, roster_places(r));

        if (i % 10 == 0 || !roster_at(r, at, &m))
            snprintf(names[i], sizeof(names[i]), "NOBODY%zu", i % 100000);
        else
            snprintf(names[i], sizeof(names[i]), "%s$", m.name);
    }
    return names;
}

static double lookup_ns(struct bench *b)
{
    const struct roster *r = members_roster(b->members, NULL);
    size_t n = 1 << 16, members = 0;
    char(*names)[16] = make_names(r, n);
    struct member_answer a;
    double begin;

    roster_unref(r);
    begin = seconds_on(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0; i < LOOKUPS; i++) {
        members_judge(b->members, MEMBER_BY_NAME, names[i % n], 0, 2, &a);
        members += a.verdict == MEMBER_YES;
    }
    begin = seconds_on(CLOCK_THREAD_CPUTIME_ID) - begin;
    free(names);
    return members > 0 ? begin * 1e9 / LOOKUPS : -1;
}

int main(int argc, char **argv)
{
    struct bench b = {.members = members_new(3600)};
    struct dir_conf conf = {.uri = argc > 1 ? argv[1] : NULL, .mechanism = DIR_EXTERNAL};
    bool only_read = argc > 2 && strcmp(argv[2], "read") == 0;
    double first, again = 0, changes = 0, ns = 0;
    const struct roster *r;
    struct errinfo ei = {0};
    uint64_t entries;
    long once;

    if (conf.uri == NULL || b.members == NULL) {
        fprintf(stderr, "usage: bench_directory URI [read]\n");
        return 2;
    }
    if (dir_open(&conf, &b.dir, &ei) != ERR_OK)
        die("open the directory", &ei);
    entries = synchronize(&b, true, &first);
    once = peak_kib();
    if (!only_read) {
        synchronize(&b, false, &changes);
        ns = lookup_ns(&b);
        synchronize(&b, true, &again);
    }
    r = members_roster(b.members, NULL);
    json_dumpf(json_pack("{s:I, s:f, s:f, s:f, s:I, s:I, s:I, s:f}", "entries", (json_int_t)entries,
                         "seconds", first, "seconds_nothing_changed", changes, "seconds_again",
                         again, "peak_kib_first", (json_int_t)once, "peak_kib",
                         (json_int_t)peak_kib(), "roster_bytes", (json_int_t)roster_bytes(r),
                         "lookup_ns", ns),
               stdout, JSON_COMPACT);
    putchar('\n');
    roster_unref(r);
    buf_fini(&b.cookie);
    members_free(b.members);
    dir_close(b.dir);
    return 0;
}
