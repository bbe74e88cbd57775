#include "generator.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"
#include "rpc/pdu.h"

#define EVENTS        64
#define SAMPLES_MAX   256 /* kept by one thread */
#define GRACE_NS      UINT64_C(5000000000)
#define TICK_MS       50
#define SOURCE_STRIDE 7 /* so that neighbours come from different addresses */

struct connection {
    int fd;
    bool binding;
    size_t request;
    uint64_t began;
    size_t got;
    uint8_t in[WORKLOAD_ANSWER_MAX];
};

struct kept {
    size_t request, len;
    uint8_t pdu[WORKLOAD_ANSWER_MAX];
};

struct worker {
    const struct generator_conf *conf;
    unsigned number;
    pthread_t thread;
    int epoll;
    struct connection *connections;
    unsigned n, busy; /* busy: with a request outstanding */
    size_t next;      /* request */
    unsigned source;
    uint64_t until, from; /* the window */
    uint64_t answered, seen;
    struct kept *kept;
    size_t kept_count;
    struct histogram latency;
    enum err e;
    struct errinfo ei;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(struct worker *w, enum err e, const char *what)
{
    if (w->e == ERR_OK)
        w->e = err_fail(&w->ei, e, "%s", what);
}

/* ---- one connection ---- */

static size_t next_request(struct worker *w)
{
    size_t i = w->next;

    w->next = i + 1 == w->conf->workload->n ? 0 : i + 1;
    return i;
}

static void say(struct worker *w, struct connection *c, const void *pdu, size_t len)
{
    c->got = 0;
    if (send(c->fd, pdu, len, MSG_NOSIGNAL) != (ssize_t)len)
        fail(w, ERR_UNREACHABLE, "a connection broke");
}

static void ask(struct worker *w, struct connection *c)
{
    const struct workload_request *r;

    c->request = next_request(w);
    r = &w->conf->workload->requests[c->request];
    say(w, c, r->pdu, r->len);
}

static void dial(struct worker *w, struct connection *c)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

    c->fd = peer_connect(w->conf->port, w->source);
    w->source = (w->source + SOURCE_STRIDE) % w->conf->sources;
    if (c->fd == -1 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0)
        fail(w, ERR_UNREACHABLE, strerror(errno));
}

static void hang_up(struct connection *c)
{
    if (c->fd != -1)
        close(c->fd);
    c->fd = -1;
}

/* A whole activation on a connection of its own. */
static void begin_fresh(struct worker *w, struct connection *c, uint64_t now)
{
    const struct buf *bind = &w->conf->workload->bind;

    c->began = now;
    c->binding = true;
    dial(w, c);
    if (w->e == ERR_OK)
        say(w, c, bind->data, bind->len);
}

static void begin(struct worker *w, struct connection *c, uint64_t now)
{
    if (w->conf->fresh) {
        begin_fresh(w, c, now);
        return;
    }
    c->began = now;
    ask(w, c);
}

static void keep(struct worker *w, const struct connection *c)
{
    if (w->conf->sample == 0 || w->seen++ % w->conf->sample != 0 || w->kept_count == SAMPLES_MAX)
        return;
    w->kept[w->kept_count].request = c->request;
    w->kept[w->kept_count].len = c->got;
    memcpy(w->kept[w->kept_count++].pdu, c->in, c->got);
}

static void on_answer(struct worker *w, struct connection *c)
{
    const char *wrong = workload_check(w->conf->workload, c->request, c->in, c->got);
    uint64_t now = now_ns(CLOCK_MONOTONIC);

    if (wrong != NULL) {
        fail(w, ERR_MALFORMED, wrong);
        return;
    }
    if (now >= w->from && now < w->until) {
        w->answered++;
        histogram_add(&w->latency, now - c->began);
        keep(w, c);
    }
    if (w->conf->fresh)
        hang_up(c);
    if (now < w->until)
        begin(w, c, now);
    else
        w->busy--;
}

static void on_ack(struct worker *w, struct connection *c)
{
    const char *wrong = workload_check_ack(w->conf->workload, c->in, c->got);

    c->binding = false;
    if (wrong != NULL)
        fail(w, ERR_MALFORMED, wrong);
    else
        ask(w, c);
}

static void on_readable(struct worker *w, struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->got, sizeof(c->in) - c->got, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        fail(w, ERR_UNREACHABLE, n == 0 ? "the server closed a connection" : strerror(errno));
        return;
    }
    c->got += (size_t)n;
    if (c->got < RPC_HDR_LEN || c->got < ((size_t)c->in[8] | (size_t)c->in[9] << 8))
        return;
    if (c->binding)
        on_ack(w, c);
    else
        on_answer(w, c);
}

/* ---- one thread ---- */

static void bind_connection(struct worker *w, struct connection *c)
{
    const struct workload *wl = w->conf->workload;
    size_t len;

    dial(w, c);
    if (w->e == ERR_OK)
        w->e =
            peer_exchange(c->fd, wl->bind.data, wl->bind.len, c->in, sizeof(c->in), &len, &w->ei);
    if (w->e == ERR_OK && workload_check_ack(wl, c->in, len) != NULL)
        fail(w, ERR_MALFORMED, workload_check_ack(wl, c->in, len));
}

static void loop(struct worker *w)
{
    struct epoll_event events[EVENTS];

    while (w->busy > 0 && w->e == ERR_OK) {
        int n = epoll_wait(w->epoll, events, EVENTS, TICK_MS);

        if (n == 0 && now_ns(CLOCK_MONOTONIC) > w->until + GRACE_NS)
            fail(w, ERR_TIMEOUT, "a request stayed without answer");
        for (int i = 0; i < n && w->e == ERR_OK; i++)
            on_readable(w, events[i].data.ptr);
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;

    for (unsigned i = 0; i < w->n && w->e == ERR_OK; i++, w->busy++)
        begin(w, &w->connections[i], now_ns(CLOCK_MONOTONIC));
    loop(w);
    return NULL;
}

static void worker_fini(struct worker *w)
{
    for (unsigned i = 0; w->connections != NULL && i < w->n; i++)
        hang_up(&w->connections[i]);
    free(w->connections);
    free(w->kept);
    if (w->epoll != -1)
        close(w->epoll);
}

/* Connections that stay are bound here, before the clock runs. */
static enum err worker_init(struct worker *w, const struct generator_conf *conf, unsigned number)
{
    w->conf = conf;
    w->number = number;
    w->n = conf->connections / conf->threads + (number < conf->connections % conf->threads);
    w->next = conf->workload->n / conf->threads * number;
    w->source = number % conf->sources;
    w->connections = calloc(w->n + 1, sizeof(*w->connections));
    w->kept = calloc(SAMPLES_MAX, sizeof(*w->kept));
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; w->connections != NULL && i < w->n; i++)
        w->connections[i].fd = -1;
    if (w->connections == NULL || w->kept == NULL || w->epoll == -1)
        fail(w, ERR_NOMEM, "no memory for a thread");
    for (unsigned i = 0; !conf->fresh && i < w->n && w->e == ERR_OK; i++)
        bind_connection(w, &w->connections[i]);
    return w->e;
}

/* ---- one run ---- */

static double cpu_of(pid_t pid)
{
    clockid_t clock;

    if (pid == 0 || clock_getcpuclockid(pid, &clock) != 0)
        return 0;
    return (double)now_ns(clock) / 1e9;
}

static void sleep_until(uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static void watch(const struct generator_conf *conf, uint64_t from, uint64_t until,
                  struct generator_result *out)
{
    double server, own;

    sleep_until(from);
    server = cpu_of(conf->server);
    own = (double)now_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
    sleep_until(until);
    out->server_cpu = cpu_of(conf->server) - server;
    out->own_cpu = (double)now_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9 - own;
    out->seconds = (double)(until - from) / 1e9;
}

static enum err collect(struct worker *w, struct generator_result *out, struct errinfo *ei)
{
    for (size_t i = 0; w->e == ERR_OK && i < w->kept_count; i++, out->opened++)
        w->e = workload_open(w->conf->workload, w->kept[i].request, w->kept[i].pdu, w->kept[i].len,
                             &w->ei);
    out->answered += w->answered;
    histogram_merge(&out->latency, &w->latency);
    if (w->e != ERR_OK)
        *ei = w->ei;
    return w->e;
}

static enum err run(struct worker *workers, const struct generator_conf *conf,
                    struct generator_result *out, struct errinfo *ei)
{
    uint64_t from = now_ns(CLOCK_MONOTONIC) + (uint64_t)(conf->warm_up * 1e9);
    uint64_t until = from + (uint64_t)(conf->window * 1e9);
    unsigned started = 0;
    enum err e = ERR_OK;

    for (; started < conf->threads; started++) {
        workers[started].from = from;
        workers[started].until = until;
        if (pthread_create(&workers[started].thread, NULL, worker_main, &workers[started]) != 0)
            break;
    }
    if (started == conf->threads)
        watch(conf, from, until, out);
    else
        e = err_fail(ei, ERR_NOMEM, "start a thread");
    for (unsigned i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    for (unsigned i = 0; e == ERR_OK && i < started; i++)
        e = collect(&workers[i], out, ei);
    return e;
}

enum err generator_run(const struct generator_conf *conf, struct generator_result *out,
                       struct errinfo *ei)
{
    struct worker *workers = calloc(conf->threads, sizeof(*workers));
    enum err e = workers == NULL ? err_nomem(ei) : ERR_OK;
    unsigned made = 0;

    memset(out, 0, sizeof(*out));
    for (; e == ERR_OK && made < conf->threads; made++) {
        e = worker_init(&workers[made], conf, made);
        if (e != ERR_OK)
            *ei = workers[made].ei;
    }
    if (e == ERR_OK)
        e = run(workers, conf, out, ei);
    for (unsigned i = 0; i < made; i++)
        worker_fini(&workers[i]);
    free(workers);
    return e;
}
