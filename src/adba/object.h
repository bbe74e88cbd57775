/* object: the activation object (class msSPP-ActivationObject, data/msspp_schema.csv) as data, to
 * and from directory entries, and what can be done with it through the directory port. */
#ifndef ADBAD_ADBA_OBJECT_H
#define ADBAD_ADBA_OBJECT_H

#include "adba/licence.h"
#include "catalog/catalog.h"
#include "ldap/dir.h"

#define AO_NAME_MAX 40 /* characters of displayName; longer: 0xC004F082 */

/* Relative to the configuration naming context. */
#define AO_CONTAINER_RDN "CN=Activation Objects,CN=Microsoft SPP,CN=Services"

struct ao {
    char *dn;
    char *name; /* displayName */
    size_t kms_id_count;
    struct guid *kms_ids;
    struct guid sku_id;
    char *pid;
    char partial_key[6];
    struct dir_val issuance, config, online, phone; /* data NULL if absent; owned */
    char *iid, *cid; /* activated by phone: installation and confirmation ID; else NULL */
};

void ao_fini(struct ao *o);
MUST_CHECK enum err ao_from_entry(const struct dir_entry *e, struct ao *out, struct errinfo *ei);
MUST_CHECK enum err ao_to_entry(const struct ao *o, struct dir_entry **out, struct errinfo *ei);

/* The verdict on one object, each with what a client would show. */
enum ao_verdict {
    AO_GOOD,
    AO_INVALID,      /* licence missing, broken, tampered: 0xC004F081 */
    AO_FOREIGN,      /* signed by another realm: 0xC004F081 */
    AO_OTHER_FOREST, /* issued for another forest: 0xC004F080 */
    AO_EXPIRED,      /* outside not-before … not-after: 0xC004F081 */
    AO_NOT_COVERED,  /* object's KMS ids are not all in the signed licence: 0xC004F081 */
};
const char *ao_verdict_name(enum ao_verdict v);

/* Judges o against the realm, the directory's forest and lab time now. lic (may be NULL) gets the
 * issuance licence if it could be opened (caller: licence_fini). ei explains anything but
 * AO_GOOD. */
enum ao_verdict ao_verify(const struct ao *o, const struct bundle *b, const struct dir_facts *f,
                          int64_t now, struct licence *lic, struct errinfo *ei);

/* Makes the containers if they are missing (lab forest only). Idempotent. */
MUST_CHECK enum err ao_prepare(struct dir *d, struct errinfo *ei);

/* As ao_prepare, telling each container and whether it was there. dry_run: makes nothing. */
typedef void ao_prepared_fn(void *arg, const char *dn, bool was_there);
MUST_CHECK enum err ao_prepare_each(struct dir *d, bool dry_run, ao_prepared_fn *tell, void *arg,
                                    struct errinfo *ei);

/* The name that ao_create gives by itself: the group's, its first AO_NAME_MAX characters. The
 * caller frees; NULL: out of memory. */
char *ao_group_name(const struct cat_group *g);

/* Creates an object for the host key's group and reads it back. name NULL: the group's name, cut
 * to AO_NAME_MAX characters. ERR_LIMIT with 0xC004F082 for a longer one; ERR_EXISTS; ERR_SCHEMA
 * with 0xC004F083 where the classes are missing. */
MUST_CHECK enum err ao_create(struct dir *d, const struct bundle *b, const struct hostkey *k,
                              const struct cat_group *g, const char *name, int64_t now,
                              struct ao *out, struct errinfo *ei);

/* Signs the object anew for the group, with now as the start of its time, in one change that
 * succeeds only if the licences are still those of old: ERR_CONFLICT if somebody else was quicker.
 * The caller has seen that old is ours. */
MUST_CHECK enum err ao_renew(struct dir *d, const struct bundle *b, const struct hostkey *k,
                             const struct cat_group *g, const struct ao *old, int64_t now,
                             struct errinfo *ei);

/* As ao_create, for a host key that was activated by phone: with its installation and confirmation
 * ID (the caller checked that they belong together) and a phone licence. */
MUST_CHECK enum err ao_create_by_phone(struct dir *d, const struct bundle *b,
                                       const struct hostkey *k, const struct cat_group *g,
                                       const char *name, const char *iid, const char *cid,
                                       int64_t now, struct ao *out, struct errinfo *ei);

/* Whether ao_create would come to the point of writing: its checks, and that the name is free.
 * Asked before an activation is spent on it. */
MUST_CHECK enum err ao_may_create(struct dir *d, const struct bundle *b, const struct hostkey *k,
                                  const struct cat_group *g, const char *name, int64_t now,
                                  struct errinfo *ei);

/* Calls each for every activation object. An object that can't be parsed is passed with parse
 * != ERR_OK, o holding dn (and name) alone. No container: ERR_NOTFOUND. */
typedef enum err ao_each_fn(void *arg, const struct ao *o, enum err parse,
                            const struct errinfo *why, struct errinfo *ei);
MUST_CHECK enum err ao_each(struct dir *d, ao_each_fn *each, void *arg, struct errinfo *ei);

/* One object by DN or by name (displayName or CN). ERR_NOTFOUND with 0xC004F081;
 * ERR_CONFLICT if several have that name. */
MUST_CHECK enum err ao_find(struct dir *d, const char *name_or_dn, struct ao *out,
                            struct errinfo *ei);

/* Deletes an object, if its issuance licence was signed by our realm; else ERR_FOREIGN and
 * nothing is changed. A licence of ours that merely expired is ours. */
MUST_CHECK enum err ao_delete(struct dir *d, const struct bundle *b, const struct ao *o,
                              struct errinfo *ei);

/* What a client does: find the objects with kms_id (indexed equality), verify each, take the best
 * (a server group's object over a client group's). On success *out and *lic are the caller's.
 * ERR_NOTFOUND or the verdict's error, ei->hresult always set (0xC004F081, F080, F083). */
MUST_CHECK enum err ao_lookup(struct dir *d, const struct bundle *b, const struct catalog *cat,
                              const struct guid *kms_id, int64_t now, struct ao *out,
                              struct licence *lic, struct errinfo *ei);

#endif
