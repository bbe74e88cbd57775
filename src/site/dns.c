#include "site/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PREFIX "_vlmcs._tcp."

static size_t find(const struct dns *d, const char *domain, const char *host)
{
    size_t i = 0;

    while (i < d->n && (strcasecmp(d->record[i].domain, domain) != 0 ||
                        strcasecmp(d->record[i].target.host, host) != 0))
        i++;
    return i;
}

enum err dns_publish(struct dns *d, const char *domain, const struct srv_target *target,
                     struct errinfo *ei)
{
    size_t at = find(d, domain, target->host);

    if (at == DNS_RECORDS_MAX)
        return err_fail(ei, ERR_LIMIT, "publish %s in %s: a site has at most %d records",
                        target->host, domain, DNS_RECORDS_MAX);
    snprintf(d->record[at].domain, sizeof(d->record[at].domain), "%s", domain);
    d->record[at].target = *target;
    d->n += at == d->n;
    return ERR_OK;
}

enum err dns_withdraw(struct dns *d, const char *domain, const char *host, struct errinfo *ei)
{
    size_t at = find(d, domain, host);

    if (at == d->n)
        return err_fail(ei, ERR_NOTFOUND, "withdraw %s from %s: there is no such record", host,
                        domain);
    d->record[at] = d->record[--d->n];
    return ERR_OK;
}

static enum err failure(const struct dns *d, const char *name, struct errinfo *ei)
{
    switch (d->state) {
    case DNS_FAILS:
        return err_fail_hr(ei, ERR_UNREACHABLE, 0x8007232A, "look up %s: the DNS server failed",
                           name);
    case DNS_NONE:
        return err_fail_hr(ei, ERR_UNREACHABLE, 0x8007267C,
                           "look up %s: no DNS server is configured", name);
    case DNS_EMPTY:
        return err_fail_hr(ei, ERR_NOTFOUND, 0x8007251D,
                           "look up %s: DNS has no records of this kind", name);
    default:
        return err_fail_hr(ei, ERR_NOTFOUND, 0x8007232B, "look up %s: DNS has no such name", name);
    }
}

enum err dns_find(const struct dns *d, const char *name, struct srv_target **out, size_t *n,
                  struct errinfo *ei)
{
    size_t skip = strncasecmp(name, PREFIX, sizeof(PREFIX) - 1) == 0 ? sizeof(PREFIX) - 1 : 0;
    struct srv_target *t = calloc(d->n + 1, sizeof(*t));
    size_t found = 0;

    if (t == NULL)
        return err_nomem(ei);
    for (size_t i = 0; d->state == DNS_WORKS && i < d->n; i++) {
        if (strcasecmp(d->record[i].domain, name + skip) == 0)
            t[found++] = d->record[i].target;
    }
    if (found == 0) {
        free(t);
        return failure(d, name, ei);
    }
    *out = t;
    *n = found;
    return ERR_OK;
}
