#include "jobs/job.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/passfd.h"

#define RELOAD_MS 5000 /* for the steward to read its configuration */

/* ---- packets over a socket ---- */

enum err job_send(void *fd, const struct buf *packet, struct errinfo *ei)
{
    ssize_t sent;

    do
        sent = send(*(const int *)fd, packet->data, packet->len, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)packet->len ? ERR_OK
                                        : err_fail_errno(ei, errno, "send to the other process");
}

enum err job_receive(int fd, struct buf *packet, struct errinfo *ei)
{
    uint8_t *room;
    ssize_t got;

    buf_clear(packet);
    room = buf_grow(packet, PACKET_MAX);
    if (room == NULL)
        return err_nomem(ei);
    do
        got = recv(fd, room, PACKET_MAX, MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    packet->len = got < 0 || got > PACKET_MAX ? 0 : (size_t)got;
    if (got < 0 && errno == ECONNRESET) /* it ended and had not read all */
        return ERR_OK;
    if (got < 0)
        return err_fail_errno(ei, errno, "receive from the other process");
    return got <= PACKET_MAX
               ? ERR_OK
               : err_fail(ei, ERR_LIMIT, "receive from the other process: a packet of %zd bytes",
                          got);
}

/* ---- the network process' side ---- */

/* A message to the steward, with a descriptor. */
static enum err pass(int steward, const uint8_t *message, size_t len, int fd, struct errinfo *ei)
{
    ssize_t sent = passfd_send(steward, message, len, fd, MSG_DONTWAIT);

    if (sent == (ssize_t)len)
        return ERR_OK;
    if (errno == EAGAIN)
        return err_fail(ei, ERR_BUSY, "ask the steward process: it is behind with its work");
    return err_fail(ei, ERR_IO, "ask the steward process: it is gone (%s)", strerror(errno));
}

/* The same with one end of a new socket; *out is the other. */
static enum err pass_socket(int steward, const uint8_t *message, size_t len, struct job *out,
                            struct errinfo *ei)
{
    int pair[2];
    enum err e;

    *out = JOB_NONE;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return err_fail_errno(ei, errno, "make a socket for a job of the steward");
    e = pass(steward, message, len, pair[1], ei);
    close(pair[1]);
    if (e == ERR_OK)
        out->fd = pair[0];
    else
        close(pair[0]);
    return e;
}

enum err job_open(int steward, struct job *out, struct errinfo *ei)
{
    static const uint8_t message[] = {JOB_CONTROL_JOB};

    return pass_socket(steward, message, sizeof(message), out, ei);
}

static enum err no_answer(enum err e, struct errinfo *ei)
{
    return e == ERR_TIMEOUT ? err_fail(ei, e, "the steward process does not answer; try again")
                            : err_fail(ei, e, "the steward process ended without an answer");
}

/* Whoever is late finds the socket shut: what is not here by then is never sent, and what could be
 * sent is here. */
static enum err await_answer(int fd, struct buf *packet, struct errinfo *ei)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    enum err e;
    int ready;

    do
        ready = poll(&p, 1, RELOAD_MS);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        (void)shutdown(fd, SHUT_RDWR);
    e = job_receive(fd, packet, ei);
    return e == ERR_OK && packet->len == 0 ? no_answer(ready <= 0 ? ERR_TIMEOUT : ERR_IO, ei) : e;
}

static enum err read_verdict(const struct buf *packet, struct errinfo *ei)
{
    struct wire_rd r = wire_reader(packet->data, packet->len);
    struct errinfo said = {0};
    unsigned type = wire_u8(&r);
    enum err e;

    if (type == PACKET_FAILED)
        packet_error(&r, &said);
    e = packet_read(&r, ei);
    if (e != ERR_OK || type == PACKET_END)
        return e;
    if (said.code == ERR_OK)
        return err_fail(ei, ERR_MALFORMED, "steward: neither taken nor refused");
    if (ei != NULL)
        *ei = said;
    return said.code;
}

enum err job_reload(int steward, const uint8_t digest[JOB_DIGEST_LEN], struct errinfo *ei)
{
    uint8_t message[JOB_CONTROL_MAX] = {JOB_CONTROL_RELOAD};
    struct buf packet = BUF_INIT;
    struct job j;
    enum err e;

    memcpy(message + 1, digest, JOB_DIGEST_LEN);
    e = pass_socket(steward, message, sizeof(message), &j, ei);
    if (e == ERR_OK)
        e = await_answer(j.fd, &packet, ei);
    if (e == ERR_OK)
        e = read_verdict(&packet, ei);
    job_close(&j);
    buf_fini(&packet);
    return e;
}

static enum err ended_early(const struct job_request *r, struct errinfo *ei)
{
    return err_fail(ei, ERR_IO, "the steward's job \"%s\" ended without an answer",
                    job_kind_name(r->kind));
}

/* Until the last packet; whether the job says that it failed is then in *said. */
static enum err read_answer(const struct job *j, const struct job_request *request,
                            struct buf *packet, job_take_fn *take, void *arg, struct errinfo *said,
                            struct errinfo *ei)
{
    for (;;) {
        enum err e = job_receive(j->fd, packet, ei);
        struct wire_rd r;
        unsigned type;

        if (e != ERR_OK)
            return e;
        if (packet->len == 0)
            return ended_early(request, ei);
        r = wire_reader(packet->data, packet->len);
        type = wire_u8(&r);
        if (type == PACKET_END)
            return packet_read(&r, ei);
        if (type == PACKET_FAILED) {
            packet_error(&r, said);
            e = packet_read(&r, ei);
            if (e == ERR_OK && said->code == ERR_OK)
                e = err_fail(ei, ERR_MALFORMED, "steward: a failure without an error");
            return e;
        }
        e = take(arg, (enum packet_type)type, &r, ei);
        if (e != ERR_OK)
            return e;
    }
}

/* The steward closes when it has buried the job, and tells before that if it did not end well. */
static enum err await_end(const struct job *j, struct buf *packet, struct errinfo *said,
                          struct errinfo *ei)
{
    enum err e = job_receive(j->fd, packet, ei);

    if (e == ERR_OK && packet->len > 0) {
        struct wire_rd r = wire_reader(packet->data, packet->len);

        if (wire_u8(&r) != PACKET_FAILED)
            return err_fail(ei, ERR_MALFORMED, "steward: a packet after the last");
        packet_error(&r, said);
        e = packet_read(&r, ei);
    }
    return e;
}

enum err job_ask(const struct job *j, const struct job_request *request, job_take_fn *take,
                 void *arg, struct errinfo *ei)
{
    struct buf packet = BUF_INIT;
    struct errinfo said = {0}, local;
    int fd = j->fd;
    enum err e = request_write(request, &packet);

    if (ei == NULL)
        ei = &local;
    if (e != ERR_OK)
        e = err_fail(ei, e, "ask the steward: a request that is too long");
    if (e == ERR_OK && job_send(&fd, &packet, ei) != ERR_OK)
        e = ended_early(request, ei);
    if (e == ERR_OK)
        e = read_answer(j, request, &packet, take, arg, &said, ei);
    if (e == ERR_OK && said.code == ERR_OK)
        e = await_end(j, &packet, &said, ei);
    if (e == ERR_OK && said.code != ERR_OK) {
        *ei = said;
        e = said.code;
    }
    buf_wipe(&packet);
    return e;
}

void job_cut(const struct job *j)
{
    if (j->fd >= 0)
        (void)shutdown(j->fd, SHUT_RDWR);
}

void job_close(struct job *j)
{
    if (j->fd >= 0)
        close(j->fd);
    *j = JOB_NONE;
}
