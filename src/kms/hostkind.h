/* hostkind: which host this KMS host simulates, and what such a host may serve: pure policy over
 * the catalogue's tables (host_key_groups.csv, host_updates.csv; docs/hostkeys.md).
 *
 * A server system serves servers and clients, a client system clients only. A system that is not
 * listed for a key group cannot take its key. Products newer than the system need an update, which
 * counts if it was there when the key was installed. Office needs its licence pack. */
#ifndef ADBAD_KMS_HOSTKIND_H
#define ADBAD_KMS_HOSTKIND_H

#include "catalog/catalog.h"

/* All texts belong to whoever fills it. */
struct kms_hostkind {
    const char *system;  /* as catalog_system gives it; NULL: a host that serves everything */
    const char *edition; /* NULL: any */
    const char *const *updates; /* "KB5034765" */
    size_t update_count;
    const char *const *packs; /* Office products as in products.csv, or "Office" for all */
    size_t pack_count;
};

enum kms_hosting {
    KMS_HOSTING_OK,
    KMS_HOSTING_UNLISTED,    /* no row of the group names the system */
    KMS_HOSTING_EDITION,     /* not this edition of it */
    KMS_HOSTING_DISPUTED,    /* the sources contradict each other, so it is not relied on */
    KMS_HOSTING_CLIENT_HOST, /* a server asks a client system */
    KMS_HOSTING_NO_PACK,     /* Office without its licence pack */
    KMS_HOSTING_NO_UPDATE,   /* an update is missing */
    KMS_HOSTING_IMPOSSIBLE,  /* no update makes it possible */
};

struct kms_hosting_verdict {
    enum kms_hosting hosting;
    const char *missing; /* the update or pack that would do, "" if none; the catalogue's */
    const char *what;    /* the product or group that asks for it; the catalogue's */
};

/* Fills the system and edition from text ("Windows Server 2019", "Windows 10 Enterprise", any
 * alias; NULL: serves everything) and checks the other members: ERR_CONFIG names what is unknown.
 */
MUST_CHECK enum err kms_hostkind_read(const struct catalog *c, const char *text,
                                      struct kms_hostkind *kind, struct errinfo *ei);

/* Whether such a host takes the group's host key at all: KMS_HOSTING_OK, _UNLISTED, _EDITION,
 * _DISPUTED, _NO_PACK or _NO_UPDATE (the row's own). */
struct kms_hosting_verdict kms_hostkind_takes(const struct catalog *c,
                                              const struct kms_hostkind *kind,
                                              const struct cat_group *g);
/* Whether the group's key, installed on such a host, serves the KMS id, which is one of the
 * group's. */
struct kms_hosting_verdict kms_hostkind_serves(const struct catalog *c,
                                               const struct kms_hostkind *kind,
                                               const struct cat_group *g,
                                               const struct guid *kms_id);

/* Why not and what helps, in one line ("it lacks an update for Windows Server 2022: …"). Returns
 * text. */
#define KMS_HOSTING_TEXT_MAX 320
const char *kms_hosting_text(const struct kms_hosting_verdict *v, const struct kms_hostkind *kind,
                             char text[KMS_HOSTING_TEXT_MAX]);

#endif
