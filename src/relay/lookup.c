#include "relay/lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "net/resolver.h"

#define DNS_MS      3000 /* the SRV records; all their names */
#define SRV_SERVICE "_vlmcs._tcp."

static bool is_reserved(const union address *a)
{
    if (a->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr);
    return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127 || a->v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool lookup_is_local(const union address *a)
{
    uv_interface_address_t *all;
    bool found = is_reserved(a);
    uint8_t key[16], own[16];
    int n;

    if (found || uv_interface_addresses(&all, &n) != 0)
        return found;
    address_key(a, key);
    for (int i = 0; i < n && !found; i++) {
        union address mine = {0};

        if (all[i].address.address4.sin_family == AF_INET6)
            mine.v6 = all[i].address.address6;
        else
            mine.v4 = all[i].address.address4;
        address_key(&mine, own);
        found = memcmp(key, own, sizeof(key)) == 0;
    }
    uv_free_interface_addresses(all, n);
    return found;
}

static void find_targets(struct lookup *l, struct resolver *r)
{
    struct resolver_srv *found = NULL;
    char name[sizeof(SRV_SERVICE) + RELAY_HOST_MAX];
    size_t n = 0;

    snprintf(name, sizeof(name), SRV_SERVICE "%s", l->domain);
    l->e = resolver_srv(r, name, DNS_MS, &found, &n, &l->ei);
    l->records = (uint32_t)n;
    for (size_t i = 0; l->e == ERR_OK && i < n && l->n < RELAY_TARGETS_MAX; i++) {
        struct relay_target *t = &l->found[l->n++].target;

        *t = (struct relay_target){
            .port = found[i].port, .priority = found[i].priority, .weight = found[i].weight};
        snprintf(t->host, sizeof(t->host), "%s", found[i].host);
    }
    free(found);
}

static void take(struct resolver_name *name, struct dialling_found *out)
{
    for (size_t i = 0; i < name->n && out->n < RELAY_ADDRESSES_MAX; i++) {
        struct relay_address *a = &out->at[out->n];

        if (name->at[i].len > sizeof(a->at))
            continue;
        memcpy(&a->at, &name->at[i].at, name->at[i].len);
        a->local = lookup_is_local(&a->at);
        out->n++;
    }
    free(name->at);
}

static void find_addresses(struct lookup *l, struct resolver *r)
{
    struct resolver_name names[RELAY_TARGETS_MAX];

    for (size_t i = 0; i < l->n; i++)
        names[i] = (struct resolver_name){.host = l->found[i].target.host,
                                          .port = l->found[i].target.port};
    resolver_hosts(r, names, l->n, DNS_MS);
    for (size_t i = 0; i < l->n; i++) {
        struct errinfo ei;

        if (resolver_name_result(r, &names[i], &ei) != ERR_OK)
            snprintf(l->found[i].why, sizeof(l->found[i].why), "%s", ei.text);
        take(&names[i], &l->found[i]);
    }
}

void lookup_run(struct lookup *l)
{
    struct resolver *r = NULL;

    l->e = resolver_new(l->dns_server, &r, &l->ei);
    if (l->e == ERR_OK && l->domain != NULL)
        find_targets(l, r);
    if (l->e == ERR_OK)
        find_addresses(l, r);
    else
        for (size_t i = 0; i < l->n; i++)
            snprintf(l->found[i].why, sizeof(l->found[i].why), "%s", l->ei.text);
    resolver_free(r);
}
