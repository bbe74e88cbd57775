/* cidr: sets of networks, "192.0.2.0/24" or "2001:db8::/32" or one address. */
#ifndef ADBAD_BASE_CIDR_H
#define ADBAD_BASE_CIDR_H

#include "base/address.h"
#include "base/conf.h"

struct cidr {
    uint8_t prefix[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint8_t bits;       /* of prefix */
    bool v4;
};

struct cidr_set {
    struct cidr *v;
    size_t n;
};

/* ERR_CONFIG for anything but ADDRESS or ADDRESS/BITS, and for bits set behind the prefix, which
 * would say two things. */
MUST_CHECK enum err cidr_parse(const char *text, struct cidr *out, struct errinfo *ei);
/* A whole setting (NULL: an empty set), named in errors ("[kms] allow"). The caller frees *out. */
MUST_CHECK enum err cidr_set_parse(const struct conf_list *list, const char *setting,
                                   struct cidr_set *out, struct errinfo *ei);
void cidr_set_fini(struct cidr_set *set);
/* Whether a network of the set holds the address. An IPv4 address is in IPv4 networks only. */
bool cidr_set_has(const struct cidr_set *set, const union address *a);

#endif
