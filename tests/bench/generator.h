/* generator: closed-loop load: every connection has one request outstanding. */
#ifndef ADBAD_BENCH_GENERATOR_H
#define ADBAD_BENCH_GENERATOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "histogram.h"
#include "workload.h"

#define GENERATOR_THREADS_MAX 16

struct generator_conf {
    const struct workload *workload;
    uint16_t port;        /* on 127.0.0.1 */
    bool fresh;           /* connect, bind, request, answer, close; else connections stay */
    unsigned connections; /* at a time */
    unsigned threads, sources;
    double warm_up, window; /* seconds */
    pid_t server;           /* whose CPU time is told; 0: nobody's */
    unsigned sample; /* every so many answers one is kept and opened after the window; 0: none */
};

struct generator_result {
    uint64_t answered; /* within the window */
    double seconds;
    double server_cpu, own_cpu; /* seconds within the window */
    uint64_t opened;            /* answers that were opened */
    struct histogram latency;   /* request (fresh: connect) to answer */
};

/* ERR_MALFORMED for the first answer that is not what it must be, ERR_UNREACHABLE for a connection
 * that breaks, ERR_TIMEOUT for a request that stays without answer. */
MUST_CHECK enum err generator_run(const struct generator_conf *conf, struct generator_result *out,
                                  struct errinfo *ei);

#endif
