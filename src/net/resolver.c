#include "net/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/until.h"

#define HR_DNS_SERVER_FAILURE 0x8007232Au
#define HR_DNS_NAME_ERROR     0x8007232Bu
#define HR_DNS_NO_RECORDS     0x8007251Du
#define HR_DNS_NO_SERVERS     0x8007267Cu

struct resolver {
    ares_channel channel;
    char server[128]; /* for messages; "" if it is the system's */
};

static enum err ares_fail(struct errinfo *ei, int status, const char *what)
{
    return err_fail(ei, status == ARES_ENOMEM ? ERR_NOMEM : ERR_INTERNAL, "%s: %s", what,
                    ares_strerror(status));
}

enum err resolver_new(const char *server, struct resolver **out, struct errinfo *ei)
{
    struct ares_options o = {.timeout = 1000, .tries = 3, .lookups = (char[]){"b"}};
    int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    struct resolver *r = calloc(1, sizeof(*r));
    int status = ares_library_init(ARES_LIB_INIT_ALL);

    if (r == NULL)
        return err_nomem(ei);
    if (server != NULL)
        mask |= ARES_OPT_LOOKUPS;
    if (status == ARES_SUCCESS)
        status = ares_init_options(&r->channel, &o, mask);
    if (status != ARES_SUCCESS) {
        free(r);
        return ares_fail(ei, status, "start c-ares");
    }
    if (server != NULL && ares_set_servers_ports_csv(r->channel, server) != ARES_SUCCESS) {
        resolver_free(r);
        return err_fail(ei, ERR_CONFIG,
                        "DNS server \"%s\": expected ADDRESS[:PORT] or [v6 ADDRESS]:PORT", server);
    }
    snprintf(r->server, sizeof(r->server), "%s", server != NULL ? server : "");
    *out = r;
    return ERR_OK;
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    ares_destroy(r->channel);
    ares_library_cleanup();
    free(r);
}

/* Runs the channel's sockets until *done or the deadline; what is open is cancelled then, which
 * calls every callback. */
static void run(struct resolver *r, const bool *done, struct until u)
{
    while (!*done && until_left(u) > 0) {
        ares_socket_t socks[ARES_GETSOCK_MAXNUM];
        struct pollfd fds[ARES_GETSOCK_MAXNUM];
        unsigned bits = (unsigned)ares_getsock(r->channel, socks, ARES_GETSOCK_MAXNUM);
        struct timeval most = {.tv_sec = until_left(u) / 1000,
                               .tv_usec = until_left(u) % 1000 * 1000};
        struct timeval wait, *w = ares_timeout(r->channel, &most, &wait);
        nfds_t n = 0;

        for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
            short events = (short)((bits >> i & 1 ? POLLIN : 0) |
                                   (bits >> (i + ARES_GETSOCK_MAXNUM) & 1 ? POLLOUT : 0));

            if (events != 0)
                fds[n++] = (struct pollfd){.fd = socks[i], .events = events};
        }
        poll(fds, n, (int)(w->tv_sec * 1000 + w->tv_usec / 1000) + 1);
        for (nfds_t i = 0; i < n; i++)
            ares_process_fd(r->channel, fds[i].revents & ~POLLOUT ? fds[i].fd : ARES_SOCKET_BAD,
                            fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
        ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* its own timeouts */
    }
    if (!*done)
        ares_cancel(r->channel);
}

/* What went wrong, with the code that a Windows client shows for it. */
static enum err dns_fail(const struct resolver *r, int status, const char *what, const char *name,
                         struct errinfo *ei)
{
    static const struct {
        int status;
        enum err e;
        uint32_t hresult;
        const char *text;
    } rows[] = {
        {ARES_ENOTFOUND, ERR_NOTFOUND, HR_DNS_NAME_ERROR, "the name does not exist"},
        {ARES_ENODATA, ERR_NOTFOUND, HR_DNS_NO_RECORDS, "there is no such record"},
        {ARES_ESERVFAIL, ERR_UNREACHABLE, HR_DNS_SERVER_FAILURE, "the DNS server failed"},
        {ARES_EREFUSED, ERR_UNREACHABLE, HR_DNS_SERVER_FAILURE, "the DNS server refused"},
        {ARES_ECONNREFUSED, ERR_UNREACHABLE, HR_DNS_NO_SERVERS, "no DNS server answers"},
        {ARES_ETIMEOUT, ERR_TIMEOUT, HR_DNS_NO_SERVERS, "no DNS server answered in time"},
        {ARES_ECANCELLED, ERR_TIMEOUT, HR_DNS_NO_SERVERS, "no DNS server answered in time"},
        {ARES_ENOMEM, ERR_NOMEM, 0, "out of memory"},
    };
    const char *at = r->server[0] != '\0' ? " at " : "";

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].status == status)
            return err_fail_hr(ei, rows[i].e, rows[i].hresult, "look up %s %s%s%s: %s", what, name,
                               at, r->server, rows[i].text);
    }
    return err_fail_hr(ei, ERR_UNREACHABLE, HR_DNS_SERVER_FAILURE, "look up %s %s%s%s: %s", what,
                       name, at, r->server, ares_strerror(status));
}

/* ---- SRV ---- */

struct srv_wait {
    bool done;
    int status;
    struct resolver_srv *out;
    size_t n;
};

static int take_srv(struct srv_wait *w, const struct ares_srv_reply *first)
{
    size_t n = 0;

    for (const struct ares_srv_reply *s = first; s != NULL; s = s->next)
        n++;
    if (n == 0)
        return ARES_ENODATA;
    w->out = calloc(n, sizeof(*w->out));
    if (w->out == NULL)
        return ARES_ENOMEM;
    for (const struct ares_srv_reply *s = first; s != NULL; s = s->next) {
        struct resolver_srv *o = &w->out[w->n++];

        o->priority = s->priority;
        o->weight = s->weight;
        o->port = s->port;
        snprintf(o->host, sizeof(o->host), "%s", s->host);
    }
    return ARES_SUCCESS;
}

static void on_srv(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
    struct srv_wait *w = arg;
    struct ares_srv_reply *first = NULL;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = ares_parse_srv_reply(reply, len, &first);
    if (status == ARES_SUCCESS)
        status = take_srv(w, first);
    ares_free_data(first);
    w->status = status;
    w->done = true;
}

enum err resolver_srv(struct resolver *r, const char *name, int timeout_ms,
                      struct resolver_srv **out, size_t *n, struct errinfo *ei)
{
    struct srv_wait w = {0};

    ares_query(r->channel, name, ns_c_in, ns_t_srv, on_srv, &w);
    run(r, &w.done, until_in(timeout_ms));
    if (w.status != ARES_SUCCESS)
        return dns_fail(r, w.status, "SRV", name, ei);
    *out = w.out;
    *n = w.n;
    return ERR_OK;
}

/* ---- SOA ---- */

struct soa_wait {
    bool done;
    int status;
    char primary[256];
};

static void on_soa(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
    struct soa_wait *w = arg;
    struct ares_soa_reply *soa = NULL;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = ares_parse_soa_reply(reply, len, &soa);
    if (status == ARES_EBADRESP) /* an alias alone: no zone begins here */
        status = ARES_ENODATA;
    if (status == ARES_SUCCESS)
        snprintf(w->primary, sizeof(w->primary), "%s", soa->nsname);
    ares_free_data(soa);
    w->status = status;
    w->done = true;
}

enum err resolver_zone(struct resolver *r, const char *name, int timeout_ms,
                       struct resolver_zone *out, struct errinfo *ei)
{
    struct until u = until_in(timeout_ms);
    struct soa_wait w = {.status = ARES_ENOTFOUND};

    for (const char *at = name; at != NULL && at[0] != '\0';) {
        const char *dot = strchr(at, '.');

        w = (struct soa_wait){0};
        ares_query(r->channel, at, ns_c_in, ns_t_soa, on_soa, &w);
        run(r, &w.done, u);
        if (w.status == ARES_SUCCESS) {
            snprintf(out->name, sizeof(out->name), "%s", at);
            snprintf(out->primary, sizeof(out->primary), "%s", w.primary);
            return ERR_OK;
        }
        if (w.status != ARES_ENOTFOUND && w.status != ARES_ENODATA)
            break;
        at = dot == NULL ? NULL : dot + 1;
    }
    return dns_fail(r, w.status, "the zone of", name, ei);
}

/* ---- addresses ---- */

static int take_addresses(struct resolver_name *w, const struct ares_addrinfo *info)
{
    size_t n = 0;

    for (const struct ares_addrinfo_node *a = info->nodes; a != NULL; a = a->ai_next)
        n++;
    if (n == 0)
        return ARES_ENODATA;
    w->at = calloc(n, sizeof(*w->at));
    if (w->at == NULL)
        return ARES_ENOMEM;
    for (const struct ares_addrinfo_node *a = info->nodes; a != NULL; a = a->ai_next) {
        if (a->ai_addrlen > sizeof(w->at->at))
            continue;
        memcpy(&w->at[w->n].at, a->ai_addr, a->ai_addrlen);
        w->at[w->n++].len = a->ai_addrlen;
    }
    return ARES_SUCCESS;
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct resolver_name *w = arg;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = take_addresses(w, info);
    ares_freeaddrinfo(info);
    w->status = status;
    w->done = true;
}

/* An address in digits never becomes a question to a DNS server. */
static bool literal(const char *host, uint16_t port, struct resolver_address *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        memcpy(&out->at, &v4, sizeof(v4));
        out->len = sizeof(v4);
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(&out->at, &v6, sizeof(v6));
        out->len = sizeof(v6);
    } else {
        return false;
    }
    return true;
}

static void ask(struct resolver *r, struct resolver_name *w)
{
    struct ares_addrinfo_hints hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NUMERICSERV};
    struct resolver_address one = {0};
    char service[8];

    w->at = NULL;
    w->n = 0;
    w->done = false;
    if (!literal(w->host, w->port, &one)) {
        snprintf(service, sizeof(service), "%u", w->port);
        ares_getaddrinfo(r->channel, w->host, service, &hints, on_addresses, w);
        return;
    }
    w->at = malloc(sizeof(one));
    if (w->at != NULL) {
        *w->at = one;
        w->n = 1;
    }
    w->status = w->at != NULL ? ARES_SUCCESS : ARES_ENOMEM;
    w->done = true;
}

void resolver_hosts(struct resolver *r, struct resolver_name *names, size_t n, int timeout_ms)
{
    struct until u = until_in(timeout_ms);

    for (size_t i = 0; i < n; i++)
        ask(r, &names[i]);
    for (size_t i = 0; i < n; i++)
        run(r, &names[i].done, u);
}

enum err resolver_name_result(const struct resolver *r, const struct resolver_name *name,
                              struct errinfo *ei)
{
    return name->status == ARES_SUCCESS ? ERR_OK
                                        : dns_fail(r, name->status, "host", name->host, ei);
}

enum err resolver_host(struct resolver *r, const char *host, uint16_t port, int timeout_ms,
                       struct resolver_address **out, size_t *n, struct errinfo *ei)
{
    struct resolver_name w = {.host = host, .port = port};

    resolver_hosts(r, &w, 1, timeout_ms);
    *out = w.at;
    *n = w.n;
    return resolver_name_result(r, &w, ei);
}
