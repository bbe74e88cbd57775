/* kmshost: a simulated KMS host: kms/host.h with the system it runs on, its keys and its clock. */
#ifndef ADBAD_SITE_KMSHOST_H
#define ADBAD_SITE_KMSHOST_H

#include "kms/host.h"

#define KMSHOST_LIST_MAX 16
#define KMSHOST_KEYS_MAX 8

/* Updates and licence packs, as data/host_updates.csv and data/products.csv name them. */
struct kmshost_software {
    size_t updates, packs;
    char update[KMSHOST_LIST_MAX][16];
    char pack[KMSHOST_LIST_MAX][48];
};

/* What a host is now counts for a key as long as the key is installed. */
struct kmshost_key {
    const struct cat_group *group;
    bool activated;
    char system[64]; /* "": serves everything */
    struct kmshost_software software;
};

struct kmshost {
    char name[64];
    char net[32]; /* who is in another network does not reach it; "": everybody's */
    bool down;
    bool garbles;                 /* something on the way changes its answers */
    int64_t offset;               /* of its clock, seconds */
    uint32_t activation, renewal; /* minutes */
    char system[64];
    struct kmshost_software software;
    size_t keys;
    struct kmshost_key key[KMSHOST_KEYS_MAX];
    const struct catalog *catalog;
    struct kms_host *host;
};

MUST_CHECK enum err kmshost_new(const char *name, const struct catalog *c,
                                const struct realm_keys *keys, struct kmshost **out,
                                struct errinfo *ei);
void kmshost_free(struct kmshost *h);

/* Checks system and software, which a caller may have changed. */
MUST_CHECK enum err kmshost_check(const struct kmshost *h, struct errinfo *ei);
/* ERR_REFUSED with 0xC004F015 if such a host does not take the key; ERR_EXISTS, ERR_LIMIT. */
MUST_CHECK enum err kmshost_install(struct kmshost *h, const struct cat_group *g,
                                    struct errinfo *ei);
/* ERR_NOTFOUND. */
MUST_CHECK enum err kmshost_uninstall(struct kmshost *h, const struct cat_group *g,
                                      struct errinfo *ei);
/* The clearing house granted it. ERR_NOTFOUND: no such key is installed. */
MUST_CHECK enum err kmshost_activated(struct kmshost *h, const struct cat_group *g,
                                      struct errinfo *ei);

#endif
