#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "rpc/pdu.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24 /* linux/in.h: the port is chosen with the destination known */
#endif

static struct sockaddr_in loopback(unsigned last, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + last)};
}

int peer_connect(uint16_t port, unsigned source)
{
    struct sockaddr_in from = loopback(2 + source, 0), to = loopback(1, port);
    const struct timeval limit = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), e;

    if (fd == -1)
        return -1;
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
        bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
        connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    e = errno;
    close(fd);
    errno = e;
    return -1;
}

/* Receives until the answer's own frag_length is there. */
static enum err receive(int fd, uint8_t *answer, size_t size, size_t *len, struct errinfo *ei)
{
    size_t got = 0, whole = RPC_HDR_LEN;

    while (got < whole) {
        ssize_t n = recv(fd, answer + got, whole - got, 0);

        if (n <= 0)
            return err_fail(ei, n == 0 ? ERR_UNREACHABLE : ERR_TIMEOUT, "receive an answer: %s",
                            n == 0 ? "closed" : strerror(errno));
        got += (size_t)n;
        if (got == RPC_HDR_LEN)
            whole = (size_t)answer[8] | (size_t)answer[9] << 8;
        if (whole > size || whole < RPC_HDR_LEN)
            return err_fail(ei, ERR_LIMIT, "receive an answer: %zu bytes", whole);
    }
    *len = got;
    return ERR_OK;
}

enum err peer_exchange(int fd, const void *pdu, size_t len, uint8_t *answer, size_t size,
                       size_t *answer_len, struct errinfo *ei)
{
    if (send(fd, pdu, len, MSG_NOSIGNAL) != (ssize_t)len)
        return err_fail(ei, ERR_UNREACHABLE, "send: %s", strerror(errno));
    return receive(fd, answer, size, answer_len, ei);
}
