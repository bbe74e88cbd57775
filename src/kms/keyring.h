/* keyring: the host keys of a KMS host, and what they let it serve, worked out once when they
 * change. Immutable: any number of threads may ask. */
#ifndef ADBAD_KMS_KEYRING_H
#define ADBAD_KMS_KEYRING_H

#include <stdbool.h>

#include "kms/hostkind.h"
#include "kms/reason.h"

/* An installed host key. */
struct kms_key {
    const struct cat_group *group; /* the catalogue's */
    bool activated;
    const struct kms_hostkind *kind; /* the host when the key was installed; NULL: serves all */
};

struct kms_keyring;

/* Keeps nothing of keys but the catalogue's groups, which outlive the ring. NULL when out of
 * memory. */
struct kms_keyring *kms_keyring_new(const struct catalog *c, const struct kms_key *keys, size_t n);
void kms_keyring_free(struct kms_keyring *r);

/* KMS_ANSWERED if an activated key serves the KMS id; else what is nearest to it, from
 * KMS_NOT_SERVED to KMS_NOT_ACTIVATED. *missing (may be NULL): the update or pack that would do, ""
 * if none; the catalogue's. */
enum kms_reason kms_keyring_judge(const struct kms_keyring *r, const struct guid *kms_id,
                                  const char **missing);

#endif
