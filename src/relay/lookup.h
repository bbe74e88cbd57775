/* lookup: the upstreams' addresses, from DNS and from this machine. Blocks. Private to this room.
 */
#ifndef ADBAD_RELAY_LOOKUP_H
#define ADBAD_RELAY_LOOKUP_H

#include "relay/dialling.h"

struct lookup {
    const char *domain;     /* whose _vlmcs._tcp records name the upstreams; NULL: they are given */
    const char *dns_server; /* as resolver_new takes it; NULL: the system's */
    struct dialling_found found[RELAY_TARGETS_MAX]; /* targets in, unless of a domain; all out but
                                                       the addresses' numbers */
    size_t n;
    uint32_t records; /* of the domain */
    enum err e;       /* of them */
    struct errinfo ei;
};

/* Returns within a few seconds, whatever DNS does. */
void lookup_run(struct lookup *l);
/* Whether it is an address of this machine. */
bool lookup_is_local(const union address *a);

#endif
