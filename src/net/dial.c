#include "net/dial.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "net/until.h"

#define HR_RPC_UNAVAILABLE 0x800706BAu
#define HR_RPC_UNKNOWN_IF  0x800706B5u
#define HR_RPC_CALL_FAILED 0x800706BEu

struct line {
    const struct dial *d;
    struct until until;
    int fd;
    char address[DIAL_ADDRESS_MAX]; /* of the peer */
};

static enum err line_fail(const struct line *l, enum err e, const char *cause, struct errinfo *ei)
{
    return err_fail_hr(ei, e, HR_RPC_UNAVAILABLE, "call %s port %u: %s", l->d->host, l->d->port,
                       cause);
}

static enum err line_errno(const struct line *l, int errnum, const char *what, struct errinfo *ei)
{
    enum err e = err_fail_errno(ei, errnum, "%s %s port %u", what, l->d->host, l->d->port);

    if (ei != NULL) {
        ei->hresult = HR_RPC_UNAVAILABLE;
        ei->code = ERR_UNREACHABLE;
    }
    return e == ERR_NOMEM ? e : ERR_UNREACHABLE;
}

/* Waits until the socket can be read or written. */
static enum err line_wait(const struct line *l, short events, const char *phase, struct errinfo *ei)
{
    struct pollfd p = {.fd = l->fd, .events = events};

    for (;;) {
        int left = until_left(l->until);
        int n = poll(&p, 1, left);

        if (n > 0)
            return ERR_OK;
        if (n == 0 && left == 0)
            return line_fail(l, ERR_TIMEOUT, phase, ei);
        if (n < 0 && errno != EINTR)
            return line_errno(l, errno, "wait for", ei);
    }
}

static enum err connect_one(struct line *l, const struct resolver_address *a, struct errinfo *ei)
{
    int errnum = 0;
    socklen_t len = sizeof(errnum);
    enum err e = ERR_OK;

    l->fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return line_errno(l, errno, "open a socket to", ei);
    if (connect(l->fd, (const struct sockaddr *)&a->at, a->len) != 0)
        errnum = errno;
    if (errnum == EINPROGRESS) {
        e = line_wait(l, POLLOUT, "no connection within the time limit", ei);
        if (e == ERR_OK && getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) != 0)
            errnum = errno;
    }
    if (e == ERR_OK && errnum != 0)
        e = line_errno(l, errnum, "connect to", ei);
    if (e != ERR_OK) {
        close(l->fd);
        l->fd = -1;
    }
    return e;
}

static void tell_peer(struct line *l, const struct resolver_address *a)
{
    union address peer = {0};

    memcpy(&peer, &a->at, a->len < sizeof(peer) ? a->len : sizeof(peer));
    address_unmap(&peer);
    address_format_host(&peer, l->address, sizeof(l->address));
}

static enum err line_open(struct line *l, struct resolver *r, struct errinfo *ei)
{
    struct resolver_address *a = NULL;
    size_t n = 0;
    enum err e = resolver_host(r, l->d->host, l->d->port, until_left(l->until), &a, &n, ei);

    if (e != ERR_OK)
        return e;
    e = line_fail(l, ERR_UNREACHABLE, "the host has no address", ei);
    for (size_t i = 0; i < n && e != ERR_OK && e != ERR_TIMEOUT; i++) {
        e = connect_one(l, &a[i], ei);
        if (e == ERR_OK)
            tell_peer(l, &a[i]);
    }
    free(a);
    return e;
}

static enum err line_send(const struct line *l, struct buf *out, struct errinfo *ei)
{
    while (out->len > 0) {
        ssize_t n = send(l->fd, out->data, out->len, MSG_NOSIGNAL);
        enum err e;

        if (n > 0) {
            buf_drop(out, (size_t)n);
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return line_errno(l, errno, "send to", ei);
        e = line_wait(l, POLLOUT, "the host takes no data", ei);
        if (e != ERR_OK)
            return e;
    }
    return out->err;
}

/* The next piece of what the host says; *n > 0 on success. */
static enum err line_receive(const struct line *l, void *in, size_t size, size_t *n,
                             struct errinfo *ei)
{
    for (;;) {
        ssize_t got = recv(l->fd, in, size, 0);
        enum err e;

        if (got > 0) {
            *n = (size_t)got;
            return ERR_OK;
        }
        if (got == 0)
            return line_fail(l, ERR_UNREACHABLE, "the host closed the connection", ei);
        if (errno != EAGAIN && errno != EINTR)
            return line_errno(l, errno, "receive from", ei);
        e = line_wait(l, POLLIN, "no answer within the time limit", ei);
        if (e != ERR_OK)
            return e;
    }
}

static enum err start_call(const struct line *l, struct rpc_client *c, struct errinfo *ei)
{
    struct buf stub = BUF_INIT;
    enum err e;

    l->d->stub(l->d->arg, rpc_client_ndr64(c), &stub);
    e = stub.err != ERR_OK ? err_nomem(ei)
                           : rpc_client_call(c, l->d->opnum, stub.data, stub.len, ei);
    buf_fini(&stub);
    return e;
}

static enum err take_response(const struct line *l, const struct rpc_client *c,
                              struct dial_reply *out, struct errinfo *ei)
{
    const struct buf *stub = rpc_client_stub(c);

    *out = (struct dial_reply){.big = rpc_client_stub_big(c), .ndr64 = rpc_client_ndr64(c)};
    memcpy(out->address, l->address, sizeof(out->address));
    buf_add(&out->stub, stub->data, stub->len);
    return out->stub.err != ERR_OK ? err_nomem(ei) : ERR_OK;
}

/* One step of the core; *done once the response was taken. */
static enum err on_step(const struct line *l, struct rpc_client *c, enum rpc_client_step step,
                        struct dial_reply *out, bool *done, struct errinfo *ei)
{
    switch (step) {
    case RPC_CLIENT_MORE:
        return ERR_OK;
    case RPC_CLIENT_BOUND:
        *done = l->d->stub == NULL;
        return *done ? take_response(l, c, out, ei) : start_call(l, c, ei);
    case RPC_CLIENT_RESPONSE:
        *done = true;
        return take_response(l, c, out, ei);
    case RPC_CLIENT_FAULT:
        return err_fail_hr(ei, ERR_REFUSED, HR_RPC_CALL_FAILED,
                           "call %s port %u: the host answered with fault 0x%08x", l->d->host,
                           l->d->port, rpc_client_fault(c));
    case RPC_CLIENT_FAILED:
        err_context(ei, "call %s port %u", l->d->host, l->d->port);
        ei->hresult = HR_RPC_UNKNOWN_IF;
        return ei->code;
    }
    return ERR_INTERNAL;
}

static enum err converse(const struct line *l, struct rpc_client *c, struct dial_reply *out,
                         struct errinfo *ei)
{
    uint8_t in[4096];
    bool done = false;
    enum err e = line_send(l, rpc_client_output(c), ei);

    while (e == ERR_OK && !done) {
        size_t n = 0, at = 0, used = 0;

        e = line_receive(l, in, sizeof(in), &n, ei);
        while (e == ERR_OK && !done && at < n) {
            enum rpc_client_step step = rpc_client_feed(c, in + at, n - at, &used, ei);

            at += used;
            e = on_step(l, c, step, out, &done, ei);
        }
        if (e == ERR_OK && !done)
            e = line_send(l, rpc_client_output(c), ei);
    }
    return e;
}

enum err dial_call(struct resolver *r, const struct dial *d, struct dial_reply *out,
                   struct errinfo *ei)
{
    struct rpc_client_conf conf = {.uuid = d->iface,
                                   .major = d->major,
                                   .minor = d->minor,
                                   .offer = d->offer,
                                   .features = true, /* as Windows asks */
                                   .security = d->security,
                                   .authn_type = d->authn_type,
                                   .authn_level = d->authn_level,
                                   .call_fragment = d->call_fragment};
    struct line l = {.d = d, .until = until_in(d->timeout_ms), .fd = -1};
    struct errinfo own = {0};
    struct rpc_client *c = NULL;
    enum err e;

    if (ei == NULL)
        ei = &own;
    e = line_open(&l, r, ei);
    if (e != ERR_OK)
        goto out;
    c = rpc_client_new(&conf);
    e = c == NULL ? err_nomem(ei) : converse(&l, c, out, ei);
out:
    rpc_client_free(c);
    if (l.fd >= 0)
        close(l.fd);
    return e;
}
