/* Making activation objects, and taking ours away again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adba/access.h"
#include "adba/aoattr.h"
#include "base/clk.h"
#include "base/utf8.h"

/* ---- creating ---- */

char *ao_group_name(const struct cat_group *g)
{
    const char *text = g->name;
    const char *p = text;

    for (size_t n = 0; n < AO_NAME_MAX && *p != '\0'; n++) {
        if (!utf8_next(&p, NULL))
            break;
    }
    return strndup(text, (size_t)(p - text));
}

static enum err check_name(const char *name, struct errinfo *ei)
{
    size_t n = 0;

    for (const char *p = name; *p != '\0'; n++) {
        uint32_t c;

        if (!utf8_next(&p, &c) || c < 0x20 || c == 0x7f)
            return err_fail(ei, ERR_USAGE,
                            "create activation object: its name is not plain text "
                            "(UTF-8 without control characters)");
    }
    if (n == 0)
        return err_fail(ei, ERR_USAGE, "create activation object: its name is empty");
    if (n > AO_NAME_MAX)
        return err_fail_hr(ei, ERR_LIMIT, SL_E_VL_AD_AO_NAME_TOO_LONG,
                           "create activation object: its name has %zu characters, at most %d are "
                           "allowed",
                           n, AO_NAME_MAX);
    return ERR_OK;
}

static enum err make_dn(const struct dir *d, const char *name, char **dn, struct errinfo *ei)
{
    char *container = NULL, *escaped = NULL;
    size_t len;
    enum err e = ao_container(d, &container, ei);

    if (e != ERR_OK)
        return e;
    escaped = dir_dn_escape(name);
    len = escaped == NULL ? 0 : strlen(escaped) + strlen(container) + sizeof("CN=,");
    *dn = escaped == NULL ? NULL : malloc(len);
    if (*dn != NULL)
        snprintf(*dn, len, "CN=%s,%s", escaped, container);
    free(escaped);
    free(container);
    return *dn == NULL ? err_nomem(ei) : ERR_OK;
}

static enum err sign_one(struct licence *l, enum licence_kind kind, const struct hostkey *k,
                         struct dir_val *out, struct errinfo *ei)
{
    struct buf der = BUF_INIT;
    enum err e;

    l->kind = kind;
    e = licence_sign(l, k, &der, ei);
    if (e == ERR_OK && buf_str(&der) == NULL)
        e = err_nomem(ei);
    if (e == ERR_OK)
        *out = (struct dir_val){.data = der.data, .len = der.len}; /* moves */
    else
        buf_fini(&der);
    return e;
}

/* how: LICENCE_ONLINE or LICENCE_PHONE. */
static enum err sign_all(struct ao *o, const struct bundle *b, const struct hostkey *k,
                         const struct dir_facts *f, enum licence_kind how, int64_t now,
                         struct errinfo *ei)
{
    /* Borrows every string; licence_fini is not called. */
    struct licence l = {.realm = (char *)(uintptr_t)b->name,
                        .realm_id = (char *)(uintptr_t)b->id,
                        .object = o->name,
                        .forest = f->forest,
                        .domain_sid = f->domain_sid,
                        .group = k->group,
                        .kms_id_count = o->kms_id_count,
                        .kms_ids = o->kms_ids,
                        .not_before = now,
                        .not_after = now + LICENCE_LIFE_DAYS * CLK_DAY,
                        .validity = LICENCE_VALIDITY,
                        .renewal = LICENCE_RENEWAL};
    char no_sid[] = "";
    enum err e;

    if (l.domain_sid == NULL)
        l.domain_sid = no_sid;
    e = sign_one(&l, LICENCE_ISSUANCE, k, &o->issuance, ei);
    if (e == ERR_OK)
        e = sign_one(&l, LICENCE_CONFIG, k, &o->config, ei);
    return e == ERR_OK ? sign_one(&l, how, k, how == LICENCE_PHONE ? &o->phone : &o->online, ei)
                       : e;
}

enum err ao_compose(const struct dir *d, const struct bundle *b, const struct hostkey *k,
                    const struct cat_group *g, const char *name, enum licence_kind how, int64_t now,
                    struct ao *o, struct errinfo *ei)
{
    enum err e;

    o->name = name == NULL ? ao_group_name(g) : strdup(name);
    o->pid = strdup(k->pid);
    o->kms_ids = malloc((g->kms_id_count + 1) * sizeof(*o->kms_ids));
    if (o->name == NULL || o->pid == NULL || o->kms_ids == NULL)
        return err_nomem(ei);
    memcpy(o->kms_ids, g->kms_ids, g->kms_id_count * sizeof(*o->kms_ids));
    o->kms_id_count = g->kms_id_count;
    o->sku_id = g->sku_id;
    snprintf(o->partial_key, sizeof(o->partial_key), "%s", k->key + HOSTKEY_TEXT_LEN - 5);
    e = check_name(o->name, ei);
    if (e == ERR_OK)
        e = make_dn(d, o->name, &o->dn, ei);
    return e == ERR_OK ? sign_all(o, b, k, dir_facts(d), how, now, ei) : e;
}

static enum err name_taken(const struct ao *o, struct errinfo *ei)
{
    return err_fail(ei, ERR_EXISTS,
                    "create activation object \"%s\": there is one of that name; "
                    "choose another with --name",
                    o->name);
}

static enum err write_object(struct dir *d, const struct ao *o, struct errinfo *ei)
{
    struct dir_entry *entry = NULL;
    enum err e = ao_prepare(d, ei);

    if (e == ERR_OK)
        e = ao_to_entry(o, &entry, ei);
    if (e == ERR_OK)
        e = access_describe(d, ACCESS_OBJECT, entry, ei);
    if (e == ERR_OK)
        e = dir_add(d, entry, ei);
    if (e == ERR_EXISTS)
        e = name_taken(o, ei);
    dir_entry_free(entry);
    return e;
}

static enum err read_back(struct dir *d, const char *dn, struct ao *out, struct errinfo *ei)
{
    struct dir_entry *entry = NULL;
    enum err e = dir_get(d, dn, ao_attrs, &entry, ei);

    if (e == ERR_OK)
        e = ao_from_entry(entry, out, ei);
    dir_entry_free(entry);
    return e;
}

static enum err check_key(struct dir *d, const struct bundle *b, const struct hostkey *k,
                          const struct cat_group *g, int64_t now, struct errinfo *ei)
{
    enum err e = dir_ready_to_write(d, ei);

    return e == ERR_OK ? hostkey_verify(b, k->cert, g->name, now, ei) : e;
}

enum err ao_may_create(struct dir *d, const struct bundle *b, const struct hostkey *k,
                       const struct cat_group *g, const char *name, int64_t now, struct errinfo *ei)
{
    static const char *const attrs[] = {"cn", NULL};
    struct dir_entry *there = NULL;
    struct errinfo why = {0};
    struct ao o = {0};
    enum err e = check_key(d, b, k, g, now, &why);

    if (e == ERR_OK)
        e = ao_compose(d, b, k, g, name, LICENCE_ONLINE, now, &o, &why);
    if (e == ERR_OK) {
        e = dir_get(d, o.dn, attrs, &there, &why);
        if (e == ERR_OK)
            e = name_taken(&o, &why);
        else if (e == ERR_NOTFOUND)
            e = ERR_OK;
    }
    dir_entry_free(there);
    ao_fini(&o);
    if (e != ERR_OK && ei != NULL)
        *ei = why;
    return e;
}

static enum err set_ids(struct ao *o, const char *iid, const char *cid, struct errinfo *ei)
{
    o->iid = strdup(iid);
    o->cid = strdup(cid);
    return o->iid == NULL || o->cid == NULL ? err_nomem(ei) : ERR_OK;
}

/* iid and cid NULL: activated online. */
static enum err create(struct dir *d, const struct bundle *b, const struct hostkey *k,
                       const struct cat_group *g, const char *name, const char *iid,
                       const char *cid, int64_t now, struct ao *out, struct errinfo *ei)
{
    struct ao o = {0};
    struct errinfo why = {0};
    enum licence_kind how = iid == NULL ? LICENCE_ONLINE : LICENCE_PHONE;
    enum err e = check_key(d, b, k, g, now, &why);

    if (e == ERR_OK)
        e = ao_compose(d, b, k, g, name, how, now, &o, &why);
    if (e == ERR_OK && iid != NULL)
        e = set_ids(&o, iid, cid, &why);
    if (e == ERR_OK)
        e = write_object(d, &o, &why);
    if (e == ERR_OK) {
        e = read_back(d, o.dn, out, &why);
        if (e != ERR_OK)
            err_context(&why, "%s was created but can't be read back", o.dn);
    }
    ao_fini(&o);
    if (e != ERR_OK && ei != NULL)
        *ei = why;
    return e;
}

enum err ao_create(struct dir *d, const struct bundle *b, const struct hostkey *k,
                   const struct cat_group *g, const char *name, int64_t now, struct ao *out,
                   struct errinfo *ei)
{
    return create(d, b, k, g, name, NULL, NULL, now, out, ei);
}

enum err ao_create_by_phone(struct dir *d, const struct bundle *b, const struct hostkey *k,
                            const struct cat_group *g, const char *name, const char *iid,
                            const char *cid, int64_t now, struct ao *out, struct errinfo *ei)
{
    return create(d, b, k, g, name, iid, cid, now, out, ei);
}

/* ---- deleting ---- */

enum err ao_delete(struct dir *d, const struct bundle *b, const struct ao *o, struct errinfo *ei)
{
    struct ao now_there = {0};
    struct errinfo why = {0};
    enum err e = dir_ready_to_write(d, ei);

    if (e == ERR_OK) /* what was looked at may not be what is there by now */
        e = read_back(d, o->dn, &now_there, ei);
    if (e != ERR_OK)
        return e;
    if (now_there.issuance.data == NULL)
        e = err_fail(&why, ERR_FOREIGN, "it has no issuance licence");
    else
        e = licence_is_ours(b, now_there.issuance.data, now_there.issuance.len, &why);
    if (e != ERR_OK)
        e = err_fail(ei, ERR_FOREIGN,
                     "delete activation object %s: not signed by realm %s, so it "
                     "is left alone (%s)",
                     now_there.name, b->name, why.text);
    else
        e = dir_delete(d, o->dn, ei);
    ao_fini(&now_there);
    return e;
}
