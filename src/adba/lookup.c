/* Finding activation objects: all, one by name, and as a client does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adba/aoattr.h"

static const struct dir_filter is_object = {
    .op = DIR_EQ, .attr = "objectClass", .value = AO_CLASS, .len = sizeof(AO_CLASS) - 1};

static enum err search(struct dir *d, const struct dir_filter *f, dir_each_fn *each, void *arg,
                       struct errinfo *ei)
{
    struct dir_query q = {.scope = DIR_ONE, .filter = f, .attrs = ao_attrs};
    char *base = NULL;
    enum err e = ao_container(d, &base, ei);

    if (e != ERR_OK)
        return e;
    q.base = base;
    e = dir_search(d, &q, each, arg, ei);
    if (e == ERR_NOTFOUND)
        e = err_fail_hr(ei, e, SL_E_VL_AD_AO_NOT_FOUND,
                        "there is no container %s, or it may not be read", base);
    free(base);
    return e;
}

/* ---- all ---- */

struct each_arg {
    ao_each_fn *each;
    void *arg;
};

static enum err pass_on(void *arg, const struct dir_entry *entry, struct errinfo *ei)
{
    struct each_arg *a = arg;
    struct errinfo why = {0};
    struct ao o = {0};
    enum err e = ao_from_entry(entry, &o, &why);
    const char *name = dir_entry_str(entry, "displayName");

    if (e == ERR_NOMEM)
        return err_nomem(ei);
    if (e != ERR_OK) { /* only what is certain */
        o.dn = strdup(entry->dn);
        o.name = strdup(name != NULL ? name : entry->dn);
        if (o.dn == NULL || o.name == NULL) {
            ao_fini(&o);
            return err_nomem(ei);
        }
    }
    e = a->each(a->arg, &o, e, &why, ei);
    ao_fini(&o);
    return e;
}

enum err ao_each(struct dir *d, ao_each_fn *each, void *arg, struct errinfo *ei)
{
    struct each_arg a = {each, arg};

    return search(d, &is_object, pass_on, &a, ei);
}

/* ---- one ---- */

struct found {
    struct ao ao;
    size_t n;
};

static enum err keep(void *arg, const struct dir_entry *entry, struct errinfo *ei)
{
    struct found *f = arg;

    f->n++;
    return f->n == 1 ? ao_from_entry(entry, &f->ao, ei) : ERR_OK;
}

static struct dir_filter equals(const char *attr, const char *text)
{
    return (struct dir_filter){.op = DIR_EQ, .attr = attr, .value = text, .len = strlen(text)};
}

/* By displayName, CN, or an RDN "CN=…" as slmgr's /del-ao takes. */
static enum err find_named(struct dir *d, const char *name, struct found *f, struct errinfo *ei)
{
    const char *rdn = strncasecmp(name, "CN=", 3) == 0 ? name + 3 : name;
    struct dir_filter display = equals("displayName", name), cn = equals("cn", rdn);
    const struct dir_filter *const either[] = {&display, &cn, NULL};
    struct dir_filter any = {.op = DIR_OR, .sub = either};
    const struct dir_filter *const both[] = {&is_object, &any, NULL};
    struct dir_filter filter = {.op = DIR_AND, .sub = both};

    return search(d, &filter, keep, f, ei);
}

/* A DN somewhere else, or of something else, is not found. */
static enum err find_dn(struct dir *d, const char *dn, struct found *f, struct errinfo *ei)
{
    struct dir_query q = {.base = dn, .scope = DIR_BASE, .filter = &is_object, .attrs = ao_attrs};
    enum err e = dir_search(d, &q, keep, f, ei);

    return e == ERR_NOTFOUND || (e == ERR_MALFORMED && f->n == 0) ? ERR_OK : e;
}

enum err ao_find(struct dir *d, const char *name_or_dn, struct ao *out, struct errinfo *ei)
{
    struct found f = {0};
    const char *equal = strchr(name_or_dn, '=');
    enum err e = ERR_OK;

    if (equal != NULL && strchr(equal, ',') != NULL)
        e = find_dn(d, name_or_dn, &f, ei);
    if (e == ERR_OK && f.n == 0)
        e = find_named(d, name_or_dn, &f, ei);
    if (e == ERR_OK && f.n == 0)
        e = err_fail_hr(ei, ERR_NOTFOUND, SL_E_VL_AD_AO_NOT_FOUND,
                        "there is no activation object \"%s\"; adbactl ao list shows which there "
                        "are",
                        name_or_dn);
    if (e == ERR_OK && f.n > 1)
        e = err_fail(ei, ERR_CONFLICT, "\"%s\" names %zu activation objects; give the DN of one",
                     name_or_dn, f.n);
    if (e == ERR_OK)
        *out = f.ao;
    else
        ao_fini(&f.ao);
    return e;
}

/* ---- as a client ---- */

struct lookup {
    const struct bundle *bundle;
    const struct catalog *cat;
    const struct dir_facts *facts;
    const struct guid *kms_id;
    int64_t now;
    bool good;
    struct ao ao; /* the best good one */
    struct licence lic;
    size_t refused;
    char *refused_dn; /* which why is about */
    struct errinfo why;
};

static bool is_server(const struct catalog *cat, const struct licence *l)
{
    const struct cat_group *g = catalog_group(cat, l->group);

    return g != NULL && g->family == CAT_SERVER;
}

/* A server's before a client's, the longer valid first, and for certainty by name. */
static bool better(const struct lookup *k, const struct ao *o, const struct licence *l)
{
    bool mine = is_server(k->cat, l), theirs = is_server(k->cat, &k->lic);

    if (mine != theirs)
        return mine;
    if (l->not_after != k->lic.not_after)
        return l->not_after > k->lic.not_after;
    return strcmp(o->dn, k->ao.dn) < 0;
}

/* Remembers one refusal, always the same whatever order the directory answers in. */
static enum err refuse(struct lookup *k, const char *dn, const struct errinfo *why,
                       struct errinfo *ei)
{
    char *copy;

    k->refused++;
    if (k->refused_dn != NULL && strcmp(k->refused_dn, dn) < 0)
        return ERR_OK;
    copy = strdup(dn);
    if (copy == NULL)
        return err_nomem(ei);
    free(k->refused_dn);
    k->refused_dn = copy;
    k->why = *why;
    return ERR_OK;
}

static enum err consider(void *arg, const struct dir_entry *entry, struct errinfo *ei)
{
    struct lookup *k = arg;
    struct errinfo why = {0};
    struct ao o = {0};
    struct licence l = {0};
    enum err e = ao_from_entry(entry, &o, &why);

    if (e == ERR_NOMEM)
        return err_nomem(ei);
    if (e != ERR_OK || ao_verify(&o, k->bundle, k->facts, k->now, &l, &why) != AO_GOOD) {
        e = refuse(k, entry->dn, &why, ei);
    } else if (!k->good || better(k, &o, &l)) {
        struct ao old = k->ao;
        struct licence old_lic = k->lic;

        k->good = true;
        k->ao = o;
        k->lic = l;
        o = old;
        l = old_lic;
    }
    ao_fini(&o);
    licence_fini(&l);
    return e;
}

static enum err none_good(const struct lookup *k, struct errinfo *ei)
{
    char id[GUID_TEXT_MAX];

    if (k->refused == 0)
        return err_fail_hr(ei, ERR_NOTFOUND, SL_E_VL_AD_AO_NOT_FOUND,
                           "no activation object in forest %s has KMS id %s",
                           k->facts->forest != NULL ? k->facts->forest : "(unknown)",
                           guid_format(k->kms_id, id));
    if (ei != NULL)
        *ei = k->why;
    return k->why.code;
}

enum err ao_lookup(struct dir *d, const struct bundle *b, const struct catalog *cat,
                   const struct guid *kms_id, int64_t now, struct ao *out, struct licence *lic,
                   struct errinfo *ei)
{
    struct dir_filter id = {
        .op = DIR_EQ, .attr = AO_KMS_IDS, .value = kms_id->b, .len = sizeof(kms_id->b)};
    const struct dir_filter *const both[] = {&is_object, &id, NULL};
    struct dir_filter filter = {.op = DIR_AND, .sub = both};
    struct lookup k = {
        .bundle = b, .cat = cat, .facts = dir_facts(d), .kms_id = kms_id, .now = now};
    enum err e = search(d, &filter, consider, &k, ei);

    if (e == ERR_OK && !k.good)
        e = none_good(&k, ei);
    if (e == ERR_OK) {
        *out = k.ao;
        *lic = k.lic;
    } else {
        ao_fini(&k.ao);
        licence_fini(&k.lic);
        if (ei != NULL && ei->hresult == 0)
            ei->hresult = SL_E_VL_AD_AO_NOT_FOUND;
    }
    free(k.refused_dn);
    return e;
}
