/* house: the clearing house of a simulated site: how often each key was activated, judged by
 * clearing/policy.h. A machine that was given a host key counts as one of its hosts. */
#ifndef ADBAD_SITE_HOUSE_H
#define ADBAD_SITE_HOUSE_H

#include "catalog/catalog.h"
#include "clearing/policy.h"
#include "realm/labkey.h"

#define HOUSE_KEYS_MAX     16
#define HOUSE_HOSTS_MAX    64
#define HOUSE_MACHINES_MAX 256 /* of a key that are told apart */

struct house_key {
    const struct cat_group *group;
    char text[HOSTKEY_TEXT_LEN + 1]; /* 5x5; "" until house_key_text */
    struct clearing_limits limits;
    bool blocked;
    size_t hosts;
    struct {
        char name[64];
        uint32_t used;
    } host[HOUSE_HOSTS_MAX];
};

/* A key for machines. */
struct house_mak {
    char text[HOSTKEY_TEXT_LEN + 1];
    enum labkey_kind kind;
    const struct cat_product *product;
    struct clearing_pool pool; /* of a MAK or an evaluation key; any other is for one machine */
    bool blocked;
    size_t machines;
    struct {
        struct guid hardware;
        uint32_t used;
    } machine[HOUSE_MACHINES_MAX];
};

struct house {
    bool down;    /* nobody answers; by phone somebody does */
    char net[32]; /* machines reach it from this network alone; "": from all */
    size_t n;
    struct house_key key[HOUSE_KEYS_MAX];
    size_t maks;
    struct house_mak *mak[HOUSE_KEYS_MAX]; /* owned */
};

void house_fini(struct house *h);

/* The site's host key of the group, noted on first use. ERR_LIMIT. */
MUST_CHECK enum err house_key(struct house *h, const struct cat_group *g, struct house_key **out,
                              struct errinfo *ei);
/* One activation of the key for a host or forest; a refusal carries its documented code. */
MUST_CHECK enum err house_activate(struct house *h, const struct cat_group *g, const char *host,
                                   struct errinfo *ei);

/* The text of a host key of the site, made on first use: what people put on clients by mistake. */
const char *house_key_text(struct house_key *k, const struct rng *rng);

/* Makes a key for machines with product: a MAK or evaluation key with count activations, or
 * another for one machine. ERR_LIMIT. */
MUST_CHECK enum err house_issue(struct house *h, enum labkey_kind kind,
                                const struct cat_product *product, uint32_t count,
                                const struct rng *rng, struct house_mak **out, struct errinfo *ei);
/* The key of that text; NULL: never issued. */
struct house_mak *house_mak(const struct house *h, const char *text);
/* One activation of a key of that text, a host key's too, for a machine; *v is how things stand
 * then. A refusal carries its documented code. */
MUST_CHECK enum err house_machine(struct house *h, const char *text, const struct guid *hardware,
                                  const char *name, struct clearing_verdict *v, struct errinfo *ei);

#endif
