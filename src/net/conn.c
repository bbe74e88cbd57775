#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/server.h"

#define OPEN_CALLS_MAX 64 /* of one connection; then its further bytes wait */

enum conn_state {
    CONN_OPEN,
    CONN_FINISHING, /* our last words go out; what comes in is ignored */
    CONN_LINGERING, /* they are out; waiting for the peer to close */
    CONN_CLOSED,    /* memory until libuv lets go of the handle */
};

struct net_call {
    struct net_call *prev, *next; /* of the connection */
    struct net_conn *conn;        /* NULL: it has gone */
    struct rpc_call *rpc;
};

struct net_conn {
    uv_tcp_t tcp;
    struct deadline deadline;
    struct net_server *server;
    struct net_conn *prev, *next;
    struct rpc_server *rpc_server; /* its listener's */
    struct rpc_conn *rpc;
    struct net_call *calls; /* circular list without a head; NULL: none open */
    uint32_t open_calls;
    union address peer;
    enum conn_state state;
    bool feeding; /* inside feed(): it settles at its end */
    bool reading;
    bool writing;  /* a uv_write is under way */
    bool eof;      /* the peer will send no more */
    bool progress; /* something was completed since the deadline was set */
};

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
    struct net_server *s = c->server;

    c->next = s->conns;
    if (c->next != NULL)
        c->next->prev = c;
    s->conns = c;
}

static void unlink_conn(struct net_conn *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        c->server->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
}

/* ---- the end ---- */

/* Every connection comes through here once: counted and told, with its one reason. */
static void record_end(struct net_conn *c, unsigned reason, const char *detail)
{
    enum log_level level =
        reason == NET_PEER_CLOSED || reason == NET_SHUTDOWN ? LOGL_DEBUG : LOGL_INFO;
    char text[NET_ADDRESS_MAX];

    server_count_close(c->server, reason);
    log_at(&c->server->conf.log, level, "%s closed: %s%s%s",
           address_format(&c->peer, text, sizeof(text)), net_reason_name(reason),
           detail[0] != '\0' ? ": " : "", detail);
}

static void drop_calls(struct net_conn *c)
{
    struct net_call *call = c->calls;

    for (; c->open_calls > 0; c->open_calls--) {
        call->conn = NULL;
        call->rpc = NULL;
        call = call->next;
    }
    c->calls = NULL;
}

static void on_closed(uv_handle_t *h)
{
    struct net_conn *c = h->data;
    struct net_server *s = c->server;
    union address peer = c->peer;

    unlink_conn(c);
    free(c);
    server_forget(s, &peer);
}

static void destroy(struct net_conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    c->state = CONN_CLOSED;
    drop_calls(c);
    deadline_clear(&c->deadline);
    rpc_conn_free(c->rpc);
    c->rpc = NULL;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void end_now(struct net_conn *c, unsigned reason, const char *detail)
{
    if (c->state == CONN_OPEN)
        record_end(c, reason, detail);
    destroy(c);
}

/* Ends the connection after the output that waits and the answers to calls that came whole;
 * settle() carries it through. */
static void finish(struct net_conn *c, unsigned reason, const char *detail)
{
    if (c->state != CONN_OPEN)
        return;
    record_end(c, reason, detail);
    c->state = CONN_FINISHING;
}

/* ---- writing ---- */

static void settle(struct net_conn *c);

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
        settle(c);
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
    server_set_deadline(c->server, &c->deadline, DEADLINE_WRITE);
}

/* Tries to write at once: nearly always the kernel takes it all. */
static void flush(struct net_conn *c)
{
    struct buf *out = rpc_conn_output(c->rpc);
    uv_buf_t b;
    int n;

    if (out->err != ERR_OK) {
        end_now(c, NET_RPC_REASON(RPC_NO_MEMORY), "");
        return;
    }
    if (out->len == 0 || c->writing)
        return;
    b = uv_buf_init((char *)out->data, (unsigned)out->len);
    n = uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
    if (n < 0 && n != UV_EAGAIN) {
        end_now(c, NET_PEER_RESET, uv_strerror(n));
        return;
    }
    buf_drop(out, n > 0 ? (size_t)n : 0);
    if (out->len > 0)
        write_rest(c, out);
}

/* ---- what holds between two events ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    struct net_conn *c = h->data;

    (void)suggested;
    *b = uv_buf_init(c->server->read_buffer, READ_BUFFER_SIZE);
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

/* A deadline of one kind runs on while bytes trickle in; only something completed renews it. */
static void choose_deadline(struct net_conn *c)
{
    enum deadline_kind want;

    if (c->writing)
        return; /* set when the write began */
    if (!rpc_conn_bound(c->rpc))
        want = DEADLINE_BIND;
    else if (rpc_conn_in_exchange(c->rpc))
        want = DEADLINE_EXCHANGE;
    else if (c->open_calls > 0)
        want = DEADLINE_NONE; /* ours to answer */
    else
        want = DEADLINE_IDLE;
    if (want != c->deadline.kind || (c->progress && want != DEADLINE_BIND))
        server_set_deadline(c->server, &c->deadline, want);
    c->progress = false;
}

/* The last words are out: say so, and leave the socket open until the peer has read them. A
 * close with unread input would reset the connection and could destroy them. */
static void linger(struct net_conn *c)
{
    uv_os_fd_t fd;

    c->state = CONN_LINGERING;
    if (c->eof || uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        destroy(c);
        return;
    }
    set_reading(c, true);
    server_set_deadline(c->server, &c->deadline, DEADLINE_LINGER);
}

static void settle_open(struct net_conn *c)
{
    bool owing = c->open_calls > 0 || c->writing;

    if (c->eof && !owing) {
        end_now(c, NET_PEER_CLOSED,
                rpc_conn_in_exchange(c->rpc) ? "in the middle of an exchange" : "");
    } else if (c->server->stopping && !owing) {
        finish(c, NET_SHUTDOWN, "");
        linger(c);
    } else {
        set_reading(c, !c->writing && c->open_calls < OPEN_CALLS_MAX && !c->eof &&
                           !c->server->stopping);
        choose_deadline(c);
    }
}

static void settle(struct net_conn *c)
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

static void dispatch(struct net_conn *c)
{
    struct rpc_call *rpc = rpc_conn_call(c->rpc);
    struct net_call *call = malloc(sizeof(*call));

    c->server->stats.calls++;
    c->progress = true;
    if (call == NULL) {
        rpc_conn_drop(c->rpc, rpc);
        finish(c, NET_RPC_REASON(RPC_NO_MEMORY), "");
        return;
    }
    call->conn = c;
    call->rpc = rpc;
    if (c->calls == NULL) {
        c->calls = call->prev = call->next = call;
    } else {
        call->next = c->calls;
        call->prev = c->calls->prev;
        call->prev->next = call->next->prev = call;
    }
    c->open_calls++;
    c->server->conf.on_call(c->server->conf.arg, call);
}

static void feed(struct net_conn *c, const char *data, size_t n)
{
    bool was_bound = rpc_conn_bound(c->rpc);
    enum rpc_step step;

    c->feeding = true;
    c->server->current = c;
    do {
        size_t used = 0;

        step = rpc_conn_feed(c->rpc, data, n, &used);
        data += used;
        n -= used;
        if (step == RPC_CALL)
            dispatch(c);
        else if (step == RPC_CLOSE)
            finish(c, NET_RPC_REASON(rpc_conn_reason(c->rpc)), rpc_conn_detail(c->rpc));
    } while (c->state == CONN_OPEN && step == RPC_CALL);
    c->server->current = NULL;
    c->feeding = false;
    /* Not in an exchange now: whatever came was completed. */
    if (c->state == CONN_OPEN && (!rpc_conn_in_exchange(c->rpc) || !was_bound))
        c->progress = true;
    settle(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct net_conn *c = stream->data;

    if (n == 0)
        return;
    if (c->state != CONN_OPEN) {
        if (n < 0)
            destroy(c);
        return;
    }
    if (n > 0) {
        feed(c, b->base, (size_t)n);
    } else if (n == UV_EOF) {
        c->eof = true;
        set_reading(c, false);
        settle(c);
    } else {
        end_now(c, NET_PEER_RESET, uv_strerror((int)n));
    }
}

/* ---- for the server ---- */

void conn_refused(void *arg, enum rpc_reason reason, const char *detail)
{
    struct listener *l = arg;
    struct net_conn *c = l->server->current;
    char text[NET_ADDRESS_MAX] = "-";

    if (c != NULL)
        address_format(&c->peer, text, sizeof(text));
    log_info(&l->server->conf.log, "%s refused: %s: %s", text, rpc_reason_name(reason), detail);
}

void conn_start(struct net_server *s, struct listener *l, int fd, const union address *peer)
{
    struct net_conn *c = calloc(1, sizeof(*c));

    if (c == NULL || uv_tcp_init(s->loop, &c->tcp) != 0) {
        free(c);
        close(fd);
        server_count_close(s, NET_RPC_REASON(RPC_NO_MEMORY));
        server_forget(s, peer);
        return;
    }
    c->server = s;
    c->peer = *peer;
    c->tcp.data = c;
    link_conn(c);
    c->rpc_server = &l->rpc;
    c->rpc = rpc_conn_new(&l->rpc);
    if (uv_tcp_open(&c->tcp, fd) != 0) {
        close(fd);
        end_now(c, NET_RPC_REASON(RPC_NO_MEMORY), "");
    } else if (c->rpc == NULL) {
        end_now(c, NET_RPC_REASON(RPC_NO_MEMORY), "");
    } else {
        settle(c);
    }
}

void conn_stop(struct net_conn *c)
{
    settle(c);
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

/* ---- calls ---- */

const struct rpc_call *net_call_rpc(const struct net_call *call)
{
    return call->rpc;
}

const struct rpc_server *net_call_server(const struct net_call *call)
{
    return call->conn->rpc_server;
}

const char *net_call_peer(const struct net_call *call, char text[NET_ADDRESS_MAX])
{
    return address_format(&call->conn->peer, text, NET_ADDRESS_MAX);
}

const char *net_call_source(const struct net_call *call, char text[NET_ADDRESS_MAX])
{
    return address_format_host(&call->conn->peer, text, NET_ADDRESS_MAX);
}

/* Takes the call out of its connection and frees it; the connection, or NULL if it has gone. */
static struct net_conn *take_call(struct net_call *call)
{
    struct net_conn *c = call->conn;

    if (c != NULL) {
        c->open_calls--;
        call->prev->next = call->next;
        call->next->prev = call->prev;
        if (c->calls == call)
            c->calls = c->open_calls > 0 ? call->next : NULL;
        c->progress = true;
    }
    free(call);
    return c;
}

void net_call_reply(struct net_call *call, const void *stub, size_t len)
{
    struct rpc_call *rpc = call->rpc;
    struct net_conn *c = take_call(call);

    if (c == NULL)
        return;
    rpc_conn_reply(c->rpc, rpc, stub, len);
    settle(c);
}

void net_call_fault(struct net_call *call, uint32_t status)
{
    struct rpc_call *rpc = call->rpc;
    struct net_conn *c = take_call(call);

    if (c == NULL)
        return;
    rpc_conn_fault(c->rpc, rpc, status);
    settle(c);
}

void net_call_abort(struct net_call *call, const char *detail)
{
    struct rpc_call *rpc = call->rpc;
    struct net_conn *c = take_call(call);

    if (c == NULL)
        return;
    rpc_conn_drop(c->rpc, rpc);
    finish(c, NET_UNANSWERED, detail);
    settle(c);
}
