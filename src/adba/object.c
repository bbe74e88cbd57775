#include "adba/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adba/aoattr.h"
#include "base/buf.h"

const char *const ao_attrs[] = {"objectClass", "cn",           "displayName", AO_KMS_IDS, AO_SKU_ID,
                                AO_PID,        AO_PARTIAL_KEY, AO_ISSUANCE,   AO_CONFIG,  AO_ONLINE,
                                AO_PHONE,      AO_IID,         AO_CID,        NULL};

/* The licences and where they stand in struct ao. */
static const struct {
    const char *attr;
    size_t offset;
} licences[] = {
    {AO_ISSUANCE, offsetof(struct ao, issuance)},
    {AO_CONFIG, offsetof(struct ao, config)},
    {AO_ONLINE, offsetof(struct ao, online)},
    {AO_PHONE, offsetof(struct ao, phone)},
};
#define LICENCE_COUNT (sizeof(licences) / sizeof(licences[0]))

static struct dir_val *licence_of(struct ao *o, size_t i)
{
    return (struct dir_val *)(void *)((char *)o + licences[i].offset);
}

void ao_fini(struct ao *o)
{
    free(o->dn);
    free(o->name);
    free(o->kms_ids);
    free(o->pid);
    free(o->iid);
    free(o->cid);
    for (size_t i = 0; i < LICENCE_COUNT; i++)
        free(licence_of(o, i)->data);
    *o = (struct ao){0};
}

enum err ao_container(const struct dir *d, char **dn, struct errinfo *ei)
{
    const struct dir_facts *f = dir_facts(d);
    size_t len;

    if (!f->has_ao_class || f->config_nc == NULL)
        return err_fail_hr(ei, ERR_SCHEMA, SL_E_VL_AD_SCHEMA_VERSION_NOT_SUPPORTED,
                           "this directory's schema (version %d) does not know activation "
                           "objects; extend it to Windows Server 2012 or later (adprep)",
                           f->schema_version);
    len = strlen(AO_CONTAINER_RDN) + strlen(f->config_nc) + 2;
    *dn = malloc(len);
    if (*dn == NULL)
        return err_nomem(ei);
    snprintf(*dn, len, "%s,%s", AO_CONTAINER_RDN, f->config_nc);
    return ERR_OK;
}

/* ---- from an entry ---- */

static enum err bad(const struct dir_entry *e, const char *attr, const char *what,
                    struct errinfo *ei)
{
    return err_fail_hr(ei, ERR_MALFORMED, SL_E_VL_AD_AO_NOT_FOUND,
                       "activation object %s: attribute %s %s", e->dn, attr, what);
}

static enum err read_ids(const struct dir_entry *e, struct ao *o, struct errinfo *ei)
{
    const struct dir_attr *a = dir_entry_attr(e, AO_KMS_IDS);

    if (a == NULL || a->n == 0)
        return bad(e, AO_KMS_IDS, "is missing", ei);
    o->kms_ids = calloc(a->n, sizeof(*o->kms_ids));
    if (o->kms_ids == NULL)
        return err_nomem(ei);
    for (o->kms_id_count = 0; o->kms_id_count < a->n; o->kms_id_count++) {
        const struct dir_val *v = &a->vals[o->kms_id_count];

        if (v->len != sizeof(o->kms_ids[0].b))
            return bad(e, AO_KMS_IDS, "has a value that is not 16 octets", ei);
        memcpy(o->kms_ids[o->kms_id_count].b, v->data, v->len);
    }
    return ERR_OK;
}

static enum err read_key(const struct dir_entry *e, struct ao *o, struct errinfo *ei)
{
    const struct dir_val *sku = dir_entry_val(e, AO_SKU_ID);
    const char *pid = dir_entry_str(e, AO_PID);
    const char *partial = dir_entry_str(e, AO_PARTIAL_KEY);

    if (sku == NULL || sku->len != sizeof(o->sku_id.b))
        return bad(e, AO_SKU_ID, "is not 16 octets", ei);
    if (pid == NULL || *pid == '\0')
        return bad(e, AO_PID, "is missing", ei);
    if (partial == NULL || strlen(partial) != sizeof(o->partial_key) - 1)
        return bad(e, AO_PARTIAL_KEY, "is not 5 characters", ei);
    memcpy(o->sku_id.b, sku->data, sizeof(o->sku_id.b));
    memcpy(o->partial_key, partial, sizeof(o->partial_key));
    o->pid = strdup(pid);
    return o->pid == NULL ? err_nomem(ei) : ERR_OK;
}

static enum err read_licences(const struct dir_entry *e, struct ao *o, struct errinfo *ei)
{
    for (size_t i = 0; i < LICENCE_COUNT; i++) {
        const struct dir_val *from = dir_entry_val(e, licences[i].attr);
        struct dir_val *to = licence_of(o, i);

        if (from == NULL)
            continue;
        to->data = malloc(from->len + 1);
        if (to->data == NULL)
            return err_nomem(ei);
        memcpy(to->data, from->data, from->len);
        to->data[from->len] = '\0';
        to->len = from->len;
    }
    return ERR_OK;
}

static enum err read_phone_ids(const struct dir_entry *e, struct ao *o, struct errinfo *ei)
{
    const char *iid = dir_entry_str(e, AO_IID), *cid = dir_entry_str(e, AO_CID);

    o->iid = iid == NULL ? NULL : strdup(iid);
    o->cid = cid == NULL ? NULL : strdup(cid);
    return (iid != NULL && o->iid == NULL) || (cid != NULL && o->cid == NULL) ? err_nomem(ei)
                                                                              : ERR_OK;
}

/* Objects that were not made by us may lack displayName; then the CN is the name. */
static const char *name_of(const struct dir_entry *e)
{
    const char *name = dir_entry_str(e, "displayName");

    if (name == NULL)
        name = dir_entry_str(e, "cn");
    return name != NULL ? name : e->dn;
}

enum err ao_from_entry(const struct dir_entry *e, struct ao *out, struct errinfo *ei)
{
    struct ao o = {.dn = strdup(e->dn), .name = strdup(name_of(e))};
    enum err r = o.dn == NULL || o.name == NULL ? err_nomem(ei) : ERR_OK;

    if (r == ERR_OK)
        r = read_ids(e, &o, ei);
    if (r == ERR_OK)
        r = read_key(e, &o, ei);
    if (r == ERR_OK)
        r = read_licences(e, &o, ei);
    if (r == ERR_OK)
        r = read_phone_ids(e, &o, ei);
    if (r == ERR_OK)
        *out = o;
    else
        ao_fini(&o);
    return r;
}

/* ---- to an entry ---- */

static enum err fill(const struct ao *o, struct dir_entry *e)
{
    enum err r = dir_entry_add_str(e, "objectClass", "top");

    if (r == ERR_OK)
        r = dir_entry_add_str(e, "objectClass", AO_CLASS);
    if (r == ERR_OK)
        r = dir_entry_add_str(e, "cn", o->name);
    if (r == ERR_OK)
        r = dir_entry_add_str(e, "displayName", o->name);
    for (size_t i = 0; r == ERR_OK && i < o->kms_id_count; i++)
        r = dir_entry_add(e, AO_KMS_IDS, o->kms_ids[i].b, sizeof(o->kms_ids[i].b));
    if (r == ERR_OK)
        r = dir_entry_add(e, AO_SKU_ID, o->sku_id.b, sizeof(o->sku_id.b));
    if (r == ERR_OK)
        r = dir_entry_add_str(e, AO_PID, o->pid);
    if (r == ERR_OK)
        r = dir_entry_add_str(e, AO_PARTIAL_KEY, o->partial_key);
    if (r == ERR_OK && o->iid != NULL)
        r = dir_entry_add_str(e, AO_IID, o->iid);
    if (r == ERR_OK && o->cid != NULL)
        r = dir_entry_add_str(e, AO_CID, o->cid);
    for (size_t i = 0; r == ERR_OK && i < LICENCE_COUNT; i++) {
        const struct dir_val *v = licence_of((struct ao *)(uintptr_t)o, i);

        if (v->data != NULL)
            r = dir_entry_add(e, licences[i].attr, v->data, v->len);
    }
    return r;
}

enum err ao_to_entry(const struct ao *o, struct dir_entry **out, struct errinfo *ei)
{
    struct dir_entry *e = dir_entry_new(o->dn);

    if (e == NULL || fill(o, e) != ERR_OK) {
        dir_entry_free(e);
        return err_nomem(ei);
    }
    *out = e;
    return ERR_OK;
}
