#include "net/server.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG           1024
#define ACCEPTS_PER_EVENT 64    /* then let those be served that are open */
#define RESUME_MS         100   /* how soon accepting is tried again */
#define TELL_EXHAUSTED_MS 60000 /* the log says so at most this often */
#define LINGER_MS         1000  /* for the peer to take our last words */

static const char *const reason_names[NET_REASONS] = {
    [NET_PEER_CLOSED] = "peer-closed",   [NET_PEER_RESET] = "peer-reset",
    [NET_BIND_TIMEOUT] = "bind-timeout", [NET_EXCHANGE_TIMEOUT] = "exchange-timeout",
    [NET_IDLE_TIMEOUT] = "idle-timeout", [NET_WRITE_TIMEOUT] = "write-timeout",
    [NET_SOURCE_LIMIT] = "source-limit", [NET_UNANSWERED] = "unanswered",
    [NET_SHUTDOWN] = "shutdown",
};

const char *net_reason_name(unsigned reason)
{
    if (reason < NET_REASONS)
        return reason_names[reason];
    return rpc_reason_name((enum rpc_reason)(reason - NET_REASONS));
}

/* ---- deadlines ---- */

static void arm(struct net_server *s);

static void on_deadline(uv_timer_t *t)
{
    struct net_server *s = t->data;
    struct deadline *d;

    s->deadline_armed = UINT64_MAX;
    while ((d = deadline_due(&s->deadlines, uv_now(s->loop))) != NULL) {
        deadline_clear(d);
        conn_expired(d);
    }
    arm(s);
}

static void arm(struct net_server *s)
{
    uint64_t next = deadline_next(&s->deadlines), now = uv_now(s->loop);

    if (next >= s->deadline_armed || next == UINT64_MAX)
        return;
    s->deadline_armed = next;
    uv_timer_start(&s->deadline_timer, on_deadline, next > now ? next - now : 0, 0);
}

void server_set_deadline(struct net_server *s, struct deadline *d, enum deadline_kind kind)
{
    deadline_set(&s->deadlines, d, kind, uv_now(s->loop));
    if (kind != DEADLINE_NONE)
        arm(s);
}

/* ---- accepting ---- */

static void on_readable(uv_poll_t *p, int status, int events);

static void resume(struct net_server *s)
{
    if (s->stopping)
        return;
    uv_timer_stop(&s->resume_timer);
    for (struct listener *l = s->listeners; l != NULL; l = l->next)
        uv_poll_start(&l->poll, UV_READABLE, on_readable);
    s->stats.accepting = true;
}

static void on_resume(uv_timer_t *t)
{
    resume(t->data);
}

/* Those who wait stay in the kernel's queue; those who are connected are served on. */
static void pause_accepting(struct net_server *s)
{
    for (struct listener *l = s->listeners; l != NULL; l = l->next)
        uv_poll_stop(&l->poll);
    s->stats.accepting = false;
}

static void tell_exhausted(struct net_server *s, const char *what)
{
    uint64_t now = uv_now(s->loop);

    if (s->told_exhausted != 0 && now - s->told_exhausted < TELL_EXHAUSTED_MS)
        return;
    s->told_exhausted = now;
    log_warn(&s->conf.log, "accepting pauses with %u connections open: %s", s->stats.open, what);
}

static void accept_failed(struct net_server *s, int errnum)
{
    char text[128];

    tell_exhausted(s, strerror_r(errnum, text, sizeof(text)));
    pause_accepting(s);
    uv_timer_start(&s->resume_timer, on_resume, RESUME_MS, 0);
}

static void turn_away(struct net_server *s, int fd, const union address *peer)
{
    char text[NET_ADDRESS_MAX];

    close(fd);
    server_count_close(s, NET_SOURCE_LIMIT);
    log_info(&s->conf.log, "%s closed: %s, %u connections of this address are open",
             address_format(peer, text, sizeof(text)), net_reason_name(NET_SOURCE_LIMIT),
             s->conf.max_per_source);
}

static void admit(struct listener *l, int fd, const union address *peer)
{
    struct net_server *s = l->server;

    s->stats.accepted++;
    switch (source_add(&s->sources, peer, s->conf.max_per_source)) {
    case ERR_OK:
        s->stats.open++;
        conn_start(s, l, fd, peer);
        break;
    case ERR_LIMIT:
        turn_away(s, fd, peer);
        break;
    default:
        close(fd);
        server_count_close(s, NET_RPC_REASON(RPC_NO_MEMORY));
    }
}

static void on_readable(uv_poll_t *p, int status, int events)
{
    struct listener *l = p->data;
    struct net_server *s = l->server;

    (void)events;
    if (status < 0)
        return;
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        union address peer;
        socklen_t len = sizeof(peer);
        int fd;

        if (s->stats.open >= s->conf.max_connections) {
            tell_exhausted(s, "[kms] max_connections is reached");
            pause_accepting(s);
            return;
        }
        fd = accept4(l->fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            admit(l, fd, &peer);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            accept_failed(s, errno);
            return;
        } /* else that one connection failed before it was ours */
    }
}

void server_count_close(struct net_server *s, unsigned reason)
{
    s->stats.closed[reason]++;
}

/* ---- listening ---- */

static enum err listen_failed(int errnum, const char *text, struct errinfo *ei)
{
    const char *remedy = "";
    bool misconfigured = errnum == EADDRNOTAVAIL || errnum == EAFNOSUPPORT;

    if (errnum == EADDRINUSE)
        remedy = "; another program listens there: stop it, or choose another port in "
                 "[kms] listen";
    else if (errnum == EACCES)
        remedy = "; ports below 1024 need CAP_NET_BIND_SERVICE: choose another in [kms] listen";
    else if (misconfigured)
        remedy = "; this machine has no such address: change [kms] listen";
    err_fail_errno(ei, errnum, "listen on %s", text);
    return err_fail(ei, misconfigured ? ERR_CONFIG : ei->code, "%s%s", ei->text, remedy);
}

static int open_socket(const union address *a, int *fd)
{
    static const int on = 1;
    socklen_t len = a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);

    *fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return errno;
    /* TCP_NODELAY is inherited by what is accepted. */
    if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        (a->any.sa_family == AF_INET6 &&
         setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
        bind(*fd, &a->any, len) != 0 || listen(*fd, BACKLOG) != 0)
        return errno;
    return 0;
}

static void set_rpc(struct listener *l)
{
    l->rpc.ifaces = l->server->conf.ifaces;
    l->rpc.iface_count = l->server->conf.iface_count;
    l->rpc.on_refusal = conn_refused;
    l->rpc.arg = l;
    snprintf(l->rpc.secondary_address, sizeof(l->rpc.secondary_address), "%u",
             address_port(&l->address));
    rpc_server_init(&l->rpc, l->server->rpc);
}

enum err net_listen(struct net_server *s, const char *text, struct errinfo *ei)
{
    struct listener *l = calloc(1, sizeof(*l));
    struct listener **end = &s->listeners;
    socklen_t len = sizeof(l->address);
    int errnum;
    enum err e;

    if (l == NULL)
        return err_nomem(ei);
    l->server = s;
    l->fd = -1;
    e = address_parse(text, &l->address, ei);
    if (e != ERR_OK)
        goto out;
    errnum = open_socket(&l->address, &l->fd);
    if (errnum == 0 && getsockname(l->fd, &l->address.any, &len) != 0)
        errnum = errno;
    if (errnum == 0)
        errnum = -uv_poll_init(s->loop, &l->poll, l->fd);
    if (errnum != 0) {
        e = listen_failed(errnum, text, ei);
        goto out;
    }
    l->poll.data = l;
    s->handles++;
    set_rpc(l);
    uv_poll_start(&l->poll, UV_READABLE, on_readable);
    while (*end != NULL)
        end = &(*end)->next;
    *end = l;
    return ERR_OK;
out:
    if (l->fd >= 0)
        close(l->fd);
    free(l);
    return e;
}

const char *net_server_addresses(const struct net_server *s, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (struct listener *l = s->listeners; l != NULL && used < size; l = l->next) {
        char one[NET_ADDRESS_MAX];

        used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                 address_format(&l->address, one, sizeof(one)));
    }
    return text;
}

/* ---- life ---- */

struct net_server *net_server_new(uv_loop_t *loop, const struct net_conf *conf)
{
    struct net_server *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->rpc = rpc_shared_new(0);
    if (s->rpc == NULL) {
        free(s);
        return NULL;
    }
    s->conf = *conf;
    s->loop = loop;
    s->stats.accepting = true;
    s->deadline_armed = UINT64_MAX;
    deadlines_init(&s->deadlines);
    s->deadlines.ms[DEADLINE_BIND] = conf->bind_ms;
    s->deadlines.ms[DEADLINE_EXCHANGE] = conf->exchange_ms;
    s->deadlines.ms[DEADLINE_IDLE] = conf->idle_ms;
    s->deadlines.ms[DEADLINE_WRITE] = conf->exchange_ms;
    s->deadlines.ms[DEADLINE_LINGER] = LINGER_MS;
    s->sources.seed = uv_hrtime() ^ (uint64_t)(uintptr_t)s;
    uv_timer_init(loop, &s->deadline_timer);
    uv_timer_init(loop, &s->resume_timer);
    s->deadline_timer.data = s->resume_timer.data = s;
    s->handles = 2;
    return s;
}

void net_server_stats(const struct net_server *s, struct net_stats *out)
{
    *out = s->stats;
    for (const struct listener *l = s->listeners; l != NULL; l = l->next) {
        for (unsigned i = 0; i < RPC_REASONS; i++)
            out->refused[i] += counter_read(&l->rpc.refused[i]);
    }
}

static void on_closed(uv_handle_t *h)
{
    struct net_server *s = h->data;

    s->handles--;
}

static void on_listener_closed(uv_handle_t *h)
{
    struct listener *l = h->data;

    l->server->handles--;
}

/* The last handle goes when no connection needs its deadline any more. */
static void close_when_empty(struct net_server *s)
{
    if (s->stopping && s->stats.open == 0)
        uv_close((uv_handle_t *)&s->deadline_timer, on_closed);
}

void server_forget(struct net_server *s, const union address *peer)
{
    source_drop(&s->sources, peer);
    s->stats.open--;
    if (!s->stats.accepting)
        resume(s);
    close_when_empty(s);
}

void net_server_stop(struct net_server *s)
{
    struct net_conn *c, *next;

    if (s->stopping)
        return;
    s->stopping = true;
    for (struct listener *l = s->listeners; l != NULL; l = l->next) {
        uv_close((uv_handle_t *)&l->poll, on_listener_closed);
        close(l->fd); /* the poll handle has let go of it */
    }
    uv_close((uv_handle_t *)&s->resume_timer, on_closed);
    close_when_empty(s);
    for (c = s->conns; c != NULL; c = next) {
        next = conn_next(c);
        conn_stop(c);
    }
}

void net_server_abort(struct net_server *s)
{
    struct net_conn *c, *next;

    for (c = s->conns; c != NULL; c = next) {
        next = conn_next(c);
        conn_kill(c);
    }
}

bool net_server_stopped(const struct net_server *s)
{
    return s->stopping && s->handles == 0;
}

void net_server_free(struct net_server *s)
{
    struct listener *l, *next;

    if (s == NULL)
        return;
    assert(net_server_stopped(s));
    for (l = s->listeners; l != NULL; l = next) {
        next = l->next;
        rpc_server_fini(&l->rpc);
        free(l);
    }
    rpc_shared_free(s->rpc);
    sources_fini(&s->sources);
    free(s);
}
