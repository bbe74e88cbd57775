#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <unistd.h>

#define BACKLOG 1024

static const int on = 1;

static enum err listen_failed(int errnum, const char *text, const char *setting, struct errinfo *ei)
{
    const char *remedy = "";
    bool misconfigured = errnum == EADDRNOTAVAIL || errnum == EAFNOSUPPORT;

    if (errnum == EADDRINUSE)
        remedy = "; another program listens there: stop it, or choose another port in ";
    else if (errnum == EACCES)
        remedy = "; ports below 1024 need CAP_NET_BIND_SERVICE: choose another in ";
    else if (misconfigured)
        remedy = "; this machine has no such address: change ";
    err_fail_errno(ei, errnum, "listen on %s", text);
    return err_fail(ei, misconfigured ? ERR_CONFIG : ei->code, "%s%s%s", ei->text, remedy,
                    *remedy != '\0' ? setting : "");
}

static bool set(int fd, int level, int option)
{
    return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

/* Listens; the first socket of an address insists on being alone there. 0 or errno. */
static int open_socket(const union address *a, bool first, int *fd)
{
    bool v6 = a->any.sa_family == AF_INET6;

    *fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return errno;
    /* TCP_NODELAY is inherited by what is accepted. */
    if (!set(*fd, SOL_SOCKET, SO_REUSEADDR) || (!first && !set(*fd, SOL_SOCKET, SO_REUSEPORT)) ||
        !set(*fd, IPPROTO_TCP, TCP_NODELAY) || (v6 && !set(*fd, IPPROTO_IPV6, IPV6_V6ONLY)) ||
        bind(*fd, &a->any, v6 ? sizeof(a->v6) : sizeof(a->v4)) != 0 || listen(*fd, BACKLOG) != 0)
        return errno;
    return 0;
}

static void close_all(unsigned n, const int *fds)
{
    for (unsigned i = 0; i < n; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

/* The first socket listens without SO_REUSEPORT, so the kernel finds whoever else is there; only
 * then it is opened to its siblings. At no moment could another instance slip in: its own first
 * socket would not share. */
static int open_sockets(union address *a, unsigned n, int *fds)
{
    socklen_t len = sizeof(*a);
    int errnum = open_socket(a, true, &fds[0]);

    if (errnum == 0 && getsockname(fds[0], &a->any, &len) != 0)
        errnum = errno;
    if (errnum == 0 && n > 1 && !set(fds[0], SOL_SOCKET, SO_REUSEPORT))
        errnum = errno;
    for (unsigned i = 1; errnum == 0 && i < n; i++)
        errnum = open_socket(a, false, &fds[i]);
    return errnum;
}

enum err listen_open(const char *text, const char *setting, union address *a, unsigned n, int *fds,
                     struct errinfo *ei)
{
    int errnum;

    for (unsigned i = 0; i < n; i++)
        fds[i] = -1;
    errnum = open_sockets(a, n, fds);
    if (errnum == 0)
        return ERR_OK;
    close_all(n, fds);
    return listen_failed(errnum, text, setting, ei);
}

static int option(int fd, int name)
{
    socklen_t len = sizeof(int);
    int value = -1;

    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* NULL: the descriptor is a listening TCP socket; else what is wrong. */
static const char *unsuitable(int fd, union address *a)
{
    socklen_t len = sizeof(*a);

    if (option(fd, SO_TYPE) < 0)
        return "it is no socket";
    if (getsockname(fd, &a->any, &len) != 0 ||
        (a->any.sa_family != AF_INET && a->any.sa_family != AF_INET6) ||
        option(fd, SO_TYPE) != SOCK_STREAM || option(fd, SO_PROTOCOL) != IPPROTO_TCP)
        return "it is a socket of another kind";
    return option(fd, SO_ACCEPTCONN) == 1 ? NULL : "it is a TCP socket that does not listen";
}

enum err listen_adopt(int fd, union address *a, unsigned n, int *fds, struct errinfo *ei)
{
    const char *wrong = unsuitable(fd, a);

    if (wrong != NULL)
        return err_fail(ei, ERR_CONFIG,
                        "descriptor %d of LISTEN_FDS: %s; pass listening TCP sockets only (a "
                        "socket unit with ListenStream= of a port)",
                        fd, wrong);
    fds[0] = fd;
    for (unsigned i = 1; i < n; i++)
        fds[i] = -1;
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 ||
        !set(fd, IPPROTO_TCP, TCP_NODELAY))
        return err_fail_errno(ei, errno, "descriptor %d of LISTEN_FDS", fd);
    for (unsigned i = 1; i < n; i++) {
        fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (fds[i] < 0) {
            int errnum = errno;

            close_all(n, fds);
            return err_fail_errno(ei, errnum, "descriptor %d of LISTEN_FDS", fd);
        }
    }
    return ERR_OK;
}
