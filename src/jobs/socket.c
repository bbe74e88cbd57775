#include "jobs/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/passfd.h"
#include "jobs/packet.h"

enum err job_send(void *fd, const struct buf *packet, struct errinfo *ei)
{
    ssize_t sent;

    do
        sent = send(*(const int *)fd, packet->data, packet->len, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)packet->len ? ERR_OK
                                        : err_fail_errno(ei, errno, "send to the other process");
}

enum err job_pass(int to, const void *bytes, size_t len, int fd, struct errinfo *ei)
{
    ssize_t sent = passfd_send(to, bytes, len, fd, MSG_DONTWAIT);

    if (sent == (ssize_t)len)
        return ERR_OK;
    if (errno == EAGAIN)
        return err_fail(ei, ERR_BUSY, "it is behind with its work");
    /* More descriptors on their way than this user may have, or no memory: that passes. */
    if (errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM)
        return err_fail(ei, ERR_BUSY, "the system has no room for it now (%s)", strerror(errno));
    return err_fail(ei, ERR_IO, "it is gone (%s)", strerror(errno));
}

static enum err receive_failed(int why, struct errinfo *ei)
{
    if (why == ECONNRESET) /* it ended and had not read all */
        return ERR_OK;
    return why == EAGAIN ? err_fail(ei, ERR_TIMEOUT, "nothing came from the other process")
                         : err_fail_errno(ei, why, "receive from the other process");
}

enum err job_receive(int fd, struct buf *packet, int *passed, struct errinfo *ei)
{
    uint8_t *room;
    ssize_t got;
    int resets = 0;

    if (passed != NULL)
        *passed = PASSFD_NONE;
    buf_clear(packet);
    room = buf_grow(packet, PACKET_MAX);
    if (room == NULL)
        return err_nomem(ei);
    /* Who closes with something of ours unread has that told first, once; what it had sent before
     * comes after (unix(7), SO_ERROR). */
    do
        got = passed != NULL ? passfd_receive(fd, room, PACKET_MAX, passed, MSG_TRUNC)
                             : recv(fd, room, PACKET_MAX, MSG_TRUNC);
    while (got < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
    packet->len = got < 0 || got > PACKET_MAX ? 0 : (size_t)got;
    if (got < 0)
        return receive_failed(errno, ei);
    return got <= PACKET_MAX
               ? ERR_OK
               : err_fail(ei, ERR_LIMIT, "receive from the other process: a packet of %zd bytes",
                          got);
}
