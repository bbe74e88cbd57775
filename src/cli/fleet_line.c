#include "cli/fleet_line.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kms/stub.h"

static enum err lost(struct fleet_line *l, int errnum, struct errinfo *ei)
{
    fleet_line_close(l);
    if (errnum == 0)
        return err_fail(ei, ERR_UNREACHABLE, "the host closed the connection");
    (void)err_fail_errno(ei, errnum, "the connection failed");
    ei->code = ERR_UNREACHABLE;
    return ERR_UNREACHABLE;
}

enum err fleet_line_open(struct fleet_line *l, const struct resolver_address *to,
                         struct errinfo *ei)
{
    const struct rpc_client_conf conf = {
        .uuid = kms_interface_uuid, .major = 1, .offer = RPC_OFFER_BOTH, .features = true};
    int on = 1;

    *l = (struct fleet_line){.state = LINE_OPENING};
    l->fd = socket(to->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return err_fail_errno(ei, errno, "open a socket");
    l->rpc = rpc_client_new(&conf);
    if (l->rpc == NULL) {
        fleet_line_close(l);
        return err_nomem(ei);
    }
    (void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(l->fd, (const struct sockaddr *)&to->at, to->len) != 0 && errno != EINPROGRESS)
        return lost(l, errno, ei);
    return ERR_OK;
}

void fleet_line_close(struct fleet_line *l)
{
    if (l->state == LINE_CLOSED)
        return;
    close(l->fd);
    rpc_client_free(l->rpc);
    l->rpc = NULL;
    l->state = LINE_CLOSED;
}

static enum err send_some(struct fleet_line *l, struct errinfo *ei)
{
    struct buf *out = rpc_client_output(l->rpc);

    while (out->len > 0) {
        ssize_t n = send(l->fd, out->data, out->len, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return ERR_OK;
        if (n < 0)
            return lost(l, errno, ei);
        buf_drop(out, (size_t)n);
    }
    return ERR_OK;
}

enum err fleet_line_call(struct fleet_line *l, const void *request, size_t len, struct errinfo *ei)
{
    struct buf stub = BUF_INIT;
    enum err e;

    kms_stub_write_request(request, len, rpc_client_ndr64(l->rpc), &stub);
    e = stub.err != ERR_OK
            ? err_nomem(ei)
            : rpc_client_call(l->rpc, KMS_OPNUM_REQUEST_ACTIVATION, stub.data, stub.len, ei);
    buf_fini(&stub);
    if (e != ERR_OK)
        return e;
    l->state = LINE_BUSY;
    return send_some(l, ei);
}

void fleet_line_next(struct fleet_line *l)
{
    l->state = LINE_READY;
}

short fleet_line_events(const struct fleet_line *l)
{
    bool sends = !l->connected || rpc_client_output(l->rpc)->len > 0;

    return (short)(POLLIN | (sends ? POLLOUT : 0));
}

static enum err take(struct fleet_line *l, enum rpc_client_step step, struct errinfo *ei)
{
    switch (step) {
    case RPC_CLIENT_MORE:
        return ERR_OK;
    case RPC_CLIENT_BOUND:
        l->state = LINE_READY;
        return ERR_OK;
    case RPC_CLIENT_RESPONSE:
        l->state = LINE_ANSWERED;
        return ERR_OK;
    case RPC_CLIENT_FAULT:
        return err_fail(ei, ERR_REFUSED, "the host answered with fault 0x%08x",
                        rpc_client_fault(l->rpc));
    case RPC_CLIENT_FAILED:
        return ei->code;
    }
    return ERR_INTERNAL;
}

static enum err receive(struct fleet_line *l, struct errinfo *ei)
{
    char in[4096];
    enum err e = ERR_OK;

    while (e == ERR_OK && l->state != LINE_ANSWERED) {
        ssize_t n = recv(l->fd, in, sizeof(in), 0);
        size_t at = 0, used;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return ERR_OK;
        if (n <= 0)
            return lost(l, n == 0 ? 0 : errno, ei);
        for (; e == ERR_OK && at < (size_t)n; at += used)
            e = take(l, rpc_client_feed(l->rpc, in + at, (size_t)n - at, &used, ei), ei);
    }
    return e;
}

enum err fleet_line_advance(struct fleet_line *l, struct errinfo *ei)
{
    int errnum = 0;
    socklen_t len = sizeof(errnum);
    enum err e;

    if (!l->connected) {
        if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) != 0)
            errnum = errno;
        if (errnum != 0)
            return lost(l, errnum, ei);
        l->connected = true;
    }
    e = send_some(l, ei);
    return e == ERR_OK ? receive(l, ei) : e;
}
