/* bench_echo: the yardstick of ./dev bench host: a server that moves the same bytes as adbad and
 * does nothing else. Each thread has a listener of its own (SO_REUSEPORT) and an epoll loop; a
 * readable connection costs one recv and one send. For each PDU of a known type and length the
 * answer is a copy of what adbad answered to such a one, with the call id of the request.
 *
 * usage: bench_echo PORT THREADS EXCHANGES.json   (the JSON is what bench_load's probe prints) */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/pdu.h"

#define EVENTS      64
#define IN_MAX      2048
#define OUT_MAX     8192
#define ANSWER_MAX  1024
#define THREADS_MAX 64

struct answer {
    size_t len;
    uint8_t pdu[ANSWER_MAX];
};

/* By type (0: request, 1: bind) and length. */
static struct answer *answers[2][IN_MAX];

struct connection {
    int fd;
    size_t got;
    uint8_t in[IN_MAX];
};

static void die(const char *what)
{
    fprintf(stderr, "bench_echo: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void hang_up(struct connection *c)
{
    close(c->fd);
    free(c);
}

static const struct answer *answer_to(const uint8_t *pdu, size_t len)
{
    return len < IN_MAX ? answers[pdu[2] == RPC_BIND][len] : NULL;
}

/* Answers every whole PDU that is there with one send; false: the connection is to be closed. */
static bool serve(struct connection *c)
{
    uint8_t out[OUT_MAX];
    size_t pos = 0, len = 0;

    while (c->got - pos >= RPC_HDR_LEN) {
        const uint8_t *pdu = c->in + pos;
        size_t whole = (size_t)pdu[8] | (size_t)pdu[9] << 8;
        const struct answer *a = answer_to(pdu, whole);

        if (a == NULL || len + a->len > sizeof(out))
            return false;
        if (c->got - pos < whole)
            break;
        memcpy(out + len, a->pdu, a->len);
        memcpy(out + len + 12, pdu + 12, 4); /* call_id */
        len += a->len;
        pos += whole;
    }
    c->got -= pos;
    if (c->got > 0 && pos > 0)
        memmove(c->in, c->in + pos, c->got);
    return len == 0 || send(c->fd, out, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

static void on_readable(struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->got, sizeof(c->in) - c->got, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        hang_up(c);
        return;
    }
    c->got += (size_t)n;
    if (!serve(c))
        hang_up(c);
}

static void accept_all(int epoll, int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct connection *c;
        struct epoll_event ev = {.events = EPOLLIN};

        if (fd == -1)
            return;
        c = malloc(sizeof(*c));
        if (c == NULL)
            die("accept");
        c->fd = fd;
        c->got = 0;
        ev.data.ptr = c;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
            die("epoll_ctl");
    }
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1024) != 0)
        die("listen");
    return fd;
}

static void *worker(void *arg)
{
    int listener = *(int *)arg, epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS], ev = {.events = EPOLLIN};

    if (epoll == -1 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev) != 0)
        die("epoll");
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(epoll, listener);
            else
                on_readable(events[i].data.ptr);
        }
    }
    return NULL;
}

static uint8_t nibble(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static bool read_answers(const char *path)
{
    json_t *o = json_load_file(path, 0, NULL), *item;
    size_t i;

    json_array_foreach(json_object_get(o, "exchanges"), i, item)
    {
        const char *text;
        int type, length;
        struct answer *a = calloc(1, sizeof(*a));

        if (a == NULL || json_unpack(item, "{s:i, s:i, s:s}", "type", &type, "length", &length,
                                     "answer", &text) != 0)
            return false;
        a->len = strlen(text) / 2;
        if (length < 0 || length >= IN_MAX || a->len > ANSWER_MAX)
            return false;
        for (size_t b = 0; b < a->len; b++)
            a->pdu[b] = (uint8_t)(nibble(text[2 * b]) << 4 | nibble(text[2 * b + 1]));
        answers[type == RPC_BIND][length] = a;
    }
    json_decref(o);
    return i > 0;
}

int main(int argc, char **argv)
{
    static int listeners[THREADS_MAX];
    int threads = argc == 4 ? atoi(argv[2]) : 0;
    pthread_t thread;

    if (threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: bench_echo PORT THREADS EXCHANGES.json\n");
        return 2;
    }
    if (!read_answers(argv[3])) {
        fprintf(stderr, "bench_echo: %s: no exchanges in it\n", argv[3]);
        return 1;
    }
    for (int i = 0; i < threads; i++)
        listeners[i] = listen_on((uint16_t)atoi(argv[1]));
    puts("listening");
    fflush(stdout);
    for (int i = 1; i < threads; i++) {
        if (pthread_create(&thread, NULL, worker, &listeners[i]) != 0)
            die("pthread_create");
    }
    worker(&listeners[0]);
    return 0;
}
