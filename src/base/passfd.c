#include "base/passfd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/sanitized.h"

/* Room for one descriptor, not two. */
union room {
    struct cmsghdr align;
    char space[CMSG_SPACE(sizeof(int))];
};

ssize_t passfd_send(int socket, const void *data, size_t len, int fd, int flags)
{
    union room room = {0};
    struct iovec io = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    ssize_t sent;

    if (fd >= 0) {
        struct cmsghdr *c = &room.align;

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
        m.msg_control = &room;
        m.msg_controllen = sizeof(room.space);
    }
    do
        sent = sendmsg(socket, &m, flags | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

/* ThreadSanitizer keeps memory for a descriptor that came so until it sees it closed, which it does
 * not where libuv closes: whichever thread gets that number next seems to race for the memory. For
 * one that was opened there is none, so such a number is taken. */
static int under_another_number(int fd)
{
    int other = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (other < 0)
        return fd;
    (void)syscall(SYS_dup3, fd, other, O_CLOEXEC); /* unseen */
    close(fd);
    return other;
}

ssize_t passfd_receive(int socket, void *data, size_t size, int *fd, int flags)
{
    union room room = {0};
    struct iovec io = {.iov_base = data, .iov_len = size};
    struct msghdr m = {.msg_iov = &io,
                       .msg_iovlen = 1,
                       .msg_control = &room,
                       .msg_controllen = CMSG_LEN(sizeof(int))};
    const struct cmsghdr *c;
    ssize_t got;

    *fd = PASSFD_NONE;
    do
        got = recvmsg(socket, &m, flags | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return got;
    c = CMSG_FIRSTHDR(&m);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd, CMSG_DATA(c), sizeof(*fd));
    else if (m.msg_flags & MSG_CTRUNC)
        *fd = PASSFD_LOST;
    if (SANITIZED_THREADS && *fd >= 0)
        *fd = under_another_number(*fd);
    return got;
}
