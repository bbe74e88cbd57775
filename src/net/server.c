#include "net/server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/errand.h"
#include "net/listen.h"

/* ---- listening ---- */

static enum err too_many(struct errinfo *ei)
{
    return err_fail(ei, ERR_CONFIG, "more than %d addresses to listen on", LISTEN_MAX);
}

/* One socket for each worker; they are theirs from now on, or closed. */
static enum err give(struct net_server *s, const union address *a, const int *fds,
                     struct errinfo *ei)
{
    char text[NET_ADDRESS_MAX];
    int rc = 0;

    for (unsigned i = 0; i < s->conf.workers; i++) {
        if (rc == 0)
            rc = worker_listen(&s->workers[i], fds[i], a);
        if (rc != 0)
            close(fds[i]);
    }
    if (rc != 0)
        return err_fail_errno(ei, -rc, "listen on %s", address_format(a, text, sizeof(text)));
    s->addresses[s->address_count++] = *a;
    return ERR_OK;
}

enum err net_listen(struct net_server *s, const char *text, struct errinfo *ei)
{
    int fds[NET_WORKERS_MAX];
    union address a;
    enum err e = address_parse(text, &a, ei);

    if (e == ERR_OK && s->address_count == LISTEN_MAX)
        e = too_many(ei);
    if (e == ERR_OK)
        e = listen_open(text, "[kms] listen", &a, s->conf.workers, fds, ei);
    return e == ERR_OK ? give(s, &a, fds, ei) : e;
}

enum err net_listen_inherited(struct net_server *s, int fd, struct errinfo *ei)
{
    int fds[NET_WORKERS_MAX];
    union address a;
    enum err e = s->address_count == LISTEN_MAX ? too_many(ei)
                                                : listen_adopt(fd, &a, s->conf.workers, fds, ei);

    return e == ERR_OK ? give(s, &a, fds, ei) : e;
}

const char *net_server_addresses(const struct net_server *s, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < s->address_count && used < size; i++) {
        char one[NET_ADDRESS_MAX];

        used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                 address_format(&s->addresses[i], one, sizeof(one)));
    }
    return text;
}

/* ---- what all workers know together ---- */

void server_wake(struct net_server *s)
{
    for (unsigned i = 0; i < s->conf.workers; i++)
        mail_ask(&s->workers[i].mail, MAIL_RESUME);
}

void net_server_set_limits(struct net_server *s, struct net_limits *l)
{
    atomic_store(&s->idle_ms, l->idle_ms);
    if (gate_change(&s->gate, l))
        server_wake(s);
    for (unsigned i = 0; i < s->conf.workers; i++)
        mail_ask(&s->workers[i].mail, MAIL_LIMITS);
}

static void add_worker(const struct net_worker *w, struct net_stats *out)
{
    out->accepted += counter_read(&w->stats.accepted);
    out->calls += counter_read(&w->stats.calls);
    out->accepting =
        out->accepting && atomic_load_explicit(&w->stats.accepting, memory_order_relaxed);
    for (unsigned i = 0; i < NET_CLOSE_REASONS; i++)
        out->closed[i] += counter_read(&w->stats.closed[i]);
    for (const struct listener *l = w->listeners; l != NULL; l = l->next) {
        for (unsigned i = 0; i < RPC_REASONS; i++)
            out->refused[i] += counter_read(&l->rpc.refused[i]);
    }
}

void net_server_stats(struct net_server *s, struct net_stats *out)
{
    *out = (struct net_stats){.open = gate_open(&s->gate), .accepting = true};
    for (unsigned i = 0; i < s->conf.workers; i++)
        add_worker(&s->workers[i], out);
}

/* ---- the main loop ---- */

static void on_closed(uv_handle_t *h)
{
    struct net_server *s = h->data;

    s->stopped = true;
}

/* The threads that have ended are not waited for: their last deed was to say so. */
static void join_ended(struct net_server *s)
{
    for (unsigned i = 0; i < s->conf.workers; i++) {
        if (s->workers[i].running)
            uv_thread_join(&s->workers[i].thread);
        s->workers[i].running = false;
    }
    mail_close(&s->mail, on_closed);
}

static void on_mail(uv_async_t *h)
{
    struct net_server *s = h->data;
    struct net_errand *e, *next;
    unsigned asked = mail_take(&s->mail, &e);

    for (; e != NULL; e = next) {
        next = e->next;
        e->run(e->arg, e);
    }
    if ((asked & MAIL_ENDED) != 0 && s->stopping && atomic_load(&s->alive) == 0)
        join_ended(s);
}

/* ---- life ---- */

unsigned net_cores(void)
{
    unsigned n = uv_available_parallelism();

    return n < NET_WORKERS_MAX ? n : NET_WORKERS_MAX;
}

/* Ends a worker whose thread does not run. */
static void end_here(struct net_worker *w)
{
    worker_stop(w);
    uv_run(w->loop, UV_RUN_DEFAULT);
}

static void close_workers(struct net_server *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        end_here(&s->workers[i]);
        worker_fini(&s->workers[i]);
    }
    free(s->workers);
}

static enum err open_workers(struct net_server *s, struct errinfo *ei)
{
    s->workers = calloc(s->conf.workers, sizeof(*s->workers));
    if (s->workers == NULL)
        return err_nomem(ei);
    for (unsigned i = 0; i < s->conf.workers; i++) {
        int rc = worker_init(&s->workers[i], s, i);

        if (rc != 0) {
            close_workers(s, i);
            return err_fail_errno(ei, -rc, "start an event loop");
        }
    }
    return ERR_OK;
}

static enum err open_shared(struct net_server *s, struct errinfo *ei)
{
    struct net_limits *limits;
    enum err e = net_limits_new(&s->conf, &limits, ei);

    if (e != ERR_OK)
        return e;
    gate_init(&s->gate, limits);
    atomic_init(&s->idle_ms, s->conf.idle_ms);
    s->rpc = rpc_shared_new(0);
    if (s->rpc != NULL)
        return ERR_OK;
    gate_fini(&s->gate);
    return err_nomem(ei);
}

static void close_shared(struct net_server *s)
{
    rpc_shared_free(s->rpc);
    gate_fini(&s->gate);
}

static enum err open_parts(struct net_server *s, struct errinfo *ei)
{
    enum err e = open_shared(s, ei);
    int rc;

    if (e != ERR_OK)
        return e;
    e = open_workers(s, ei);
    if (e == ERR_OK && (rc = mail_init(&s->mail, s->loop, on_mail, s)) != 0) {
        close_workers(s, s->conf.workers);
        e = err_fail_errno(ei, -rc, "start the network");
    }
    if (e != ERR_OK)
        close_shared(s);
    return e;
}

enum err net_server_new(uv_loop_t *loop, const struct net_conf *conf, struct net_server **out,
                        struct errinfo *ei)
{
    struct net_server *s = calloc(1, sizeof(*s));
    enum err e;

    if (s == NULL)
        return err_nomem(ei);
    s->conf = *conf;
    s->loop = loop;
    e = open_parts(s, ei);
    if (e == ERR_OK)
        *out = s;
    else
        free(s);
    return e;
}

static enum err introduce(struct net_server *s, struct errinfo *ei)
{
    enum err e = ERR_OK;

    if (s->conf.worker_start == NULL)
        return ERR_OK;
    for (unsigned i = 0; e == ERR_OK && i < s->conf.workers; i++) {
        e = s->conf.worker_start(s->conf.arg, i, s->workers[i].loop, ei);
        s->workers[i].introduced = e == ERR_OK;
    }
    return e;
}

enum err net_server_start(struct net_server *s, struct errinfo *ei)
{
    enum err e = introduce(s, ei);

    for (unsigned i = 0; e == ERR_OK && i < s->conf.workers; i++) {
        int rc;

        atomic_fetch_add(&s->alive, 1);
        rc = worker_run(&s->workers[i]);
        if (rc == 0)
            continue;
        atomic_fetch_sub(&s->alive, 1);
        e = err_fail_errno(ei, -rc, "start a thread");
    }
    return e;
}

void net_server_stop(struct net_server *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    for (unsigned i = 0; i < s->conf.workers; i++) {
        if (s->workers[i].running)
            mail_ask(&s->workers[i].mail, MAIL_STOP);
        else
            end_here(&s->workers[i]);
    }
    mail_ask(&s->mail, MAIL_ENDED); /* none may have been running */
}

void net_server_abort(struct net_server *s)
{
    for (unsigned i = 0; i < s->conf.workers; i++)
        mail_ask(&s->workers[i].mail, MAIL_ABORT);
}

bool net_server_stopped(const struct net_server *s)
{
    return s->stopped;
}

void net_server_free(struct net_server *s)
{
    if (s == NULL)
        return;
    assert(s->stopped);
    for (unsigned i = 0; i < s->conf.workers; i++)
        worker_fini(&s->workers[i]);
    free(s->workers);
    mail_fini(&s->mail);
    close_shared(s);
    free(s);
}
