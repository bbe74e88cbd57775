#include "net/worker.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/errand.h"
#include "net/server.h"

#define ACCEPTS_PER_EVENT 64    /* then let those be served that are open */
#define RESUME_MS         100   /* how soon accepting is tried again */
#define TELL_EXHAUSTED_MS 60000 /* the log says so at most this often */
#define LINGER_MS         1000  /* for the peer to take our last words */
#define LINES_PER_SECOND  20
#define SECOND_MS         1000
#define TRIM_FROM         1024 /* connections whose memory is worth giving back */

/* ---- deadlines ---- */

static void arm(struct net_worker *w);

static void on_deadline(uv_timer_t *t)
{
    struct net_worker *w = t->data;
    struct deadline *d;

    w->deadline_armed = UINT64_MAX;
    while ((d = deadline_due(&w->deadlines, uv_now(w->loop))) != NULL) {
        deadline_clear(d);
        conn_expired(d);
    }
    arm(w);
}

static void arm(struct net_worker *w)
{
    uint64_t next = deadline_next(&w->deadlines), now = uv_now(w->loop);

    if (next >= w->deadline_armed || next == UINT64_MAX)
        return;
    w->deadline_armed = next;
    uv_timer_start(&w->deadline_timer, on_deadline, next > now ? next - now : 0, 0);
}

void worker_set_deadline(struct net_worker *w, struct deadline *d, enum deadline_kind kind)
{
    deadline_set(&w->deadlines, d, kind, uv_now(w->loop));
    if (kind != DEADLINE_NONE)
        arm(w);
}

/* ---- the log ---- */

static int64_t second(const struct net_worker *w)
{
    return (int64_t)(uv_now(w->loop) / SECOND_MS);
}

static void on_tell(uv_timer_t *t)
{
    struct net_worker *w = t->data;

    if (loglimit_tell(&w->lines, &w->server->conf.log, LOGL_INFO, second(w)))
        uv_timer_stop(t);
}

/* Whether a line at this level may be written now. */
static bool may_tell(struct net_worker *w, enum log_level level)
{
    if (!log_enabled(&w->server->conf.log, level))
        return false;
    if (loglimit_pass(&w->lines, &w->server->conf.log, second(w)))
        return true;
    if (!uv_is_active((uv_handle_t *)&w->tell_timer) && !w->stopping)
        uv_timer_start(&w->tell_timer, on_tell, SECOND_MS, SECOND_MS);
    return false;
}

void worker_record(struct net_worker *w, const union address *peer, unsigned reason,
                   const char *detail)
{
    enum log_level level =
        reason == NET_PEER_CLOSED || reason == NET_SHUTDOWN ? LOGL_DEBUG : LOGL_INFO;
    char text[NET_ADDRESS_MAX];

    counter_add(&w->stats.closed[reason], 1);
    if (may_tell(w, level))
        log_write_as(&w->server->conf.log, level, LOGK_CONNECTION_CLOSED, net_reason_name(reason),
                     "%s closed: %s%s%s", address_format(peer, text, sizeof(text)),
                     net_reason_name(reason), detail[0] != '\0' ? ": " : "", detail);
}

unsigned worker_refusal(const struct net_worker *w, enum err e, char detail[64])
{
    detail[0] = '\0';
    if (e == ERR_NOMEM)
        return NET_RPC_REASON(RPC_NO_MEMORY);
    if (e == ERR_REFUSED) {
        snprintf(detail, 64, "[kms] allow and deny do not let it in");
        return NET_NOT_ALLOWED;
    }
    snprintf(detail, 64, "%u connections of this address are open",
             gate_per_source(&w->server->gate));
    return NET_SOURCE_LIMIT;
}

/* Told by the rpc core while it is fed: refused, and the connection stays. arg: the listener. */
static void on_refusal(void *arg, enum rpc_reason reason, const char *detail)
{
    struct listener *l = arg;
    struct net_worker *w = l->worker;
    char text[NET_ADDRESS_MAX] = "-";

    if (w->current != NULL)
        conn_peer(w->current, text);
    if (may_tell(w, LOGL_INFO))
        log_write_as(&w->server->conf.log, LOGL_INFO, LOGK_CALL_REFUSED, rpc_reason_name(reason),
                     "%s refused: %s: %s", text, rpc_reason_name(reason), detail);
}

/* ---- accepting ---- */

static void on_readable(uv_poll_t *p, int status, int events);

static void set_accepting(struct net_worker *w, bool on)
{
    atomic_store_explicit(&w->stats.accepting, on, memory_order_relaxed);
}

void worker_resume(struct net_worker *w)
{
    if (w->stopping || atomic_load_explicit(&w->stats.accepting, memory_order_relaxed))
        return;
    uv_timer_stop(&w->resume_timer);
    for (struct listener *l = w->listeners; l != NULL; l = l->next)
        uv_poll_start(&l->poll, UV_READABLE, on_readable);
    set_accepting(w, true);
}

static void on_resume(uv_timer_t *t)
{
    worker_resume(t->data);
}

/* Those who wait stay in the kernel's queue; those who are connected are served on. */
static void pause_accepting(struct net_worker *w)
{
    for (struct listener *l = w->listeners; l != NULL; l = l->next)
        uv_poll_stop(&l->poll);
    set_accepting(w, false);
}

static void tell_exhausted(struct net_worker *w, const char *what)
{
    uint64_t now = uv_now(w->loop);

    if (w->told_exhausted != 0 && now - w->told_exhausted < TELL_EXHAUSTED_MS)
        return;
    w->told_exhausted = now;
    log_as(&w->server->conf.log, LOGL_WARN, LOGK_ACCEPTING, NULL,
           "accepting pauses with %u connections open: %s", gate_open(&w->server->gate), what);
}

static void accept_failed(struct net_worker *w, int errnum)
{
    char text[128];

    tell_exhausted(w, strerror_r(errnum, text, sizeof(text)));
    pause_accepting(w);
    uv_timer_start(&w->resume_timer, on_resume, RESUME_MS, 0);
}

/* A place at the gate is taken; it goes to the connection, or back. */
static void admit(struct listener *l, int fd, union address *peer)
{
    struct net_worker *w = l->worker;
    struct gate *g = &w->server->gate;
    bool awaits;
    enum err e;

    address_unmap(peer);
    counter_add(&w->stats.accepted, 1);
    awaits = gate_trusts(g, peer);
    e = awaits ? ERR_OK : gate_admit(g, peer);
    if (e == ERR_OK) {
        w->open++;
        if (w->open > w->peak)
            w->peak = w->open;
        conn_start(w, l, fd, peer, awaits);
    } else {
        char detail[64];
        unsigned reason = worker_refusal(w, e, detail);

        worker_record(w, peer, reason, detail);
        if (gate_leave(g, NULL))
            server_wake(w->server);
        close(fd); /* whoever sees it closed finds it counted */
    }
}

static bool exhausted(int errnum)
{
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

/* Accepts one; false: no more now. */
static bool accept_one(struct listener *l)
{
    struct net_worker *w = l->worker;
    union address peer = {0};
    socklen_t len = sizeof(peer);
    int fd, errnum;

    if (!gate_enter(&w->server->gate)) {
        tell_exhausted(w, "[kms] max_connections is reached");
        pause_accepting(w);
        return false;
    }
    fd = accept4(l->fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    errnum = errno;
    if (fd >= 0) {
        admit(l, fd, &peer);
        return true;
    }
    if (gate_leave(&w->server->gate, NULL))
        server_wake(w->server);
    if (exhausted(errnum))
        accept_failed(w, errnum);
    /* else none waits, or that one connection failed before it was ours */
    return errnum != EAGAIN && errnum != EWOULDBLOCK && !exhausted(errnum);
}

/* Accepts as many as came together lately, so that where they come one by one few questions are
 * asked in vain. Whoever is left is told by the next event. */
static void on_readable(uv_poll_t *p, int status, int events)
{
    struct listener *l = p->data;
    struct net_worker *w = l->worker;
    unsigned n = 0;

    (void)events;
    if (status < 0)
        return;
    while (n < w->burst && accept_one(l))
        n++;
    if (n == w->burst)
        w->burst = n < ACCEPTS_PER_EVENT ? n * 2 : n;
    else
        w->burst = n > 1 ? n : 1;
}

/* ---- life ---- */

static void set_rpc(struct listener *l, uint16_t port)
{
    const struct net_server *s = l->worker->server;

    l->rpc.ifaces = s->conf.ifaces;
    l->rpc.iface_count = s->conf.iface_count;
    l->rpc.on_refusal = on_refusal;
    l->rpc.arg = l;
    l->rpc.security = s->conf.security;
    snprintf(l->rpc.secondary_address, sizeof(l->rpc.secondary_address), "%u", port);
    rpc_server_init(&l->rpc, s->rpc);
}

int worker_listen(struct net_worker *w, int fd, const union address *a)
{
    struct listener *l = calloc(1, sizeof(*l));
    int rc = l == NULL ? UV_ENOMEM : uv_poll_init(w->loop, &l->poll, fd);

    if (rc != 0) {
        free(l);
        return rc;
    }
    l->worker = w;
    l->fd = fd;
    l->poll.data = l;
    set_rpc(l, address_port(a));
    uv_poll_start(&l->poll, UV_READABLE, on_readable);
    l->next = w->listeners;
    w->listeners = l;
    return 0;
}

/* Those who are silent now have the new limit, too, from when they fell silent. */
static void take_limits(struct net_worker *w)
{
    deadlines_change(&w->deadlines, DEADLINE_IDLE, atomic_load(&w->server->idle_ms));
    arm(w);
}

/* Takes in what was posted; returns what was asked. */
static unsigned take_mail(struct net_worker *w)
{
    struct net_errand *e, *next;
    unsigned asked = mail_take(&w->mail, &e);

    for (; e != NULL; e = next) {
        next = e->next;
        errand_finish(e);
    }
    return asked;
}

static void on_mail(uv_async_t *h)
{
    struct net_worker *w = h->data;
    unsigned asked = take_mail(w);

    if ((asked & MAIL_RESUME) != 0)
        worker_resume(w);
    if ((asked & MAIL_LIMITS) != 0)
        take_limits(w);
    if ((asked & MAIL_STOP) != 0)
        worker_stop(w);
    if ((asked & MAIL_ABORT) != 0)
        worker_abort(w);
}

static void init_deadlines(struct net_worker *w, const struct net_conf *conf)
{
    w->deadline_armed = UINT64_MAX;
    deadlines_init(&w->deadlines);
    w->deadlines.ms[DEADLINE_BIND] = conf->bind_ms;
    w->deadlines.ms[DEADLINE_EXCHANGE] = conf->exchange_ms;
    w->deadlines.ms[DEADLINE_IDLE] = atomic_load(&w->server->idle_ms);
    w->deadlines.ms[DEADLINE_WRITE] = conf->exchange_ms;
    w->deadlines.ms[DEADLINE_LINGER] = LINGER_MS;
}

int worker_init(struct net_worker *w, struct net_server *s, unsigned number)
{
    uv_timer_t *const timers[] = {&w->deadline_timer, &w->resume_timer, &w->tell_timer};
    int rc = uv_loop_init(&w->own_loop);

    if (rc != 0)
        return rc;
    w->loop = &w->own_loop;
    w->server = s;
    w->number = number;
    rc = mail_init(&w->mail, w->loop, on_mail, w);
    if (rc != 0) {
        uv_loop_close(w->loop);
        return rc;
    }
    w->lines =
        (struct loglimit){.what = "connections closed or refused", .per_second = LINES_PER_SECOND};
    w->burst = 1;
    set_accepting(w, true);
    init_deadlines(w, &s->conf);
    for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
        uv_timer_init(w->loop, timers[i]);
        timers[i]->data = w;
    }
    return 0;
}

static void run(void *arg)
{
    struct net_worker *w = arg;
    char name[16];

    snprintf(name, sizeof(name), "net-%u", w->number);
    (void)pthread_setname_np(pthread_self(), name);
    uv_run(w->loop, UV_RUN_DEFAULT);
    atomic_fetch_sub(&w->server->alive, 1);
    mail_ask(&w->server->mail, MAIL_ENDED);
}

int worker_run(struct net_worker *w)
{
    int rc = uv_thread_create(&w->thread, run, w);

    w->running = rc == 0;
    return rc;
}

void worker_fini(struct net_worker *w)
{
    while (w->listeners != NULL) {
        struct listener *l = w->listeners;

        w->listeners = l->next;
        rpc_server_fini(&l->rpc);
        free(l);
    }
    buf_fini(&w->spare);
    call_forget_spares(w);
    mail_fini(&w->mail);
    uv_loop_close(w->loop);
}

/* With the last connection go the last handles. */
static void close_when_empty(struct net_worker *w)
{
    const struct net_conf *conf = &w->server->conf;

    if (!w->stopping || w->open > 0)
        return;
    uv_close((uv_handle_t *)&w->deadline_timer, NULL);
    mail_close(&w->mail, NULL);
    (void)take_mail(w); /* answers that met no connection any more */
    if (w->introduced && conf->worker_stop != NULL)
        conf->worker_stop(conf->arg, w->number);
}

/* After a crowd has left, its memory goes back to the system, which free() alone does not do. */
static void give_back_memory(struct net_worker *w)
{
    if (w->peak < TRIM_FROM || w->open > w->peak / 8)
        return;
    w->peak = w->open;
    malloc_trim(0);
}

void worker_forget(struct net_worker *w, const union address *source)
{
    w->open--;
    if (gate_leave(&w->server->gate, source))
        server_wake(w->server);
    worker_resume(w);
    give_back_memory(w);
    close_when_empty(w);
}

void worker_stop(struct net_worker *w)
{
    struct net_conn *c, *next;

    if (w->stopping)
        return;
    w->stopping = true;
    for (struct listener *l = w->listeners; l != NULL; l = l->next) {
        uv_close((uv_handle_t *)&l->poll, NULL);
        close(l->fd); /* the poll handle has let go of it */
    }
    uv_close((uv_handle_t *)&w->resume_timer, NULL);
    (void)loglimit_tell(&w->lines, &w->server->conf.log, LOGL_INFO, INT64_MAX);
    uv_close((uv_handle_t *)&w->tell_timer, NULL);
    close_when_empty(w);
    for (c = w->conns; c != NULL; c = next) {
        next = conn_next(c);
        conn_stop(c);
    }
}

void worker_abort(struct net_worker *w)
{
    struct net_conn *c, *next;

    for (c = w->conns; c != NULL; c = next) {
        next = conn_next(c);
        conn_kill(c);
    }
}

/* ---- holding ---- */

void net_server_hold(struct net_server *s, unsigned worker, bool held)
{
    struct net_worker *w = &s->workers[worker];
    struct net_conn *c = w->waiting;

    w->held = held;
    if (held)
        return;
    w->waiting = NULL; /* whoever waits goes on, or waits anew */
    while (c != NULL)
        c = conn_read_on(c);
}
