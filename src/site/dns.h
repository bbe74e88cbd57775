/* dns: the SRV records of a simulated site, and how its DNS server fails. */
#ifndef ADBAD_SITE_DNS_H
#define ADBAD_SITE_DNS_H

#include "base/err.h"
#include "client/srv.h"

#define DNS_RECORDS_MAX 64

enum dns_state {
    DNS_WORKS,
    DNS_EMPTY, /* names exist, but without records of the kind: 0x8007251D */
    DNS_FAILS, /* the server fails: 0x8007232A */
    DNS_NONE,  /* no server is configured: 0x8007267C */
};

struct dns {
    enum dns_state state;
    size_t n;
    struct {
        char domain[256];
        struct srv_target target;
    } record[DNS_RECORDS_MAX];
};

/* Publishes a host; a record of the same domain and host is replaced. ERR_LIMIT. */
MUST_CHECK enum err dns_publish(struct dns *d, const char *domain, const struct srv_target *target,
                                struct errinfo *ei);
/* ERR_NOTFOUND. */
MUST_CHECK enum err dns_withdraw(struct dns *d, const char *domain, const char *host,
                                 struct errinfo *ei);

/* The records of name ("_vlmcs._tcp.DOMAIN"), in no order; the caller frees *out. Errors carry
 * the code that a client shows. */
MUST_CHECK enum err dns_find(const struct dns *d, const char *name, struct srv_target **out,
                             size_t *n, struct errinfo *ei);

#endif
