#include "net/server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/listen.h"

static const char *const reason_names[NET_REASONS] = {
    [NET_PEER_CLOSED] = "peer-closed",
    [NET_PEER_RESET] = "peer-reset",
    [NET_BIND_TIMEOUT] = "bind-timeout",
    [NET_EXCHANGE_TIMEOUT] = "exchange-timeout",
    [NET_IDLE_TIMEOUT] = "idle-timeout",
    [NET_WRITE_TIMEOUT] = "write-timeout",
    [NET_SOURCE_LIMIT] = "source-limit",
    [NET_NOT_ALLOWED] = "not-allowed",
    [NET_BAD_PROXY_HEADER] = "bad-proxy-header",
    [NET_UNANSWERED] = "unanswered",
    [NET_SHUTDOWN] = "shutdown",
};

const char *net_reason_name(unsigned reason)
{
    if (reason < NET_REASONS)
        return reason_names[reason];
    return rpc_reason_name((enum rpc_reason)(reason - NET_REASONS));
}

/* ---- listening ---- */

enum err net_check(const struct net_conf *conf, const struct conf_list *listen, struct errinfo *ei)
{
    union address a;
    struct gate g;
    enum err e = gate_init(&g, conf, ei);

    if (e != ERR_OK)
        return e;
    gate_fini(&g);
    for (size_t i = 0; e == ERR_OK && i < listen->n; i++)
        e = address_parse(listen->v[i], &a, ei);
    return e;
}

static enum err too_many(struct errinfo *ei)
{
    return err_fail(ei, ERR_CONFIG, "more than %d addresses to listen on", LISTEN_MAX);
}

/* The sockets are the workers' from now on, whatever comes of it. */
static enum err give(struct net_server *s, const union address *a, const int *fds,
                     struct errinfo *ei)
{
    int rc = worker_listen(s->worker, fds[0], a);
    char text[NET_ADDRESS_MAX];

    if (rc != 0) {
        close(fds[0]);
        return err_fail_errno(ei, -rc, "listen on %s", address_format(a, text, sizeof(text)));
    }
    s->addresses[s->address_count++] = *a;
    return ERR_OK;
}

enum err net_listen(struct net_server *s, const char *text, struct errinfo *ei)
{
    union address a;
    int fds[1];
    enum err e = address_parse(text, &a, ei);

    if (e == ERR_OK && s->address_count == LISTEN_MAX)
        e = too_many(ei);
    if (e == ERR_OK)
        e = listen_open(text, &a, 1, fds, ei);
    return e == ERR_OK ? give(s, &a, fds, ei) : e;
}

enum err net_listen_inherited(struct net_server *s, int fd, struct errinfo *ei)
{
    union address a;
    int fds[1];
    enum err e = s->address_count == LISTEN_MAX ? too_many(ei) : listen_adopt(fd, &a, 1, fds, ei);

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
    worker_resume(s->worker);
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
    add_worker(s->worker, out);
}

/* ---- life ---- */

enum err net_server_new(uv_loop_t *loop, const struct net_conf *conf, struct net_server **out,
                        struct errinfo *ei)
{
    struct net_server *s = calloc(1, sizeof(*s));
    enum err e;

    if (s == NULL)
        return err_nomem(ei);
    s->conf = *conf;
    e = gate_init(&s->gate, conf, ei);
    if (e != ERR_OK) {
        free(s);
        return e;
    }
    s->rpc = rpc_shared_new(0);
    s->worker = calloc(1, sizeof(*s->worker));
    if (s->rpc == NULL || s->worker == NULL) {
        rpc_shared_free(s->rpc);
        free(s->worker);
        gate_fini(&s->gate);
        free(s);
        return err_nomem(ei);
    }
    worker_init(s->worker, s, 0, loop);
    *out = s;
    return ERR_OK;
}

void net_server_stop(struct net_server *s)
{
    worker_stop(s->worker);
}

void net_server_abort(struct net_server *s)
{
    worker_abort(s->worker);
}

bool net_server_stopped(const struct net_server *s)
{
    return s->worker->stopping && s->worker->handles == 0;
}

void net_server_free(struct net_server *s)
{
    if (s == NULL)
        return;
    assert(net_server_stopped(s));
    worker_fini(s->worker);
    free(s->worker);
    rpc_shared_free(s->rpc);
    gate_fini(&s->gate);
    free(s);
}
