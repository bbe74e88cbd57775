#include "web/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <uv.h>

#include "net/listen.h"
#include "web/header.h"

#define SETTING        "[web] listen"
#define MEMORY         (16u * 1024) /* of one connection: bounds a request's head */
#define RETRY_MS       5000         /* for a listener that is missing; twice as long each time */
#define RETRY_MAX_MS   300000
#define REAP_MS        250
#define ACCEPT_AT_ONCE 16 /* then others have their turn */

struct listener {
    struct web_server *server;
    const char *text;
    uv_poll_t poll;
    int fd;    /* -1: not yet */
    bool told; /* why it is not there */
    bool open; /* poll has to be closed */
};

struct web_server {
    struct web_conf conf;
    uv_thread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    uv_poll_t poll;    /* what libmicrohttpd waits for */
    uv_timer_t soon;   /* libmicrohttpd has something to do without waiting */
    uv_timer_t reaper; /* while there are connections */
    uv_timer_t retry;  /* while a listener is missing */
    uint64_t pause_ms; /* before the next retry */
    bool runs;         /* on the thread: the first try is over */
    uv_timer_t rest;   /* while the process has no descriptor for another connection */
    struct MHD_Daemon *mhd;
    struct listener *listeners;
    size_t listener_count;
    struct connection *connections;
    uint32_t open;
    bool full;
};

const struct web_conf *web_conf_of(const struct connection *c)
{
    return &c->server->conf;
}

/* ---- libmicrohttpd's turn ---- */

static void on_soon(uv_timer_t *t);

static void turn(struct web_server *s)
{
    MHD_UNSIGNED_LONG_LONG ms;

    MHD_run(s->mhd);
    if (MHD_get_timeout(s->mhd, &ms) == MHD_YES)
        uv_timer_start(&s->soon, on_soon, ms, 0);
    else
        uv_timer_stop(&s->soon);
}

static void on_soon(uv_timer_t *t)
{
    turn(t->data);
}

static void on_ready(uv_poll_t *p, int status, int events)
{
    (void)status;
    (void)events;
    turn(p->data);
}

/* ---- connections ---- */

void web_give_time(struct connection *c, bool answering)
{
    c->answered |= c->answering && !answering;
    c->answering = answering;
    c->deadline = uv_now(&c->server->loop) + c->server->conf.timeout_ms;
}

static void cut(struct connection *c, int fd)
{
    c->cut = true;
    shutdown(fd, SHUT_RDWR);
}

/* Nothing more to read, and never will be: libmicrohttpd, which waits for edges, misses an end that
 * came together with bytes. */
static bool is_gone(const struct connection *c, int fd)
{
    char byte;

    return !c->answering && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A client that sends or takes a byte now and then keeps its connection no longer than one that is
 * silent. libmicrohttpd sees the end of it and closes. */
static void on_reap(uv_timer_t *t)
{
    struct web_server *s = t->data;
    uint64_t now = uv_now(&s->loop);

    for (struct connection *c = s->connections; c != NULL; c = c->next) {
        const union MHD_ConnectionInfo *info;

        info = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info == NULL || c->cut)
            continue;
        if (now >= c->deadline && (c->answering || !c->answered))
            counter_add(&s->conf.stats->timeout, 1);
        if (now >= c->deadline || is_gone(c, info->connect_fd))
            cut(c, info->connect_fd);
    }
    turn(s);
}

static uint32_t of_source(const struct web_server *s, const uint8_t source[16])
{
    uint32_t n = 0;

    for (const struct connection *c = s->connections; c != NULL; c = c->next)
        n += memcmp(c->source, source, sizeof(c->source)) == 0;
    return n;
}

static void set_full(struct web_server *s, bool full);

static void drop(struct connection *c)
{
    struct web_server *s = c->server;

    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->connections = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    free(c);
    counter_add(&s->conf.stats->closed, 1);
    if (--s->open == 0)
        uv_timer_stop(&s->reaper);
    set_full(s, false);
}

static void begin(struct web_server *s, struct MHD_Connection *m, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(m, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct connection *c = calloc(1, sizeof(*c));

    *context = c; /* NULL: its requests end it */
    if (c == NULL)
        return;
    c->server = s;
    c->mhd = m;
    if (info != NULL && info->client_addr != NULL) {
        union address a = {0};

        memcpy(&a, info->client_addr,
               info->client_addr->sa_family == AF_INET6 ? sizeof(a.v6) : sizeof(a.v4));
        address_key(&a, c->source);
    }
    counter_add(&s->conf.stats->accepted, 1);
    c->next = s->connections;
    if (c->next != NULL)
        c->next->prev = c;
    s->connections = c;
    web_give_time(c, false);
    if (s->open++ == 0)
        uv_timer_start(&s->reaper, on_reap, REAP_MS, REAP_MS);
}

static void on_connection(void *server, struct MHD_Connection *m, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        begin(server, m, context);
    else if (*context != NULL)
        drop(*context);
}

/* ---- listening ---- */

static void on_incoming(uv_poll_t *p, int status, int events);

/* At the cap further connections wait in the listeners' queues. */
static void set_full(struct web_server *s, bool full)
{
    if (s->full == full)
        return;
    s->full = full;
    for (size_t i = 0; i < s->listener_count; i++) {
        struct listener *l = &s->listeners[i];

        if (!l->open || uv_is_closing((uv_handle_t *)&l->poll))
            continue;
        if (full)
            uv_poll_stop(&l->poll);
        else
            uv_poll_start(&l->poll, UV_READABLE, on_incoming);
    }
}

static void take(struct web_server *s, int fd, union address *a, socklen_t len)
{
    uint8_t source[16];

    address_key(a, source);
    if (of_source(s, source) >= s->conf.max_per_source) {
        counter_add(&s->conf.stats->accepted, 1);
        counter_add(&s->conf.stats->source_limit, 1);
        counter_add(&s->conf.stats->closed, 1);
        close(fd);
        return;
    }
    if (MHD_add_connection(s->mhd, fd, &a->any, len) != MHD_YES)
        log_as(&s->conf.log, LOGL_WARN, LOGK_WEB_BAD, NULL, "a connection could not be taken: %s",
               strerror(errno));
}

static void on_rested(uv_timer_t *t)
{
    struct web_server *s = t->data;

    set_full(s, s->open >= s->conf.max_connections);
}

/* Whoever waits there still does: asking again at once would only cost time. */
static bool is_short(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_incoming(uv_poll_t *p, int status, int events)
{
    struct listener *l = p->data;
    struct web_server *s = l->server;
    bool rest = false;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPT_AT_ONCE && s->open < s->conf.max_connections; i++) {
        union address a = {0};
        socklen_t len = sizeof(a);
        int fd = accept4(l->fd, &a.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            rest = is_short(errno);
            break;
        }
        take(s, fd, &a, len);
    }
    if (rest)
        uv_timer_start(&s->rest, on_rested, REAP_MS, 0);
    set_full(s, rest || s->open >= s->conf.max_connections);
    turn(s);
}

static enum err open_listener(struct listener *l, union address *a, struct errinfo *ei)
{
    const struct web_server *s = l->server;
    socklen_t len = sizeof(*a);
    enum err e = address_parse(l->text, a, ei);

    if (e == ERR_OK && (!s->runs || s->conf.listen_later == NULL))
        return listen_open(l->text, SETTING, a, 1, &l->fd, ei);
    if (e == ERR_OK)
        e = s->conf.listen_later(s->conf.arg, (size_t)(l - s->listeners), &l->fd, ei);
    if (e == ERR_OK)
        (void)getsockname(l->fd, &a->any, &len); /* for a port 0 */
    return e;
}

/* Whether it listens. */
static bool listen_at(struct listener *l)
{
    struct web_server *s = l->server;
    struct errinfo ei = {0};
    char text[64];
    union address a;
    enum err e = open_listener(l, &a, &ei);

    if (e == ERR_OK && uv_poll_init(&s->loop, &l->poll, l->fd) != 0) {
        close(l->fd);
        e = err_fail(&ei, ERR_NOMEM, "watch %s: out of memory", l->text);
    }
    if (e != ERR_OK) {
        l->fd = -1;
        if (!l->told)
            log_as(&s->conf.log, LOGL_WARN, LOGK_WEB_BAD, NULL,
                   "%s; activations are served all the same, and it is tried again", ei.text);
        l->told = true;
        return false;
    }
    l->open = true;
    l->poll.data = l;
    if (!s->full)
        uv_poll_start(&l->poll, UV_READABLE, on_incoming);
    log_as(&s->conf.log, LOGL_INFO, LOGK_WEB, NULL, "listening on http://%s/",
           address_format(&a, text, sizeof(text)));
    return true;
}

static void on_retry(uv_timer_t *t);

/* Whether all listen. */
static bool listen_all(struct web_server *s)
{
    bool all = true;

    for (size_t i = 0; i < s->listener_count; i++)
        all &= s->listeners[i].fd >= 0 || listen_at(&s->listeners[i]);
    if (!all) {
        uv_timer_start(&s->retry, on_retry, s->pause_ms, 0);
        s->pause_ms = s->pause_ms < RETRY_MAX_MS / 2 ? s->pause_ms * 2 : RETRY_MAX_MS;
    }
    return all;
}

static void on_retry(uv_timer_t *t)
{
    (void)listen_all(t->data);
}

/* ---- thread ---- */

static void on_stop(uv_async_t *a)
{
    struct web_server *s = a->data;

    if (s->poll.loop != NULL)
        uv_close((uv_handle_t *)&s->poll, NULL);
    if (s->mhd != NULL)
        MHD_stop_daemon(s->mhd); /* closes every connection */
    for (size_t i = 0; i < s->listener_count; i++) {
        if (s->listeners[i].open) {
            uv_close((uv_handle_t *)&s->listeners[i].poll, NULL);
            close(s->listeners[i].fd);
        }
    }
    uv_close((uv_handle_t *)&s->soon, NULL);
    uv_close((uv_handle_t *)&s->reaper, NULL);
    uv_close((uv_handle_t *)&s->retry, NULL);
    uv_close((uv_handle_t *)&s->rest, NULL);
    if (s->stop.loop != NULL)
        uv_close((uv_handle_t *)&s->stop, NULL);
}

static void run(void *arg)
{
    struct web_server *s = arg;

    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
}

static enum err start_mhd(struct web_server *s, struct errinfo *ei)
{
    const union MHD_DaemonInfo *info;
    int rc;

    s->mhd = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, request_handle, s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)s->conf.max_connections + 1, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_NOTIFY_COMPLETED, request_completed, s, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    info = s->mhd == NULL ? NULL : MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL)
        return err_fail(ei, ERR_INTERNAL, "start the HTTP server: libmicrohttpd %s has no epoll",
                        MHD_get_version());
    rc = uv_poll_init(&s->loop, &s->poll, info->epoll_fd);
    if (rc != 0)
        return err_fail_errno(ei, -rc, "watch the HTTP server's connections");
    s->poll.data = s;
    uv_poll_start(&s->poll, UV_READABLE, on_ready);
    return ERR_OK;
}

/* ---- life ---- */

static bool is_off(const struct conf_list *listen)
{
    return listen->n == 0 || (listen->n == 1 && strcasecmp(listen->v[0], "none") == 0);
}

static enum err check_addresses(const struct conf_list *listen, struct errinfo *ei)
{
    enum err e = ERR_OK;
    union address a;

    for (size_t i = 0; e == ERR_OK && !is_off(listen) && i < listen->n; i++) {
        e = address_parse(listen->v[i], &a, ei);
        if (e != ERR_OK)
            err_context(ei, SETTING);
    }
    return e;
}

static void init_timer(struct web_server *s, uv_timer_t *t)
{
    uv_timer_init(&s->loop, t);
    t->data = s;
}

static enum err add_listeners(struct web_server *s, struct errinfo *ei)
{
    s->listener_count = s->conf.listen->n;
    s->listeners = calloc(s->listener_count, sizeof(*s->listeners));
    if (s->listeners == NULL)
        return err_nomem(ei);
    for (size_t i = 0; i < s->listener_count; i++)
        s->listeners[i] = (struct listener){.server = s, .text = s->conf.listen->v[i], .fd = -1};
    return ERR_OK;
}

/* What was begun ends as the thread would end it. */
static enum err start(struct web_server *s, struct errinfo *ei)
{
    enum err e;
    int rc;

    init_timer(s, &s->soon);
    init_timer(s, &s->reaper);
    init_timer(s, &s->retry);
    s->pause_ms = RETRY_MS;
    init_timer(s, &s->rest);
    rc = uv_async_init(&s->loop, &s->stop, on_stop);
    s->stop.data = s;
    e = rc == 0 ? add_listeners(s, ei) : err_fail_errno(ei, -rc, "start the HTTP server");
    if (e == ERR_OK)
        e = start_mhd(s, ei);
    if (e == ERR_OK) {
        (void)listen_all(s); /* who waits for the start may connect then */
        s->runs = true;
        rc = uv_thread_create(&s->thread, run, s);
        if (rc == 0)
            return ERR_OK;
        e = err_fail_errno(ei, -rc, "start the HTTP server's thread");
    }
    return e;
}

enum err web_open(const struct web_conf *conf, struct web_server **out, struct errinfo *ei)
{
    struct web_server *s;
    enum err e = check_addresses(conf->listen, ei);
    int rc;

    *out = NULL;
    if (e != ERR_OK || is_off(conf->listen))
        return e;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return err_nomem(ei);
    s->conf = *conf;
    rc = uv_loop_init(&s->loop);
    if (rc != 0) {
        free(s);
        return err_fail_errno(ei, -rc, "start the HTTP server's loop");
    }
    e = start(s, ei);
    if (e == ERR_OK) {
        *out = s;
        return ERR_OK;
    }
    on_stop(&s->stop);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    free(s->listeners);
    free(s);
    return e;
}

void web_close(struct web_server *s)
{
    if (s == NULL)
        return;
    uv_async_send(&s->stop);
    uv_thread_join(&s->thread);
    free(s->listeners);
    free(s);
}
