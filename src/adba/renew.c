/* Signing an activation object anew. */
#include <stdlib.h>
#include <string.h>

#include "adba/aoattr.h"

/* Each single value makes at most two changes, the KMS ids two. */
#define MODS_MAX 16

struct changes {
    struct dir_mod mods[MODS_MAX];
    size_t n;
};

static void change(struct changes *c, enum dir_mod_op op, const char *attr,
                   const struct dir_val *vals, size_t n)
{
    c->mods[c->n++] = (struct dir_mod){.op = op, .attr = attr, .n = n, .vals = vals};
}

static bool same(const struct dir_val *a, const struct dir_val *b)
{
    return a->data != NULL && b->data != NULL && a->len == b->len &&
           memcmp(a->data, b->data, a->len) == 0;
}

/* The old value by value and the new one: fails as a whole if the old one is not there. */
static void swap(struct changes *c, const char *attr, const struct dir_val *old,
                 const struct dir_val *fresh)
{
    if (same(old, fresh))
        return;
    if (old->data != NULL)
        change(c, DIR_MOD_DELETE, attr, old, 1);
    if (fresh->data != NULL)
        change(c, DIR_MOD_ADD, attr, fresh, 1);
}

static struct dir_val text(const char *s)
{
    return (struct dir_val){.len = strlen(s), .data = (uint8_t *)(uintptr_t)s};
}

static struct dir_val octets(const struct guid *g)
{
    return (struct dir_val){.len = sizeof(g->b), .data = (uint8_t *)(uintptr_t)g->b};
}

static bool has_id(const struct ao *o, const struct guid *id)
{
    for (size_t i = 0; i < o->kms_id_count; i++)
        if (guid_equal(&o->kms_ids[i], id))
            return true;
    return false;
}

static bool same_ids(const struct ao *a, const struct ao *b)
{
    bool equal = a->kms_id_count == b->kms_id_count;

    for (size_t i = 0; equal && i < a->kms_id_count; i++)
        equal = has_id(b, &a->kms_ids[i]);
    return equal;
}

static enum err write_changes(struct dir *d, const struct ao *old, const struct ao *fresh,
                              struct errinfo *ei)
{
    const struct dir_val was[] = {octets(&old->sku_id), text(old->pid), text(old->partial_key)};
    const struct dir_val now[] = {octets(&fresh->sku_id), text(fresh->pid),
                                  text(fresh->partial_key)};
    struct dir_val *ids = calloc(fresh->kms_id_count + 1, sizeof(*ids));
    struct changes c = {0};
    enum err e;

    if (ids == NULL)
        return err_nomem(ei);
    for (size_t i = 0; i < fresh->kms_id_count; i++)
        ids[i] = octets(&fresh->kms_ids[i]);
    swap(&c, AO_ISSUANCE, &old->issuance, &fresh->issuance);
    swap(&c, AO_CONFIG, &old->config, &fresh->config);
    swap(&c, AO_ONLINE, &old->online, &fresh->online);
    swap(&c, AO_PHONE, &old->phone, &fresh->phone);
    swap(&c, AO_SKU_ID, &was[0], &now[0]);
    swap(&c, AO_PID, &was[1], &now[1]);
    swap(&c, AO_PARTIAL_KEY, &was[2], &now[2]);
    if (!same_ids(old, fresh)) {
        change(&c, DIR_MOD_DELETE, AO_KMS_IDS, NULL, 0);
        change(&c, DIR_MOD_ADD, AO_KMS_IDS, ids, fresh->kms_id_count);
    }
    e = dir_modify(d, old->dn, c.mods, c.n, ei);
    free(ids);
    return e;
}

enum err ao_renew(struct dir *d, const struct bundle *b, const struct hostkey *k,
                  const struct cat_group *g, const struct ao *old, int64_t now, struct errinfo *ei)
{
    bool phone = old->online.data == NULL && old->phone.data != NULL;
    struct ao fresh = {0};
    enum err e = dir_ready_to_write(d, ei);

    if (e == ERR_OK)
        e = hostkey_verify(b, k->cert, g->name, now, ei);
    if (e == ERR_OK)
        e = ao_compose(d, b, k, g, old->name, phone ? LICENCE_PHONE : LICENCE_ONLINE, now, &fresh,
                       ei);
    if (e == ERR_OK)
        e = write_changes(d, old, &fresh, ei);
    if (e == ERR_CONFLICT)
        e = err_fail(ei, e, "renew activation object %s: somebody else changed it in between",
                     old->name);
    ao_fini(&fresh);
    return e;
}
