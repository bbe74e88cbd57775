/* The server on loopback; the client's side is plain blocking-free sockets driven from the main
 * loop's thread. The workers' clock is the test's: limits run while it lets time pass.
 */
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "rpc/client.h"

#define LIMIT_MS 1000
#define LONG_MS  1000000
#define GLANCE   5 /* real milliseconds: how often a worker with a limit looks at the clock */

static const struct rpc_iface ifaces[] = {
    {.uuid = {{1, 2, 3}}, .major = 1, .opnums = 1, .max_stub = 4u << 20, .name = "test"}};

struct fixture {
    uv_loop_t loop;
    uv_timer_t turn; /* keeps turn_until turning */
    struct net_server *server;
    struct net_errand *held[8]; /* calls that were brought here, to be answered by the test */
    size_t held_count;
    _Atomic bool hold; /* bring them */
    _Atomic size_t answer_size;
    uint16_t port;
    _Atomic unsigned workers_used; /* a bit for each that had a call */
    _Atomic bool hold_worker;      /* a call holds its worker */
    uv_async_t release;            /* ends that, and answers kept */
    uv_async_t look;               /* has the only worker look at the clock */
    uv_timer_t looking;
    _Atomic unsigned looks; /* how often it has */
    _Atomic bool keep;      /* leave a call unanswered until then */
    struct net_call *_Atomic kept;
    _Atomic unsigned gone; /* how often it was told that the kept call's peer has gone */
    _Atomic bool ended;
};

/* ---- the workers' clock ---- */

static _Atomic uint64_t clock_ms = 1000;
static _Atomic size_t received; /* bytes, by all workers */
static _Thread_local bool is_test;
static uv_read_cb _Atomic on_read;

int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout, uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout, uint64_t repeat);
ssize_t __real_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);
int __real_uv_read_start(uv_stream_t *s, uv_alloc_cb alloc, uv_read_cb cb);
int __wrap_uv_read_start(uv_stream_t *s, uv_alloc_cb alloc, uv_read_cb cb);
uint64_t __wrap_uv_now(const uv_loop_t *loop);

uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    (void)loop;
    return clock_ms;
}

/* Whoever is woken looks at the clock, and waits on if it is too early. */
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
    return __real_uv_timer_start(t, cb, timeout < GLANCE ? timeout : GLANCE, repeat);
}

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
    ssize_t n = __real_recv(fd, data, size, flags);

    if (!is_test && n > 0)
        received += (size_t)n;
    return n;
}

static void on_read_counted(uv_stream_t *s, ssize_t n, const uv_buf_t *data)
{
    on_read(s, n, data);
    if (n > 0)
        received += (size_t)n;
}

int __wrap_uv_read_start(uv_stream_t *s, uv_alloc_cb alloc, uv_read_cb cb)
{
    on_read = cb;
    return __real_uv_read_start(s, alloc, on_read_counted);
}

static void on_looked(uv_timer_t *t)
{
    struct fixture *f = t->data;

    f->looks++;
}

/* On the worker's thread. Its own timers were started before this one, and none lasts longer. */
static void on_look(uv_async_t *h)
{
    struct fixture *f = h->data;

    uv_timer_start(&f->looking, on_looked, GLANCE, 0);
}

/* ---- the handler ---- */

static void on_held(void *arg, struct net_errand *e)
{
    struct fixture *f = arg;

    assert_true(f->held_count < 8);
    f->held[f->held_count++] = e;
}

static void reply(struct net_call *call, size_t size)
{
    uint8_t *stub = calloc(1, size);

    if (stub == NULL)
        abort();
    net_call_reply(call, stub, size);
    free(stub);
}

/* On a worker's thread. */
static void on_gone(void *arg)
{
    struct fixture *f = arg;

    reply(f->kept, 16);
    f->gone++;
}

/* On a worker's thread. */
static void on_call(void *arg, struct net_call *call)
{
    struct fixture *f = arg;
    size_t size = f->answer_size;

    atomic_fetch_or(&f->workers_used, 1u << net_call_worker(call));
    if (f->hold_worker)
        net_server_hold(f->server, net_call_worker(call), true);
    if (f->hold) {
        net_call_to_main(call, on_held, f);
        return;
    }
    if (f->keep) {
        net_call_on_gone(call, on_gone, f);
        f->kept = call;
    } else {
        reply(call, size);
    }
}

static void on_release(uv_async_t *h)
{
    struct fixture *f = h->data;

    net_server_hold(f->server, 0, false);
    if (f->kept != NULL)
        reply(f->kept, f->answer_size);
    f->kept = NULL;
}

static enum err begin_worker(void *arg, unsigned worker, uv_loop_t *loop, struct errinfo *ei)
{
    struct fixture *f = arg;

    assert_int_equal(worker, 0);
    f->release.data = f->look.data = f->looking.data = f;
    if (uv_async_init(loop, &f->release, on_release) != 0 ||
        uv_async_init(loop, &f->look, on_look) != 0)
        return err_nomem(ei);
    uv_timer_init(loop, &f->looking);
    return ERR_OK;
}

static void end_worker(void *arg, unsigned worker)
{
    struct fixture *f = arg;

    (void)worker;
    f->ended = true;
    uv_close((uv_handle_t *)&f->release, NULL);
    uv_close((uv_handle_t *)&f->look, NULL);
    uv_close((uv_handle_t *)&f->looking, NULL);
}

/* A server that listens and was not started. */
static void make(struct fixture *f, struct net_conf conf)
{
    struct errinfo ei;
    char text[64];

    conf.ifaces = ifaces;
    conf.iface_count = 1;
    conf.on_call = on_call;
    conf.arg = f;
    conf.max_connections = conf.max_connections == 0 ? 100 : conf.max_connections;
    conf.max_per_source = conf.max_per_source == 0 ? 100 : conf.max_per_source;
    conf.bind_ms = conf.bind_ms == 0 ? LONG_MS : conf.bind_ms;
    conf.exchange_ms = conf.exchange_ms == 0 ? LONG_MS : conf.exchange_ms;
    conf.idle_ms = conf.idle_ms == 0 ? LONG_MS : conf.idle_ms;
    conf.workers = conf.workers == 0 ? 1 : conf.workers;
    if (conf.workers == 1) {
        conf.worker_start = begin_worker;
        conf.worker_stop = end_worker;
    }
    assert_ok(net_server_new(&f->loop, &conf, &f->server, &ei), &ei);
    assert_ok(net_listen(f->server, "127.0.0.1:0", &ei), &ei);
    net_server_addresses(f->server, text, sizeof(text));
    f->port = (uint16_t)atoi(strrchr(text, ':') + 1);
}

static void start(struct fixture *f, struct net_conf conf)
{
    struct errinfo ei;

    make(f, conf);
    assert_ok(net_server_start(f->server, &ei), &ei);
}

static void wake(uv_timer_t *t)
{
    (void)t;
}

/* Turns the loop until cond holds; fails after a deadline. */
#define turn_until(f, cond)                                                                        \
    do {                                                                                           \
        uint64_t turn_end = uv_hrtime() + UINT64_C(10000000000);                                   \
        uv_timer_start(&(f)->turn, wake, 2, 2);                                                    \
        while (!(cond)) {                                                                          \
            if (uv_hrtime() > turn_end)                                                            \
                fail_msg("%s:%d: never: %s", __FILE__, __LINE__, #cond);                           \
            uv_run(&(f)->loop, UV_RUN_ONCE);                                                       \
        }                                                                                          \
        uv_timer_stop(&(f)->turn);                                                                 \
    } while (0)

/* Has the only worker do what is due, and all that it was about to do. */
static void look(struct fixture *f)
{
    unsigned before = f->looks;

    uv_async_send(&f->look);
    turn_until(f, f->looks > before);
}

static void let_pass(struct fixture *f, uint64_t ms)
{
    look(f);
    clock_ms += ms;
    look(f);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    is_test = true;
    f->answer_size = 16;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->turn);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->server != NULL) {
        net_server_stop(f->server);
        net_server_abort(f->server);
        turn_until(f, net_server_stopped(f->server));
        for (size_t i = 0; i < f->held_count; i++)
            net_errand_abort(f->held[i], "test ends");
        net_server_free(f->server);
    }
    uv_close((uv_handle_t *)&f->turn, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

static int dial(const struct fixture *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(f->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static struct net_stats stats(struct fixture *f)
{
    struct net_stats s;

    net_server_stats(f->server, &s);
    return s;
}

static uint64_t closed(struct fixture *f, unsigned reason)
{
    return stats(f).closed[reason];
}

/* -1 while nothing is there, 0 at the end, else bytes. */
static ssize_t peek(int fd)
{
    char c;

    return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK);
}

static void send_all(int fd, const void *data, size_t len)
{
    assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

struct peer {
    int fd;
    struct rpc_client *rpc;
};

/* Sends what waits and feeds what came; the step it reached. */
static enum rpc_client_step advance(struct peer *p)
{
    struct buf *out = rpc_client_output(p->rpc);
    enum rpc_client_step step = RPC_CLIENT_MORE;
    struct errinfo ei;
    char in[8192];
    ssize_t n;

    if (out->len > 0) {
        send_all(p->fd, out->data, out->len);
        buf_clear(out);
    }
    n = recv(p->fd, in, sizeof(in), MSG_DONTWAIT);
    for (size_t at = 0, used; n > 0 && at < (size_t)n && step == RPC_CLIENT_MORE; at += used)
        step = rpc_client_feed(p->rpc, in + at, (size_t)n - at, &used, &ei);
    return step;
}

static struct peer connected(struct fixture *f)
{
    struct rpc_client_conf conf = {.uuid = ifaces[0].uuid, .major = 1};
    struct peer p = {.fd = dial(f), .rpc = rpc_client_new(&conf)};

    assert_non_null(p.rpc);
    return p;
}

static struct peer bound(struct fixture *f)
{
    struct peer p = connected(f);

    turn_until(f, advance(&p) == RPC_CLIENT_BOUND);
    return p;
}

static void call(struct peer *p)
{
    struct errinfo ei;

    assert_ok(rpc_client_call(p->rpc, 0, "12345678", 8, &ei), &ei);
    send_all(p->fd, rpc_client_output(p->rpc)->data, rpc_client_output(p->rpc)->len);
    buf_clear(rpc_client_output(p->rpc));
}

static void hang_up(struct peer *p)
{
    close(p->fd);
    rpc_client_free(p->rpc);
}

/* ---- tests ---- */

static void a_call_is_answered(void **state)
{
    struct fixture *f = *state;
    struct peer p;

    start(f, (struct net_conf){0});
    p = bound(f);
    for (int i = 0; i < 3; i++) {
        call(&p);
        turn_until(f, advance(&p) == RPC_CLIENT_RESPONSE);
    }
    assert_int_equal(stats(f).calls, 3);
    hang_up(&p);
    turn_until(f, stats(f).open == 0);
    assert_int_equal(closed(f, NET_PEER_CLOSED), 1);
}

static void a_silent_connection_is_closed_when_the_bind_is_due(void **state)
{
    struct fixture *f = *state;
    int fd;

    start(f, (struct net_conf){.bind_ms = LIMIT_MS});
    fd = dial(f);
    turn_until(f, stats(f).open == 1);
    let_pass(f, LIMIT_MS - 1);
    assert_int_equal(stats(f).open, 1);
    let_pass(f, 1);
    assert_int_equal(closed(f, NET_BIND_TIMEOUT), 1);
    assert_int_equal(peek(fd), 0);
    close(fd);
}

/* Returns once they were read. */
static void send_and_let_read(struct fixture *f, int fd, const void *data, size_t len)
{
    size_t before = received;

    send_all(fd, data, len);
    turn_until(f, received == before + len);
}

static void trickling_bytes_do_not_put_off_the_bind(void **state)
{
    struct fixture *f = *state;
    struct rpc_client_conf conf = {.uuid = ifaces[0].uuid, .major = 1};
    struct rpc_client *rpc = rpc_client_new(&conf);
    const struct buf *bind = rpc_client_output(rpc);
    int fd;

    assert_true(bind->len > 10);
    start(f, (struct net_conf){.bind_ms = LIMIT_MS});
    fd = dial(f);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(closed(f, NET_BIND_TIMEOUT), 0);
        send_and_let_read(f, fd, bind->data + i, 1);
        let_pass(f, LIMIT_MS / 10);
    }
    assert_int_equal(closed(f, NET_BIND_TIMEOUT), 1);
    close(fd);
    rpc_client_free(rpc);
}

static void an_unfinished_call_is_closed_when_it_is_due(void **state)
{
    struct fixture *f = *state;
    struct peer p;

    start(f, (struct net_conf){.exchange_ms = LIMIT_MS});
    p = bound(f);
    send_and_let_read(f, p.fd, "\5\0\0\3\20", 5);
    let_pass(f, LIMIT_MS - 1);
    assert_int_equal(stats(f).open, 1);
    let_pass(f, 1);
    assert_int_equal(closed(f, NET_EXCHANGE_TIMEOUT), 1);
    hang_up(&p);
}

/* Half a step at a time, and less than half of what a step may take. */
static void a_long_call_has_the_limit_for_each_step(void **state)
{
    struct fixture *f = *state;
    size_t len = 4u << 20;
    void *stub = calloc(1, len);
    struct errinfo ei;
    struct buf *out;
    struct peer p;

    assert_non_null(stub);
    start(f, (struct net_conf){.exchange_ms = LIMIT_MS});
    p = bound(f);
    assert_ok(rpc_client_call(p.rpc, 0, stub, len, &ei), &ei);
    out = rpc_client_output(p.rpc);
    assert_true(out->len >= 16 * NET_EXCHANGE_STEP);
    while (out->len > 0) {
        size_t n = out->len < NET_EXCHANGE_STEP / 2 ? out->len : NET_EXCHANGE_STEP / 2;

        send_and_let_read(f, p.fd, out->data, n);
        buf_drop(out, n);
        let_pass(f, LIMIT_MS / 3);
        assert_int_equal(stats(f).open, 1);
    }
    turn_until(f, advance(&p) == RPC_CLIENT_RESPONSE);
    hang_up(&p);
    free(stub);
}

static void an_idle_connection_is_closed_after_its_last_answer(void **state)
{
    struct fixture *f = *state;
    struct peer p;

    start(f, (struct net_conf){.idle_ms = LIMIT_MS});
    p = bound(f);
    let_pass(f, LIMIT_MS / 2);
    call(&p);
    turn_until(f, advance(&p) == RPC_CLIENT_RESPONSE);
    let_pass(f, LIMIT_MS - 1);
    assert_int_equal(stats(f).open, 1);
    let_pass(f, 1);
    assert_int_equal(closed(f, NET_IDLE_TIMEOUT), 1);
    assert_int_equal(peek(p.fd), 0);
    hang_up(&p);
}

static void waiting_for_our_answer_is_not_idleness(void **state)
{
    struct fixture *f = *state;
    struct peer p;

    start(f, (struct net_conf){.idle_ms = LIMIT_MS, .exchange_ms = LIMIT_MS});
    f->hold = true;
    p = bound(f);
    call(&p);
    turn_until(f, f->held_count == 1);
    let_pass(f, 3 * LIMIT_MS);
    assert_int_equal(stats(f).open, 1);
    net_errand_reply(f->held[--f->held_count], "12345678", 8);
    turn_until(f, advance(&p) == RPC_CLIENT_RESPONSE);
    hang_up(&p);
}

static void a_peer_that_takes_no_answers_is_closed(void **state)
{
    struct fixture *f = *state;
    struct peer p;

    start(f, (struct net_conf){.exchange_ms = LIMIT_MS});
    f->answer_size = 32 * 1024 * 1024; /* more than any socket buffer */
    p = bound(f);
    call(&p);
    turn_until(f, peek(p.fd) > 0);
    let_pass(f, LIMIT_MS - 1);
    assert_int_equal(stats(f).open, 1);
    let_pass(f, 1);
    assert_int_equal(closed(f, NET_WRITE_TIMEOUT), 1);
    hang_up(&p);
}

static void an_answer_to_a_peer_that_has_gone_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct linger now = {.l_onoff = 1};
    struct peer p;

    start(f, (struct net_conf){0});
    f->hold = true;
    p = bound(f);
    call(&p);
    turn_until(f, f->held_count == 1);
    setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* closing resets */
    hang_up(&p);
    turn_until(f, stats(f).open == 0);
    net_errand_reply(f->held[--f->held_count], "12345678", 8);
    assert_int_equal(closed(f, NET_PEER_RESET), 1);
}

static void a_peer_that_only_stops_sending_gets_its_answer(void **state)
{
    struct fixture *f = *state;
    struct peer p;

    start(f, (struct net_conf){0});
    f->hold = true;
    p = bound(f);
    call(&p);
    turn_until(f, f->held_count == 1);
    shutdown(p.fd, SHUT_WR);
    for (int i = 0; i < 5; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    net_errand_reply(f->held[--f->held_count], "12345678", 8);
    turn_until(f, advance(&p) == RPC_CLIENT_RESPONSE);
    turn_until(f, closed(f, NET_PEER_CLOSED) == 1);
    hang_up(&p);
}

static void whoever_answers_is_told_that_the_peer_has_gone(void **state)
{
    struct fixture *f = *state;
    struct linger now = {.l_onoff = 1};
    struct peer p;

    start(f, (struct net_conf){0});
    f->keep = true;
    p = bound(f);
    call(&p);
    turn_until(f, f->kept != NULL);
    shutdown(p.fd, SHUT_WR);
    turn_until(f, advance(&p) == RPC_CLIENT_RESPONSE); /* on_gone's */
    turn_until(f, closed(f, NET_PEER_CLOSED) == 1);
    hang_up(&p);
    assert_int_equal(f->gone, 1);
    f->kept = NULL;
    p = bound(f);
    call(&p);
    turn_until(f, f->kept != NULL);
    setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* closing resets */
    hang_up(&p);
    turn_until(f, closed(f, NET_PEER_RESET) == 1 && stats(f).open == 0);
    assert_int_equal(f->gone, 2);
}

static void an_aborted_call_closes_without_a_byte(void **state)
{
    struct fixture *f = *state;
    struct peer p;

    start(f, (struct net_conf){0});
    f->hold = true;
    p = bound(f);
    call(&p);
    turn_until(f, f->held_count == 1);
    net_errand_abort(f->held[--f->held_count], "no record");
    turn_until(f, peek(p.fd) == 0);
    assert_int_equal(closed(f, NET_UNANSWERED), 1);
    hang_up(&p);
    turn_until(f, stats(f).open == 0);
}

static void a_source_over_its_cap_is_closed(void **state)
{
    struct fixture *f = *state;
    int fd[3];

    start(f, (struct net_conf){.max_per_source = 2});
    for (int i = 0; i < 3; i++)
        fd[i] = dial(f);
    turn_until(f, peek(fd[2]) == 0);
    assert_int_equal(closed(f, NET_SOURCE_LIMIT), 1);
    assert_int_equal(stats(f).open, 2);
    for (int i = 0; i < 3; i++)
        close(fd[i]);
}

static void connections_over_the_maximum_wait_for_their_turn(void **state)
{
    struct fixture *f = *state;
    int first, second, third;

    start(f, (struct net_conf){.max_connections = 2});
    first = dial(f);
    second = dial(f);
    third = dial(f);
    turn_until(f, !stats(f).accepting);
    assert_int_equal(stats(f).accepted, 2);
    close(first);
    turn_until(f, stats(f).accepted == 3);
    close(second);
    close(third);
}

static void stopping_waits_for_the_answers_that_are_owed(void **state)
{
    struct fixture *f = *state;
    struct peer owed, idle;

    start(f, (struct net_conf){0});
    f->hold = true;
    idle = bound(f);
    owed = bound(f);
    call(&owed);
    turn_until(f, f->held_count == 1);
    net_server_stop(f->server);
    turn_until(f, peek(idle.fd) == 0);
    hang_up(&idle);
    assert_false(net_server_stopped(f->server));
    net_errand_reply(f->held[--f->held_count], "12345678", 8);
    turn_until(f, advance(&owed) == RPC_CLIENT_RESPONSE);
    hang_up(&owed);
    turn_until(f, net_server_stopped(f->server));
}

static void a_protocol_error_is_counted_with_its_reason(void **state)
{
    struct fixture *f = *state;
    int fd;

    start(f, (struct net_conf){0});
    fd = dial(f);
    send_all(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    turn_until(f, peek(fd) == 0);
    assert_int_equal(closed(f, NET_RPC_REASON(RPC_NOT_RPC)), 1);
    assert_string_equal(net_reason_name(NET_RPC_REASON(RPC_NOT_RPC)), "not-rpc");
    close(fd);
}

static void a_port_in_use_names_address_and_remedy(void **state)
{
    struct fixture *f = *state;
    struct errinfo ei;
    char address[64];

    start(f, (struct net_conf){0});
    snprintf(address, sizeof(address), "127.0.0.1:%u", f->port);
    assert_int_equal(net_listen(f->server, address, &ei), ERR_BUSY);
    assert_contains(ei.text, address);
    assert_contains(ei.text, "[kms] listen");
}

/* ---- several workers ---- */

enum { CROWD = 64 };

static void connections_are_dealt_out_among_workers(void **state)
{
    struct fixture *f = *state;
    struct peer p[CROWD];

    start(f, (struct net_conf){.workers = 4});
    for (int i = 0; i < CROWD; i++) {
        p[i] = bound(f);
        call(&p[i]);
        turn_until(f, advance(&p[i]) == RPC_CLIENT_RESPONSE);
    }
    assert_true((f->workers_used & (f->workers_used - 1)) != 0); /* more than one */
    assert_int_equal(stats(f).calls, CROWD);
    assert_int_equal(stats(f).open, CROWD);
    for (int i = 0; i < CROWD; i++)
        hang_up(&p[i]);
    turn_until(f, closed(f, NET_PEER_CLOSED) == CROWD);
}

static void the_cap_of_a_source_is_that_of_all_workers(void **state)
{
    struct fixture *f = *state;
    int fd[CROWD];

    start(f, (struct net_conf){.workers = 4, .max_per_source = 10});
    for (int i = 0; i < CROWD; i++)
        fd[i] = dial(f);
    turn_until(f, closed(f, NET_SOURCE_LIMIT) == CROWD - 10 && stats(f).open == 10);
    for (int i = 0; i < CROWD; i++)
        close(fd[i]);
    turn_until(f, stats(f).open == 0);
}

static bool all_timed_out(struct fixture *f)
{
    clock_ms += LIMIT_MS / 10;
    assert_true(stats(f).open <= 10);
    return closed(f, NET_BIND_TIMEOUT) == CROWD;
}

static void a_place_that_becomes_free_is_any_workers(void **state)
{
    struct fixture *f = *state;
    int fd[CROWD];

    start(f, (struct net_conf){.workers = 4, .max_connections = 10, .bind_ms = LIMIT_MS});
    for (int i = 0; i < CROWD; i++)
        fd[i] = dial(f);
    turn_until(f, all_timed_out(f));
    for (int i = 0; i < CROWD; i++)
        close(fd[i]);
}

static void a_port_that_several_workers_share_is_still_ours_alone(void **state)
{
    struct fixture *f = *state;
    struct net_server *first;
    struct errinfo ei;
    char address[64];

    start(f, (struct net_conf){.workers = 4});
    snprintf(address, sizeof(address), "127.0.0.1:%u", f->port);
    first = f->server;
    start(f, (struct net_conf){.workers = 4}); /* another port, and then that one */
    assert_int_equal(net_listen(f->server, address, &ei), ERR_BUSY);
    net_server_stop(first);
    turn_until(f, net_server_stopped(first));
    net_server_free(first);
}

static void a_server_that_was_not_started_can_be_stopped(void **state)
{
    struct fixture *f = *state;

    make(f, (struct net_conf){.workers = 4});
}

/* ---- holding ---- */

static void nothing_is_read_while_a_worker_is_held(void **state)
{
    struct fixture *f = *state;
    struct peer first, second, gone;

    start(f, (struct net_conf){0});
    f->hold = f->hold_worker = true;
    first = bound(f);
    second = bound(f);
    gone = bound(f);
    call(&first);
    turn_until(f, f->held_count == 1);
    call(&second);
    call(&gone);
    hang_up(&gone);
    /* Answers go out all the same; after the second of two the calls had every chance to come. */
    net_errand_reply(f->held[--f->held_count], "12345678", 8);
    turn_until(f, advance(&first) == RPC_CLIENT_RESPONSE);
    assert_int_equal(stats(f).calls, 1);
    assert_int_equal(stats(f).open, 3);
    f->hold_worker = false;
    uv_async_send(&f->release);
    turn_until(f, stats(f).calls == 3 && f->held_count == 2);
    while (f->held_count > 0)
        net_errand_reply(f->held[--f->held_count], "12345678", 8);
    turn_until(f, advance(&second) == RPC_CLIENT_RESPONSE);
    hang_up(&first);
    hang_up(&second);
    turn_until(f, stats(f).open == 0);
    assert_false(f->ended);
    net_server_stop(f->server);
    turn_until(f, net_server_stopped(f->server));
    assert_true(f->ended);
}

/* What they sent is here and it is we who do not read it: none of the limits runs. */
static void whoever_is_held_is_not_late(void **state)
{
    struct fixture *f = *state;
    struct peer holder, idle, fresh;

    start(f, (struct net_conf){.idle_ms = LIMIT_MS, .bind_ms = LIMIT_MS, .exchange_ms = LIMIT_MS});
    f->hold = f->hold_worker = true;
    holder = bound(f);
    idle = bound(f);
    call(&holder);
    turn_until(f, f->held_count == 1);
    call(&idle);
    fresh = connected(f);
    (void)advance(&fresh);
    turn_until(f, stats(f).open == 3);
    let_pass(f, 3 * LIMIT_MS);
    assert_int_equal(stats(f).open, 3);
    f->hold = f->hold_worker = false;
    net_errand_reply(f->held[--f->held_count], "12345678", 8);
    uv_async_send(&f->release);
    turn_until(f, advance(&idle) == RPC_CLIENT_RESPONSE);
    turn_until(f, advance(&fresh) == RPC_CLIENT_BOUND);
    let_pass(f, LIMIT_MS); /* from now on they are */
    assert_int_equal(closed(f, NET_IDLE_TIMEOUT), 3);
    hang_up(&holder);
    hang_up(&idle);
    hang_up(&fresh);
}

static enum err refuse_second(void *arg, unsigned worker, uv_loop_t *loop, struct errinfo *ei)
{
    (void)arg;
    (void)loop;
    return worker == 0 ? ERR_OK : err_fail(ei, ERR_IO, "worker %u", worker);
}

static void count_end(void *arg, unsigned worker)
{
    struct fixture *f = arg;

    assert_int_equal(worker, 0); /* the one that began */
    f->ended = true;
}

static void a_worker_that_cannot_begin_ends_the_start(void **state)
{
    struct fixture *f = *state;
    struct errinfo ei;

    make(f,
         (struct net_conf){.workers = 3, .worker_start = refuse_second, .worker_stop = count_end});
    assert_int_equal(net_server_start(f->server, &ei), ERR_IO);
    assert_string_equal(ei.text, "worker 1");
    net_server_stop(f->server);
    assert_true(f->ended);
}

/* ---- memory ---- */

static _Atomic size_t malloc_max = SIZE_MAX;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    return size > malloc_max ? NULL : __real_malloc(size);
}

static void an_answer_without_memory_closes_at_once(void **state)
{
    struct fixture *f = *state;
    struct peer p;

    start(f, (struct net_conf){0});
    f->answer_size = 4 * 1024 * 1024;
    f->keep = true; /* nothing is fed after the answer that could find the error */
    p = bound(f);
    call(&p);
    turn_until(f, f->kept != NULL);
    malloc_max = 1024 * 1024;
    uv_async_send(&f->release);
    turn_until(f, peek(p.fd) == 0); /* not a byte of it */
    malloc_max = SIZE_MAX;
    assert_int_equal(closed(f, NET_RPC_REASON(RPC_NO_MEMORY)), 1);
    hang_up(&p);
}

static void every_reason_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NET_CLOSE_REASONS; i++) {
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(net_reason_name(i), net_reason_name(k));
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_call_is_answered),
        T(a_silent_connection_is_closed_when_the_bind_is_due),
        T(trickling_bytes_do_not_put_off_the_bind),
        T(an_unfinished_call_is_closed_when_it_is_due),
        T(a_long_call_has_the_limit_for_each_step),
        T(an_idle_connection_is_closed_after_its_last_answer),
        T(waiting_for_our_answer_is_not_idleness),
        T(a_peer_that_takes_no_answers_is_closed),
        T(an_answer_to_a_peer_that_has_gone_is_dropped),
        T(a_peer_that_only_stops_sending_gets_its_answer),
        T(whoever_answers_is_told_that_the_peer_has_gone),
        T(an_aborted_call_closes_without_a_byte),
        T(a_source_over_its_cap_is_closed),
        T(connections_over_the_maximum_wait_for_their_turn),
        T(stopping_waits_for_the_answers_that_are_owed),
        T(a_protocol_error_is_counted_with_its_reason),
        T(a_port_in_use_names_address_and_remedy),
        T(connections_are_dealt_out_among_workers),
        T(the_cap_of_a_source_is_that_of_all_workers),
        T(a_place_that_becomes_free_is_any_workers),
        T(a_port_that_several_workers_share_is_still_ours_alone),
        T(a_server_that_was_not_started_can_be_stopped),
        T(nothing_is_read_while_a_worker_is_held),
        T(whoever_is_held_is_not_late),
        T(a_worker_that_cannot_begin_ends_the_start),
        T(an_answer_without_memory_closes_at_once),
        T(every_reason_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
