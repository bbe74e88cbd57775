#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/proxy.h"
#include "net/send.h"
#include "net/server.h"

#define OPEN_CALLS_MAX 64    /* of one connection; then its further bytes wait */
#define SPARE_MAX      16384 /* a larger output buffer is not kept */

/* What could not be written at once. */
struct rest {
    uv_write_t req;
    uint8_t data[];
};

struct net_conn *conn_next(struct net_conn *c)
{
    return c->next;
}

static void link_conn(struct net_conn *c)
{
    struct net_worker *w = c->worker;

    c->next = w->conns;
    if (c->next != NULL)
        c->next->prev = c;
    w->conns = c;
}

static void unlink_conn(struct net_conn *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        c->worker->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
}

/* ---- the end ---- */

static void wait_no_more(struct net_conn *c)
{
    if (c->wait_at == NULL)
        return;
    *c->wait_at = c->wait_next;
    if (c->wait_next != NULL)
        c->wait_next->wait_at = c->wait_at;
    c->wait_at = NULL;
}

static void on_closed(uv_handle_t *h)
{
    struct net_conn *c = h->data;
    struct net_worker *w = c->worker;
    union address peer = c->peer;
    bool admitted = c->admitted;

    unlink_conn(c);
    free(c);
    worker_forget(w, admitted ? &peer : NULL);
}

static void destroy(struct net_conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    c->state = CONN_CLOSED;
    call_orphan_all(c);
    wait_no_more(c);
    deadline_clear(&c->deadline);
    rpc_conn_free(c->rpc);
    c->rpc = NULL;
    buf_fini(&c->header);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void end_now(struct net_conn *c, unsigned reason, const char *detail)
{
    if (c->state == CONN_OPEN)
        worker_record(c->worker, &c->peer, reason, detail);
    destroy(c);
}

void conn_finish(struct net_conn *c, unsigned reason, const char *detail)
{
    if (c->state != CONN_OPEN)
        return;
    worker_record(c->worker, &c->peer, reason, detail);
    c->state = CONN_FINISHING;
}

/* ---- writing ---- */

static void on_written(uv_write_t *req, int status)
{
    struct rest *rest = (struct rest *)req;
    struct net_conn *c = req->data;

    free(rest);
    c->writing = false;
    c->progress = true;
    if (c->state == CONN_CLOSED)
        return;
    if (status < 0)
        end_now(c, NET_PEER_RESET, uv_strerror(status));
    else
        conn_settle(c);
}

static void write_rest(struct net_conn *c, struct buf *out)
{
    struct rest *rest = malloc(sizeof(*rest) + out->len);
    uv_buf_t b;

    if (rest == NULL) {
        end_now(c, NET_RPC_REASON(RPC_NO_MEMORY), "");
        return;
    }
    memcpy(rest->data, out->data, out->len);
    b = uv_buf_init((char *)rest->data, (unsigned)out->len);
    rest->req.data = c;
    buf_clear(out);
    if (uv_write(&rest->req, (uv_stream_t *)&c->tcp, &b, 1, on_written) != 0) {
        free(rest);
        end_now(c, NET_PEER_RESET, "");
        return;
    }
    c->writing = true;
    worker_set_deadline(c->worker, &c->deadline, DEADLINE_WRITE);
}

void conn_lend(struct net_conn *c)
{
    struct buf *out = rpc_conn_output(c->rpc), *spare = &c->worker->spare;

    if (out->data == NULL && spare->data != NULL) {
        *out = *spare;
        *spare = (struct buf)BUF_INIT;
    }
}

/* A connection that owes nothing keeps no buffer: one serves the whole worker in turn. */
static void take_back(struct net_conn *c)
{
    struct buf *out = rpc_conn_output(c->rpc), *spare = &c->worker->spare;

    if (spare->data == NULL && out->cap <= SPARE_MAX) {
        *spare = *out;
        *out = (struct buf)BUF_INIT;
    } else {
        buf_fini(out);
    }
}

/* Tries to write at once: nearly always the kernel takes it all. */
static void flush(struct net_conn *c)
{
    struct buf *out = rpc_conn_output(c->rpc);
    int n;

    if (out->err != ERR_OK) {
        end_now(c, NET_RPC_REASON(RPC_NO_MEMORY), "");
        return;
    }
    if (c->writing)
        return;
    if (out->len == 0) {
        take_back(c);
        return;
    }
    n = send_now(c->fd, out->data, out->len);
    if (n < 0) {
        end_now(c, NET_PEER_RESET, uv_strerror(n));
        return;
    }
    buf_drop(out, (size_t)n);
    if (out->len > 0)
        write_rest(c, out);
    else
        take_back(c);
}

/* ---- what holds between two events ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    struct net_conn *c = h->data;

    (void)suggested;
    if (c->worker->held && c->state == CONN_OPEN)
        *b = uv_buf_init(NULL, 0); /* on_read gets UV_ENOBUFS */
    else
        *b = uv_buf_init(c->worker->read_buffer, READ_BUFFER_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b);

static void set_reading(struct net_conn *c, bool on)
{
    if (on == c->reading)
        return;
    c->reading = on;
    if (on)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    else
        uv_read_stop((uv_stream_t *)&c->tcp);
}

/* ---- while the worker is held ---- */

/* Something came that may not be read: waits, and is not asked again until then. */
static void wait_for_release(struct net_conn *c)
{
    struct net_worker *w = c->worker;

    set_reading(c, false);
    worker_set_deadline(w, &c->deadline, DEADLINE_NONE); /* it is not the one that is late */
    c->wait_next = w->waiting;
    if (c->wait_next != NULL)
        c->wait_next->wait_at = &c->wait_next;
    c->wait_at = &w->waiting;
    w->waiting = c;
}

struct net_conn *conn_read_on(struct net_conn *c)
{
    struct net_conn *next = c->wait_next;

    c->wait_at = NULL;
    conn_settle(c);
    return next;
}

/* A deadline of one kind runs on while bytes trickle in; only something completed renews it. */
static void choose_deadline(struct net_conn *c)
{
    enum deadline_kind want;

    if (c->writing)
        return; /* set when the write began */
    if (c->wait_at != NULL)
        want = DEADLINE_NONE; /* ours to read on */
    else if (!rpc_conn_bound(c->rpc))
        want = DEADLINE_BIND;
    else if (rpc_conn_in_exchange(c->rpc))
        want = DEADLINE_EXCHANGE;
    else if (c->open_calls > 0)
        want = DEADLINE_NONE; /* ours to answer */
    else
        want = DEADLINE_IDLE;
    if (want != c->deadline.kind || (c->progress && want != DEADLINE_BIND))
        worker_set_deadline(c->worker, &c->deadline, want);
    c->progress = false;
}

/* The last words are out: say so, and leave the socket open until the peer has read them. A
 * close with unread input would reset the connection and could destroy them. */
static void linger(struct net_conn *c)
{
    c->state = CONN_LINGERING;
    if (c->eof || shutdown(c->fd, SHUT_WR) != 0) {
        destroy(c);
        return;
    }
    set_reading(c, true);
    worker_set_deadline(c->worker, &c->deadline, DEADLINE_LINGER);
}

static void settle_open(struct net_conn *c)
{
    bool owing = c->open_calls > 0 || c->writing;

    if (c->eof && !owing) {
        end_now(c, NET_PEER_CLOSED,
                rpc_conn_in_exchange(c->rpc) ? "in the middle of an exchange" : "");
    } else if (c->worker->stopping && !owing) {
        conn_finish(c, NET_SHUTDOWN, "");
        linger(c);
    } else {
        set_reading(c, !c->writing && c->open_calls < OPEN_CALLS_MAX && !c->eof &&
                           !c->worker->stopping && c->wait_at == NULL);
        choose_deadline(c);
    }
}

void conn_settle(struct net_conn *c)
{
    if (c->feeding || c->state == CONN_CLOSED || c->state == CONN_LINGERING)
        return;
    flush(c);
    if (c->state == CONN_OPEN)
        settle_open(c);
    else if (c->state == CONN_FINISHING && !c->writing && c->open_calls == 0)
        linger(c);
}

/* ---- reading ---- */

static void feed(struct net_conn *c, const char *data, size_t n)
{
    bool was_bound = rpc_conn_bound(c->rpc);
    enum rpc_step step;

    c->feeding = true;
    c->worker->current = c;
    conn_lend(c);
    c->fed += (uint32_t)n;
    do {
        size_t used = 0;

        step = rpc_conn_feed(c->rpc, data, n, &used);
        data += used;
        n -= used;
        if (step == RPC_CALL)
            call_dispatch(c);
        else if (step == RPC_CLOSE)
            conn_finish(c, NET_RPC_REASON(rpc_conn_reason(c->rpc)), rpc_conn_detail(c->rpc));
    } while (c->state == CONN_OPEN && step == RPC_CALL);
    c->worker->current = NULL;
    c->feeding = false;
    /* Not in an exchange now: whatever came was completed. A long call may take as many times the
     * limit as it has steps, which no trickle reaches. */
    if (c->state == CONN_OPEN &&
        (!rpc_conn_in_exchange(c->rpc) || !was_bound || c->fed >= NET_EXCHANGE_STEP)) {
        c->progress = true;
        c->fed = 0;
    }
    conn_settle(c);
}

/* The balancer has told: from here on the connection is its client's. */
static void take_client(struct net_conn *c, const struct proxy_header *h)
{
    struct gate *g = &c->worker->server->gate;
    char detail[64];
    enum err e;

    c->awaits_header = false;
    buf_fini(&c->header);
    if (h->told)
        c->peer = h->client;
    e = h->told ? gate_admit(g, &c->peer) : gate_count(g, &c->peer);
    c->admitted = e == ERR_OK;
    if (e != ERR_OK) {
        unsigned reason = worker_refusal(c->worker, e, detail);

        end_now(c, reason, detail);
    }
}

/* Takes a balancer's header from the front of what came; returns how many bytes were its own. */
static size_t take_header(struct net_conn *c, const char *data, size_t n)
{
    size_t before = c->header.len, mine = n;
    struct proxy_header h;
    enum proxy_step step;

    if (before > 0) {
        if (mine > PROXY_MAX)
            mine = PROXY_MAX; /* what is behind it is no header's */
        buf_add(&c->header, data, mine);
        step = proxy_parse(c->header.data, c->header.len, &h);
    } else {
        step = proxy_parse(data, n, &h);
        if (step == PROXY_MORE)
            buf_add(&c->header, data, n);
    }
    if (c->header.err != ERR_OK) {
        end_now(c, NET_RPC_REASON(RPC_NO_MEMORY), "");
        return n;
    }
    if (step == PROXY_BAD)
        end_now(c, NET_BAD_PROXY_HEADER, h.wrong);
    if (step != PROXY_DONE)
        return n;
    take_client(c, &h);
    return h.len - before;
}

static void take_bytes(struct net_conn *c, const char *data, size_t n)
{
    if (c->awaits_header) {
        size_t used = take_header(c, data, n);

        data += used;
        n -= used;
    }
    if (n > 0 && c->state == CONN_OPEN)
        feed(c, data, n);
}

static void on_end(struct net_conn *c)
{
    c->eof = true;
    set_reading(c, false);
    if (c->header.len > 0) {
        end_now(c, NET_BAD_PROXY_HEADER, "it ends before it is whole");
        return;
    }
    call_tell_gone(c);
    conn_settle(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct net_conn *c = stream->data;

    if (n == 0)
        return;
    if (n == UV_ENOBUFS) {
        wait_for_release(c);
        return;
    }
    if (c->state != CONN_OPEN) {
        if (n < 0)
            destroy(c);
        return;
    }
    if (n > 0)
        take_bytes(c, b->base, (size_t)n);
    else if (n == UV_EOF)
        on_end(c);
    else
        end_now(c, NET_PEER_RESET, uv_strerror((int)n));
}

/* ---- for the server ---- */

const char *conn_peer(const struct net_conn *c, char text[NET_ADDRESS_MAX])
{
    return address_format(&c->peer, text, NET_ADDRESS_MAX);
}

static struct net_conn *new_conn(struct net_worker *w, struct listener *l, int fd,
                                 const union address *peer, bool awaits)
{
    struct net_conn *c = calloc(1, sizeof(*c));

    if (c == NULL || uv_tcp_init(w->loop, &c->tcp) != 0) {
        free(c);
        return NULL;
    }
    c->fd = fd;
    c->worker = w;
    c->peer = *peer;
    c->awaits_header = awaits;
    c->admitted = !awaits;
    c->tcp.data = c;
    c->rpc_server = &l->rpc;
    c->rpc = rpc_conn_new(&l->rpc);
    link_conn(c);
    return c;
}

/* Whoever connects speaks first, and often has by the time it is accepted. */
static void read_early(struct net_conn *c)
{
    ssize_t n;

    if (c->state != CONN_OPEN || !c->reading || c->worker->held)
        return;
    n = recv(c->fd, c->worker->read_buffer, READ_BUFFER_SIZE, MSG_DONTWAIT);
    if (n > 0)
        take_bytes(c, c->worker->read_buffer, (size_t)n);
    /* else: nothing yet, or an end that the loop will tell */
}

void conn_start(struct net_worker *w, struct listener *l, int fd, const union address *peer,
                bool awaits)
{
    struct net_conn *c = new_conn(w, l, fd, peer, awaits);

    if (c == NULL) {
        worker_record(w, peer, NET_RPC_REASON(RPC_NO_MEMORY), "");
        worker_forget(w, awaits ? NULL : peer);
        close(fd);
    } else if (uv_tcp_open(&c->tcp, fd) != 0) {
        close(fd);
        end_now(c, NET_RPC_REASON(RPC_NO_MEMORY), "");
    } else if (c->rpc == NULL) {
        end_now(c, NET_RPC_REASON(RPC_NO_MEMORY), "");
    } else {
        conn_settle(c);
        read_early(c);
    }
}

void conn_stop(struct net_conn *c)
{
    conn_settle(c);
}

void conn_kill(struct net_conn *c)
{
    end_now(c, NET_SHUTDOWN, "");
}

void conn_expired(struct deadline *d)
{
    struct net_conn *c = (struct net_conn *)((char *)d - offsetof(struct net_conn, deadline));
    unsigned reason = NET_IDLE_TIMEOUT;

    if (rpc_conn_bound(c->rpc) && rpc_conn_in_exchange(c->rpc))
        reason = NET_EXCHANGE_TIMEOUT;
    if (!rpc_conn_bound(c->rpc))
        reason = NET_BIND_TIMEOUT;
    if (c->writing)
        reason = NET_WRITE_TIMEOUT;
    end_now(c, reason, "");
}
