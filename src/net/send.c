#include "net/send.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

static bool not_now(int errnum)
{
    return errnum == EAGAIN || errnum == EWOULDBLOCK || errnum == EINTR || errnum == ENOBUFS;
}

int send_now(int fd, const void *data, size_t n)
{
    ssize_t sent = send(fd, data, n < INT_MAX ? n : INT_MAX, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent < 0)
        return not_now(errno) ? 0 : uv_translate_sys_error(errno);
    return (int)sent;
}
