#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "ldap/dir_ldap.h"

#define CAPABILITY_AD_DS "1.2.840.113556.1.4.800"
#define LAB_MARKER       "adbadLabDirectory"
#define AO_CLASS         "msSPP-ActivationObject"

static const char *const root_attrs[] = {
    "supportedCapabilities",
    "supportedControl",
    "defaultNamingContext",
    "schemaNamingContext",
    "subschemaSubentry",
    "configurationNamingContext",
    "dnsHostName",
    "dsServiceName",
    "rootDomainNamingContext",
    LAB_MARKER,
    NULL,
};

static bool has_text(const struct dir_entry *e, const char *attr, const char *text)
{
    const struct dir_attr *a = dir_entry_attr(e, attr);

    for (size_t i = 0; a != NULL && i < a->n; i++)
        if (strcasecmp((const char *)a->vals[i].data, text) == 0)
            return true;
    return false;
}

/* NULL stays NULL; *bad tells that memory ran out. */
static char *copy_str(const struct dir_entry *e, const char *attr, bool *bad)
{
    const char *text = dir_entry_str(e, attr);
    char *copy = text == NULL ? NULL : strdup(text);

    *bad = *bad || (text != NULL && copy == NULL);
    return copy;
}

/* "DC=lab,DC=example" to "lab.example"; NULL for a name that is not all DC. */
static char *dns_name_of(const char *dn, bool *bad)
{
    struct buf out = BUF_INIT;
    LDAPDN parts = NULL;
    char *name = NULL;

    if (dn == NULL || ldap_str2dn(dn, &parts, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
        return NULL;
    for (int i = 0; parts != NULL && parts[i] != NULL; i++) {
        const LDAPAVA *ava = parts[i][0];

        if (ava == NULL || parts[i][1] != NULL || strcasecmp(ava->la_attr.bv_val, "DC") != 0)
            goto out;
        if (out.len > 0)
            buf_add_str(&out, ".");
        for (size_t k = 0; k < ava->la_value.bv_len; k++) {
            char c = (char)tolower((unsigned char)ava->la_value.bv_val[k]);

            buf_add(&out, &c, 1);
        }
    }
    if (out.len > 0)
        name = buf_str(&out) == NULL ? NULL : strdup(buf_str(&out));
    *bad = *bad || (out.len > 0 && name == NULL);
out:
    ldap_dnfree(parts);
    buf_fini(&out);
    return name;
}

/* One attribute's entry, or NULL where it isn't there or may not be read: facts are optional. */
static enum err read_optional(struct dir_ldap *s, const char *dn, const char *attr,
                              struct dir_entry **out, struct errinfo *ei)
{
    const char *const attrs[] = {attr, NULL};
    enum err e;

    *out = NULL;
    if (dn == NULL)
        return ERR_OK;
    e = dir_get(&s->base, dn, attrs, out, ei);
    return e == ERR_NOTFOUND || e == ERR_DENIED ? ERR_OK : e;
}

static enum err read_schema_version(struct dir_ldap *s, struct errinfo *ei)
{
    struct dir_entry *schema = NULL;
    enum err e = read_optional(s, s->base.facts.schema_nc, "objectVersion", &schema, ei);
    const char *text = schema == NULL ? NULL : dir_entry_str(schema, "objectVersion");

    if (text != NULL)
        s->base.facts.schema_version = atoi(text);
    dir_entry_free(schema);
    return e;
}

static enum err note_found(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    (void)e;
    (void)ei;
    *(bool *)arg = true;
    return ERR_OK;
}

/* AD keeps each class as an entry below the schema naming context. */
static enum err find_class_in_ad(struct dir_ldap *s, struct errinfo *ei)
{
    static const char *const none[] = {LDAP_NO_ATTRS, NULL};
    const struct dir_filter f = {
        .op = DIR_EQ, .attr = "lDAPDisplayName", .value = AO_CLASS, .len = strlen(AO_CLASS)};
    const struct dir_query q = {
        .base = s->base.facts.schema_nc, .scope = DIR_ONE, .filter = &f, .attrs = none};
    enum err e = dir_search(&s->base, &q, note_found, &s->base.facts.has_ao_class, ei);

    return e == ERR_NOTFOUND || e == ERR_DENIED ? ERR_OK : e;
}

/* Others list their classes in the subschema entry (RFC 4512 section 4.2). */
static enum err find_class_in_subschema(struct dir_ldap *s, const char *dn, struct errinfo *ei)
{
    struct dir_entry *subschema = NULL;
    enum err e = read_optional(s, dn, "objectClasses", &subschema, ei);
    const struct dir_attr *a =
        subschema == NULL ? NULL : dir_entry_attr(subschema, "objectClasses");

    for (size_t i = 0; a != NULL && i < a->n; i++)
        if (strstr((const char *)a->vals[i].data, "'" AO_CLASS "'") != NULL)
            s->base.facts.has_ao_class = true;
    dir_entry_free(subschema);
    return e;
}

static enum err read_domain_sid(struct dir_ldap *s, struct errinfo *ei)
{
    struct dir_entry *domain = NULL;
    char text[DIR_SID_TEXT_MAX];
    enum err e = read_optional(s, s->base.facts.root_domain_nc, "objectSid", &domain, ei);
    const struct dir_val *v = domain == NULL ? NULL : dir_entry_val(domain, "objectSid");

    if (v != NULL && dir_sid_format(v->data, v->len, text)) {
        s->base.facts.domain_sid = strdup(text);
        if (s->base.facts.domain_sid == NULL)
            e = err_nomem(ei);
    }
    dir_entry_free(domain);
    return e;
}

/* For the remedy in our refusals. */
static enum err name_writable(struct dir_ldap *s, struct errinfo *ei)
{
    struct dir_facts *f = &s->base.facts;
    struct dir_list others = {0};
    LDAPURLDesc *url = NULL;
    enum err e;

    if (f->schema_nc == NULL || f->config_nc == NULL)
        return ERR_OK;
    e = dir_list_writable(s, &others, ei);
    if (e == ERR_OK && ldap_url_parse(others.uri[0], &url) == LDAP_URL_SUCCESS) {
        f->writable_dc = strdup(url->lud_host);
        ldap_free_urldesc(url);
    }
    dir_list_fini(&others);
    return e == ERR_READONLY ? ERR_OK : e; /* none is known: so be it */
}

/* Samba's RODC does not announce the partial-secrets capability; its own settings object tells. */
static enum err read_rodc(struct dir_ldap *s, const char *settings_dn, struct errinfo *ei)
{
    struct dir_entry *settings = NULL;
    enum err e = read_optional(s, settings_dn, "msDS-isRODC", &settings, ei);

    s->base.facts.read_only = settings != NULL && has_text(settings, "msDS-isRODC", "TRUE");
    dir_entry_free(settings);
    return e == ERR_OK && s->base.facts.read_only ? name_writable(s, ei) : e;
}

static enum err take_root(struct dir_ldap *s, const struct dir_entry *root, struct errinfo *ei)
{
    struct dir_facts *f = &s->base.facts;
    bool bad = false;

    s->paged = has_text(root, "supportedControl", LDAP_CONTROL_PAGEDRESULTS);
    f->tells_changes = has_text(root, "supportedControl", LDAP_CONTROL_SYNC);
    f->ad_ds = has_text(root, "supportedCapabilities", CAPABILITY_AD_DS);
    f->lab_marked = !f->ad_ds && dir_entry_attr(root, LAB_MARKER) != NULL;
    f->default_nc = copy_str(root, "defaultNamingContext", &bad);
    f->config_nc = copy_str(root, "configurationNamingContext", &bad);
    f->schema_nc = copy_str(root, "schemaNamingContext", &bad);
    f->root_domain_nc = copy_str(root, "rootDomainNamingContext", &bad);
    f->dns_host_name = copy_str(root, "dnsHostName", &bad);
    f->settings_dn = copy_str(root, "dsServiceName", &bad);
    f->forest = dns_name_of(f->root_domain_nc, &bad);
    f->domain = dns_name_of(f->default_nc, &bad);
    return bad ? err_nomem(ei) : ERR_OK;
}

enum err dir_ldap_read_facts(struct dir_ldap *s, struct errinfo *ei)
{
    struct dir_entry *root = NULL;
    enum err e = dir_get(&s->base, "", root_attrs, &root, ei);

    if (e != ERR_OK)
        return err_context(ei, "read the rootDSE");
    e = take_root(s, root, ei);
    if (e == ERR_OK)
        e = read_schema_version(s, ei);
    if (e == ERR_OK && s->base.facts.ad_ds && s->base.facts.schema_nc != NULL)
        e = find_class_in_ad(s, ei);
    else if (e == ERR_OK && !s->base.facts.ad_ds)
        e = find_class_in_subschema(s, dir_entry_str(root, "subschemaSubentry"), ei);
    if (e == ERR_OK)
        e = read_domain_sid(s, ei);
    if (e == ERR_OK && s->base.facts.ad_ds)
        e = read_rodc(s, dir_entry_str(root, "dsServiceName"), ei);
    dir_entry_free(root);
    return e;
}
