#include "ldap/krb_kdc.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clk.h"
#include "ldap/dir_ldap.h"

#define KDC_PORT  "88"
#define REPLY_MAX (1 << 20)

enum outcome { ANSWERED, NO_KDC, NO_ANSWER };

/* ---- the socket ---- */

static bool wait_until(const struct krb_kdc *k, int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int64_t left;
    int n;

    do {
        left = k->deadline - clk_uptime_ms();
        n = left <= 0 ? 0 : poll(&p, 1, (int)left);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static enum outcome connect_to(const struct krb_kdc *k, const struct addrinfo *a, int *out)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;
    socklen_t len = sizeof(error);

    if (fd < 0)
        return NO_KDC;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
        error = errno;
    else if (!wait_until(k, fd, POLLOUT)) {
        close(fd);
        return NO_ANSWER;
    }
    if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error != 0) {
        close(fd);
        return NO_KDC;
    }
    *out = fd;
    return ANSWERED;
}

static bool send_all(const struct krb_kdc *k, int fd, const void *data, size_t n)
{
    const char *p = data;

    while (n > 0) {
        ssize_t done = wait_until(k, fd, POLLOUT) ? send(fd, p, n, MSG_NOSIGNAL) : -1;

        if (done < 0 && (errno == EAGAIN || errno == EINTR) && clk_uptime_ms() < k->deadline)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool read_all(const struct krb_kdc *k, int fd, void *data, size_t n)
{
    char *p = data;

    while (n > 0) {
        ssize_t done = wait_until(k, fd, POLLIN) ? recv(fd, p, n, 0) : -1;

        if (done < 0 && (errno == EAGAIN || errno == EINTR) && clk_uptime_ms() < k->deadline)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* ---- one question (RFC 4120 7.2.2: length in four bytes, then the message) ---- */

static krb5_data *new_data(size_t n)
{
    krb5_data *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->magic = KV5M_DATA;
    d->length = (unsigned)n;
    d->data = malloc(n + 1);
    if (d->data != NULL)
        return d;
    free(d);
    return NULL;
}

static enum outcome exchange(const struct krb_kdc *k, int fd, const krb5_data *message,
                             krb5_data **reply)
{
    uint32_t n = message->length;
    const uint8_t head[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    uint8_t len[4];
    krb5_data *d;

    if (!send_all(k, fd, head, 4) || !send_all(k, fd, message->data, n) || !read_all(k, fd, len, 4))
        return NO_ANSWER;
    n = (uint32_t)len[0] << 24 | (uint32_t)len[1] << 16 | (uint32_t)len[2] << 8 | len[3];
    d = n > REPLY_MAX ? NULL : new_data(n);
    if (d == NULL)
        return NO_ANSWER;
    if (!read_all(k, fd, d->data, n)) {
        free(d->data);
        free(d);
        return NO_ANSWER;
    }
    *reply = d;
    return ANSWERED;
}

static enum outcome ask_host(const struct krb_kdc *k, const krb5_data *message, krb5_data **reply)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    enum outcome o = NO_KDC;

    if (getaddrinfo(k->host, KDC_PORT, &hints, &list) != 0)
        return NO_KDC;
    for (const struct addrinfo *a = list; a != NULL && o == NO_KDC; a = a->ai_next) {
        int fd = -1;

        o = connect_to(k, a, &fd);
        if (o == ANSWERED) {
            o = exchange(k, fd, message, reply);
            close(fd);
        }
    }
    freeaddrinfo(list);
    return o;
}

/* "dc1.lab.example" stands in the domain of LAB.EXAMPLE. */
static bool in_domain(const char *host, const krb5_data *realm)
{
    const char *domain = strchr(host, '.');

    return domain != NULL && strlen(domain + 1) == realm->length &&
           strncasecmp(domain + 1, realm->data, realm->length) == 0;
}

/* A read-only controller's KDC that reaches no writable one says so, and others may know more. */
static bool is_unable(krb5_context ctx, const krb5_data *reply)
{
    krb5_error *error = NULL;
    bool unable;

    if (reply->length == 0 || (uint8_t)reply->data[0] != 0x7e || /* KRB-ERROR */
        krb5_rd_error(ctx, reply, &error) != 0)
        return false;
    unable = error->error == KRB5KDC_ERR_SVC_UNAVAILABLE - ERROR_TABLE_BASE_krb5;
    krb5_free_error(ctx, error);
    return unable;
}

krb5_error_code krb_kdc_ask(krb5_context ctx, void *data, const krb5_data *realm,
                            const krb5_data *message, krb5_data **new_message,
                            krb5_data **new_reply)
{
    const struct krb_kdc *k = data;
    krb5_data *reply = NULL;
    enum outcome o = in_domain(k->host, realm) ? ask_host(k, message, &reply) : NO_KDC;

    (void)new_message;
    if (o == NO_ANSWER)
        return KRB5_KDC_UNREACH;
    if (o == ANSWERED && is_unable(ctx, reply))
        krb5_free_data(ctx, reply);
    else if (o == ANSWERED)
        *new_reply = reply;
    return 0;
}
