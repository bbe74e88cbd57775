#include "relay/link.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kms/stub.h"
#include "net/send.h"

enum state { CONNECTING, BINDING, READY, CALLING, CLOSED };

struct relay_link {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uint64_t until; /* ms: when time is up; the timer may run out before and is then set again */
    int fd;         /* once connected */
    struct channel_call call;
    unsigned handles;
    const struct link_conf *conf;
    void *owner;
    struct rpc_client *rpc;
    enum state state;
    int error; /* of libuv: why it was not connected, or what fail_soon will tell */
    bool writing, bound, used, failing, late;
};

/* What could not be written at once. */
struct rest {
    uv_write_t req;
    uint8_t data[];
};

static void on_closed(uv_handle_t *h)
{
    struct relay_link *l = h->data;

    if (--l->handles > 0)
        return;
    rpc_client_free(l->rpc);
    free(l);
}

void relay_link_close(struct relay_link *l)
{
    if (l == NULL || l->state == CLOSED)
        return;
    l->state = CLOSED;
    channel_forget(&l->call);
    uv_close((uv_handle_t *)&l->timer, on_closed);
    uv_close((uv_handle_t *)&l->tcp, on_closed);
}

static void lose(struct relay_link *l, const char *why)
{
    if (l->state == CLOSED)
        return;
    relay_link_close(l);
    l->conf->on_event(l->conf->arg, l->owner, l, LINK_LOST, why);
}

/* ---- time ---- */

static void on_timer(uv_timer_t *t);

/* Each call has a limit, and what follows it a longer one: a timer that is early enough runs on. */
static void limit(struct relay_link *l, unsigned ms)
{
    uint64_t now = uv_now(l->conf->loop);

    l->until = now + ms;
    if (!uv_is_active((uv_handle_t *)&l->timer) || uv_timer_get_due_in(&l->timer) > ms)
        uv_timer_start(&l->timer, on_timer, ms, 0);
}

static void on_timer(uv_timer_t *t)
{
    static const char *const why[] = {[CONNECTING] = "no connection within the time limit",
                                      [BINDING] = "no answer to the bind within the time limit",
                                      [READY] = "idle",
                                      [CALLING] = "no answer within the time limit"};
    struct relay_link *l = t->data;
    uint64_t now = uv_now(l->conf->loop);

    if (now < l->until) {
        uv_timer_start(t, on_timer, l->until - now, 0);
        return;
    }
    l->late = !l->failing;
    lose(l, l->failing ? uv_strerror(l->error) : why[l->state]);
}

/* Told from the loop, since the owner is just calling us. */
static void fail_soon(struct relay_link *l, int error)
{
    l->failing = true;
    l->error = error;
    limit(l, 0);
}

/* ---- writing ---- */

static void on_written(uv_write_t *req, int status)
{
    struct rest *rest = (struct rest *)req;
    struct relay_link *l = req->data;

    free(rest);
    l->writing = false;
    if (status < 0 && l->state != CLOSED)
        lose(l, uv_strerror(status));
}

static void write_rest(struct relay_link *l, struct buf *out)
{
    struct rest *rest = malloc(sizeof(*rest) + out->len);
    uv_buf_t b;
    int rc;

    if (rest == NULL) {
        fail_soon(l, UV_ENOMEM);
        return;
    }
    memcpy(rest->data, out->data, out->len);
    b = uv_buf_init((char *)rest->data, (unsigned)out->len);
    rest->req.data = l;
    buf_clear(out);
    l->writing = true;
    rc = uv_write(&rest->req, (uv_stream_t *)&l->tcp, &b, 1, on_written);
    if (rc != 0) {
        free(rest);
        l->writing = false;
        fail_soon(l, rc);
    }
}

/* Nearly always the kernel takes it all at once. */
static void flush(struct relay_link *l)
{
    struct buf *out = rpc_client_output(l->rpc);
    int n = 0;

    if (out->err != ERR_OK) {
        fail_soon(l, UV_ENOMEM);
        return;
    }
    if (!l->writing)
        n = send_now(l->fd, out->data, out->len);
    if (n < 0) {
        fail_soon(l, n);
        return;
    }
    buf_drop(out, (size_t)n);
    if (out->len > 0)
        write_rest(l, out);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    const struct relay_link *l = h->data;

    (void)suggested;
    *b = uv_buf_init(l->conf->read_buffer, (unsigned)l->conf->read_size);
}

static void tell(struct relay_link *l, enum rpc_client_step step)
{
    enum link_event event = step == RPC_CLIENT_BOUND      ? LINK_BOUND
                            : step == RPC_CLIENT_RESPONSE ? LINK_ANSWER
                                                          : LINK_FAULT;

    l->bound = true;
    l->used = l->used || step != RPC_CLIENT_BOUND;
    l->state = READY;
    limit(l, l->conf->idle_ms);
    l->conf->on_event(l->conf->arg, l->owner, l, event, NULL);
}

/* One step may end the link, and with it the core that is fed; its memory stays until the loop
 * turns. */
static void feed(struct relay_link *l, const char *data, size_t n)
{
    struct errinfo ei = {0};

    while (n > 0 && l->state != CLOSED) {
        size_t used = 0;
        enum rpc_client_step step = rpc_client_feed(l->rpc, data, n, &used, &ei);

        data += used;
        n -= used;
        if (step == RPC_CLIENT_FAILED)
            lose(l, ei.text);
        else if (step != RPC_CLIENT_MORE)
            tell(l, step);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct relay_link *l = stream->data;

    if (n > 0)
        feed(l, b->base, (size_t)n);
    else if (n < 0)
        lose(l, n == UV_EOF ? "the host closed the connection" : uv_strerror((int)n));
}

/* ---- life ---- */

static void on_connected(struct channel_call *call, int error, int fd)
{
    struct relay_link *l = (struct relay_link *)((char *)call - offsetof(struct relay_link, call));

    if (error == 0) {
        error = uv_tcp_open(&l->tcp, fd);
        if (error != 0)
            close(fd);
    }
    if (error != 0) {
        l->error = error;
        lose(l, uv_strerror(error));
        return;
    }
    l->state = BINDING;
    l->fd = fd;
    uv_tcp_nodelay(&l->tcp, 1);
    uv_read_start((uv_stream_t *)&l->tcp, on_alloc, on_read);
    flush(l);
}

struct relay_link *relay_link_open(const struct link_conf *conf, uint32_t address,
                                   unsigned limit_ms, void *owner)
{
    const struct rpc_client_conf rpc = {.uuid = kms_interface_uuid,
                                        .major = 1,
                                        .offer = RPC_OFFER_BOTH,
                                        .features = true}; /* as Windows asks */
    struct relay_link *l = calloc(1, sizeof(*l));
    int rc;

    if (l == NULL)
        return NULL;
    l->conf = conf;
    l->owner = owner;
    l->rpc = rpc_client_new(&rpc);
    if (l->rpc == NULL || uv_tcp_init(conf->loop, &l->tcp) != 0) {
        rpc_client_free(l->rpc);
        free(l);
        return NULL;
    }
    uv_timer_init(conf->loop, &l->timer);
    l->handles = 2;
    l->tcp.data = l->timer.data = l;
    l->call.done = on_connected;
    limit(l, limit_ms);
    rc = channel_connect(conf->channel, &l->call, address, limit_ms);
    if (rc != 0)
        fail_soon(l, rc);
    return l;
}

void relay_link_own(struct relay_link *l, void *owner)
{
    l->owner = owner;
}

void relay_link_call(struct relay_link *l, const void *stub, size_t len)
{
    l->state = CALLING;
    limit(l, l->conf->limit_ms);
    if (rpc_client_call(l->rpc, KMS_OPNUM_REQUEST_ACTIVATION, stub, len, NULL) != ERR_OK)
        fail_soon(l, UV_ENOMEM);
    else
        flush(l);
}

const struct rpc_client *relay_link_rpc(const struct relay_link *l)
{
    return l->rpc;
}

bool relay_link_bound(const struct relay_link *l)
{
    return l->bound;
}

bool relay_link_late(const struct relay_link *l)
{
    return l->late;
}

bool relay_link_used(const struct relay_link *l)
{
    return l->used;
}

bool relay_link_ours(const struct relay_link *l)
{
    return l->error == UV_ENOMEM || l->error == UV_ENOBUFS || l->error == UV_EMFILE ||
           l->error == UV_ENFILE || l->error == UV_ECANCELED; /* without a dialler */
}
