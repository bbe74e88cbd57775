/* resolver: DNS questions through c-ares, each blocking up to a deadline.
 *
 * Failures carry the code that a Windows client shows: 0x8007232B (no such name), 0x8007251D (no
 * such record), 0x8007232A (the server failed), 0x8007267C (no server answers). A struct resolver
 * belongs to one thread. */
#ifndef ADBAD_NET_RESOLVER_H
#define ADBAD_NET_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct resolver;

/* server: "ADDRESS[:PORT]" ("[v6]:PORT"), several with commas between; NULL: the system's servers
 * and /etc/hosts. With a server of its own the hosts file is not read. ERR_CONFIG for a malformed
 * address. */
MUST_CHECK enum err resolver_new(const char *server, struct resolver **out, struct errinfo *ei);
void resolver_free(struct resolver *r);

struct resolver_srv {
    uint16_t priority, weight, port;
    char host[256];
};

/* The SRV records of name in no promised order; the caller frees *out. No record is ERR_NOTFOUND.
 */
MUST_CHECK enum err resolver_srv(struct resolver *r, const char *name, int timeout_ms,
                                 struct resolver_srv **out, size_t *n, struct errinfo *ei);

struct resolver_zone {
    char name[256];    /* the zone's */
    char primary[256]; /* the server that takes its updates (MNAME of the SOA record) */
};

/* The zone that name belongs to, whether name exists or not: the nearest one above it, the root
 * left out. ERR_NOTFOUND if there is none. */
MUST_CHECK enum err resolver_zone(struct resolver *r, const char *name, int timeout_ms,
                                  struct resolver_zone *out, struct errinfo *ei);

struct resolver_address {
    socklen_t len;
    struct sockaddr_storage at;
};

/* The addresses of host (a name or an address literal) with port filled in; the caller frees
 * *out. */
MUST_CHECK enum err resolver_host(struct resolver *r, const char *host, uint16_t port,
                                  int timeout_ms, struct resolver_address **out, size_t *n,
                                  struct errinfo *ei);

/* One name of several. */
struct resolver_name {
    const char *host;
    uint16_t port;
    struct resolver_address *at; /* out, of n; the caller frees. NULL: it has none, or failed */
    size_t n;
    /* The resolver's. */
    bool done;
    int status;
};

/* As resolver_host for each, all asked at once. */
void resolver_hosts(struct resolver *r, struct resolver_name *names, size_t n, int timeout_ms);
/* How it went with one of them: as resolver_host fails. */
MUST_CHECK enum err resolver_name_result(const struct resolver *r, const struct resolver_name *name,
                                         struct errinfo *ei);

#endif
