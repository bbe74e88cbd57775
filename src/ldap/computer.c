#include "ldap/computer.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ldap/computer_ad.h"

#define RID_TRIES 100

enum err computer_check_name(const char *name, struct errinfo *ei)
{
    size_t len = strlen(name);
    bool digits = true, good = len > 0 && len <= COMPUTER_NAME_MAX && name[0] != '-';

    for (size_t i = 0; i < len; i++) {
        good = good && (isalnum((unsigned char)name[i]) || name[i] == '-');
        digits = digits && isdigit((unsigned char)name[i]);
    }
    if (!good || digits)
        return err_fail(ei, ERR_USAGE,
                        "\"%s\" is no computer name: up to 15 letters, digits and hyphens, not "
                        "digits alone, without the dollar sign",
                        name);
    return ERR_OK;
}

static enum err require_context(struct dir *d, const char *what, struct errinfo *ei)
{
    const struct dir_facts *f = dir_facts(d);

    if (f->default_nc == NULL || f->root_domain_nc == NULL || f->domain == NULL)
        return err_fail(ei, ERR_NOT_NOW, "%s: the directory names no default naming context", what);
    return ERR_OK;
}

static enum err require_lab(struct dir *d, const char *what, struct errinfo *ei)
{
    const struct dir_facts *f = dir_facts(d);

    if (f->ad_ds)
        return err_fail(ei, ERR_REFUSED,
                        "%s: %s is AD DS, which numbers accounts by itself and keeps no readable "
                        "passwords",
                        what, f->forest != NULL ? f->forest : "this directory");
    return require_context(d, what, ei);
}

/* Where the account is. On AD DS that may be another folder than the one where we make them. */
static enum err find_account(struct dir *d, const char *name, const char *what, char **dn,
                             struct errinfo *ei)
{
    enum err e = require_context(d, what, ei);

    if (e == ERR_OK)
        e = computer_check_name(name, ei);
    if (e != ERR_OK)
        return e;
    if (dir_facts(d)->ad_ds)
        return computer_find(d, name, dn, ei);
    return asprintf(dn, "CN=%s,CN=Computers,%s", name, dir_facts(d)->default_nc) < 0 ? err_nomem(ei)
                                                                                     : ERR_OK;
}

/* ---- relative identifiers ---- */

static enum err read_next_rid(struct dir *d, uint32_t *next, char old[16], struct errinfo *ei)
{
    static const char *const attrs[] = {"rIDNextRID", NULL};
    const char *dn = dir_facts(d)->root_domain_nc;
    struct dir_entry *e = NULL;
    enum err r = dir_get(d, dn, attrs, &e, ei);
    const char *text = r == ERR_OK ? dir_entry_str(e, "rIDNextRID") : NULL;
    unsigned long long n = text == NULL ? 0 : strtoull(text, NULL, 10);

    if (r == ERR_OK && (n < 1000 || n > 0x3fffffff))
        r = err_fail(ei, ERR_DENIED, "number a new account: %s has no usable rIDNextRID for us",
                     dn);
    if (r == ERR_OK) {
        *next = (uint32_t)n;
        snprintf(old, 16, "%s", text);
    }
    dir_entry_free(e);
    return r;
}

enum err computer_reserve_rids(struct dir *d, uint32_t count, uint32_t *first, struct errinfo *ei)
{
    enum err e = require_lab(d, "number a new account", ei);

    for (int i = 0; e == ERR_OK && i < RID_TRIES; i++) {
        char old[16], new[16];
        struct dir_val old_val, new_val;
        const struct dir_mod mods[] = {{DIR_MOD_DELETE, "rIDNextRID", 1, &old_val},
                                       {DIR_MOD_ADD, "rIDNextRID", 1, &new_val}};

        e = read_next_rid(d, first, old, ei);
        if (e != ERR_OK)
            break;
        snprintf(new, sizeof(new), "%" PRIu32, *first + count);
        old_val = (struct dir_val){strlen(old), (uint8_t *)old};
        new_val = (struct dir_val){strlen(new), (uint8_t *)new};
        e = dir_modify(d, dir_facts(d)->root_domain_nc, mods, 2, ei);
        if (e != ERR_CONFLICT)
            break;
        e = ERR_OK; /* somebody else took it in between: again with theirs */
        if (i == RID_TRIES - 1)
            e = err_fail(ei, ERR_CONFLICT, "number a new account: others are faster; try again");
    }
    return e;
}

/* ---- accounts ---- */

/* The domain's SID with one more part; 0 if the domain has none of a usable length. */
static size_t account_sid(struct dir *d, uint32_t rid, uint8_t sid[DIR_SID_MAX])
{
    static const char *const attrs[] = {"objectSid", NULL};
    struct dir_entry *domain = NULL;
    struct errinfo ignored;
    const struct dir_val *v;
    size_t n = 0;

    if (dir_get(d, dir_facts(d)->root_domain_nc, attrs, &domain, &ignored) != ERR_OK)
        return 0;
    v = dir_entry_val(domain, "objectSid");
    if (v != NULL && v->len >= 8 && v->len <= DIR_SID_MAX - 4) {
        memcpy(sid, v->data, v->len);
        sid[1]++;
        for (int i = 0; i < 4; i++)
            sid[v->len + (size_t)i] = (uint8_t)(rid >> (8 * i));
        n = v->len + 4;
    }
    dir_entry_free(domain);
    return n;
}

static enum err fill_account(struct dir *d, struct dir_entry *e, const char *name,
                             const char *password, uint32_t rid, const struct rng *rng)
{
    const struct computer_names names = computer_names(name, dir_facts(d)->domain);
    uint8_t random[16], sid[DIR_SID_MAX];
    size_t sid_len = account_sid(d, rid, sid);
    struct guid guid;
    char uac[16];

    rng_fill(rng, random, sizeof(random));
    guid = guid_from_random(random);
    snprintf(uac, sizeof(uac), "%u", UAC_WORKSTATION);
    if (dir_entry_add_str(e, "objectClass", "top") != ERR_OK ||
        dir_entry_add_str(e, "objectClass", "user") != ERR_OK ||
        dir_entry_add_str(e, "objectClass", "computer") != ERR_OK ||
        dir_entry_add_str(e, "sAMAccountName", names.account) != ERR_OK ||
        dir_entry_add_str(e, "userAccountControl", uac) != ERR_OK ||
        dir_entry_add_str(e, "dNSHostName", names.host) != ERR_OK ||
        dir_entry_add(e, "objectGUID", guid.b, sizeof(guid.b)) != ERR_OK ||
        (sid_len > 0 && dir_entry_add(e, "objectSid", sid, sid_len) != ERR_OK))
        return ERR_NOMEM;
    return dir_entry_add_str(e, "userPassword", password);
}

struct computer_names computer_names(const char *name, const char *domain)
{
    struct computer_names n;

    snprintf(n.account, sizeof(n.account), "%s$", name);
    for (char *p = n.account; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
    snprintf(n.host, sizeof(n.host), "%s.%s", name, domain);
    for (char *p = n.host; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return n;
}

static void wipe(struct dir_entry *e, const char *attr)
{
    const struct dir_attr *a = dir_entry_attr(e, attr);

    for (size_t i = 0; a != NULL && i < a->n; i++)
        explicit_bzero(a->vals[i].data, a->vals[i].len);
}

enum err computer_put(struct dir *d, struct dir_entry *entry, enum err filled, const char *name,
                      const char *password_attr, struct errinfo *ei)
{
    enum err e;

    if (entry == NULL || filled != ERR_OK)
        e = err_nomem(ei);
    else
        e = dir_add(d, entry, ei);
    if (e == ERR_EXISTS)
        e = err_fail(ei, e, "machine %s exists already; choose another name, or remove it first",
                     name);
    if (entry != NULL)
        wipe(entry, password_attr);
    dir_entry_free(entry);
    return e;
}

enum err computer_add(struct dir *d, const char *name, const char *password, uint32_t rid,
                      const struct rng *rng, struct errinfo *ei)
{
    struct dir_entry *entry = NULL;
    char *dn = NULL;
    enum err e = require_lab(d, "add a machine account", ei);

    if (e == ERR_OK)
        e = find_account(d, name, "add a machine account", &dn, ei);
    if (e != ERR_OK)
        return e;
    entry = dir_entry_new(dn);
    if (entry != NULL)
        e = fill_account(d, entry, name, password, rid, rng);
    e = computer_put(d, entry, e, name, "userPassword", ei);
    free(dn);
    return e;
}

/* ---- enabled or disabled ---- */

static enum err swap_control(struct dir *d, const char *dn, const char *old, const char *new,
                             struct errinfo *ei)
{
    const struct dir_val was = {strlen(old), (uint8_t *)(uintptr_t)old};
    const struct dir_val becomes = {strlen(new), (uint8_t *)(uintptr_t) new};
    const struct dir_mod mods[] = {{DIR_MOD_DELETE, "userAccountControl", 1, &was},
                                   {DIR_MOD_ADD, "userAccountControl", 1, &becomes}};

    return dir_modify(d, dn, mods, 2, ei);
}

enum err computer_enable(struct dir *d, const char *name, bool enabled, bool *changed,
                         struct errinfo *ei)
{
    static const char *const attrs[] = {"userAccountControl", NULL};
    struct dir_entry *entry = NULL;
    char *dn = NULL, new[16];
    const char *old;
    unsigned long control;
    enum err e = dir_ready_to_write(d, ei);

    if (e == ERR_OK)
        e = find_account(
            d, name, enabled ? "enable a machine account" : "disable a machine account", &dn, ei);
    if (e == ERR_OK)
        e = dir_get(d, dn, attrs, &entry, ei);
    if (e != ERR_OK)
        goto out;
    old = dir_entry_str(entry, "userAccountControl");
    control = old == NULL ? 0 : strtoul(old, NULL, 10);
    if (old == NULL) {
        e = err_fail(ei, ERR_MALFORMED, "%s has no userAccountControl", dn);
        goto out;
    }
    if (changed != NULL)
        *changed = ((control & UAC_DISABLED) == 0) != enabled;
    if (((control & UAC_DISABLED) == 0) == enabled)
        goto out;
    snprintf(new, sizeof(new), "%lu",
             enabled ? control & ~(unsigned long)UAC_DISABLED : control | UAC_DISABLED);
    e = swap_control(d, dn, old, new, ei);
out:
    dir_entry_free(entry);
    free(dn);
    return e;
}

enum err computer_remove(struct dir *d, const char *name, struct errinfo *ei)
{
    char *dn = NULL;
    enum err e = dir_ready_to_write(d, ei);

    if (e == ERR_OK)
        e = find_account(d, name, "remove a machine account", &dn, ei);
    if (e == ERR_OK)
        e = dir_delete(d, dn, ei);
    free(dn);
    return e;
}

/* ---- list ---- */

struct listing {
    computer_each_fn *each;
    void *arg;
};

static enum err hand_on(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    const struct listing *l = arg;
    const char *account = dir_entry_str(e, "sAMAccountName");
    const char *control = dir_entry_str(e, "userAccountControl");
    const struct dir_val *guid = dir_entry_val(e, "objectGUID");
    const struct dir_val *sid = dir_entry_val(e, "objectSid");
    char name[256], sid_text[DIR_SID_TEXT_MAX];
    struct computer c = {.dn = e->dn, .name = name};

    if (account == NULL)
        return ERR_OK;
    snprintf(name, sizeof(name), "%s", account);
    name[strcspn(name, "$")] = '\0';
    c.dns_host_name = dir_entry_str(e, "dNSHostName");
    c.enabled = control != NULL && (strtoul(control, NULL, 10) & UAC_DISABLED) == 0;
    if (guid != NULL && guid->len == sizeof(c.guid.b))
        memcpy(c.guid.b, guid->data, sizeof(c.guid.b));
    if (sid != NULL && dir_sid_format(sid->data, sid->len, sid_text))
        c.sid = sid_text;
    return l->each(l->arg, &c, ei);
}

enum err computer_each(struct dir *d, computer_each_fn *each, void *arg, struct errinfo *ei)
{
    static const char *const attrs[] = {"sAMAccountName", "userAccountControl", "objectGUID",
                                        "objectSid",      "dNSHostName",        NULL};
    const struct dir_filter f = {
        .op = DIR_EQ, .attr = "objectClass", .value = "computer", .len = 8};
    const struct dir_query q = {
        .base = dir_facts(d)->default_nc, .scope = DIR_SUB, .filter = &f, .attrs = attrs};
    struct listing l = {each, arg};

    if (q.base == NULL)
        return err_fail(ei, ERR_NOT_NOW,
                        "list machine accounts: the directory names no default "
                        "naming context");
    return dir_search(d, &q, hand_on, &l, ei);
}
