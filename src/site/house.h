/* house: the clearing house of a simulated site: how often each host key was activated, judged by
 * clearing/policy.h. */
#ifndef ADBAD_SITE_HOUSE_H
#define ADBAD_SITE_HOUSE_H

#include "catalog/catalog.h"
#include "clearing/policy.h"

#define HOUSE_KEYS_MAX  16
#define HOUSE_HOSTS_MAX 64

struct house_key {
    const struct cat_group *group;
    struct clearing_limits limits;
    bool blocked;
    size_t hosts;
    struct {
        char name[64];
        uint32_t used;
    } host[HOUSE_HOSTS_MAX];
};

struct house {
    bool down; /* nobody answers */
    size_t n;
    struct house_key key[HOUSE_KEYS_MAX];
};

/* The site's host key of the group, noted on first use. ERR_LIMIT. */
MUST_CHECK enum err house_key(struct house *h, const struct cat_group *g, struct house_key **out,
                              struct errinfo *ei);
/* One activation of the key for a host or forest; a refusal carries its documented code. */
MUST_CHECK enum err house_activate(struct house *h, const struct cat_group *g, const char *host,
                                   struct errinfo *ei);

#endif
