#include "ldap/computer_ad.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ldap/computer.h"

#define QUOTED_MAX 256

/* ---- find ---- */

static enum err take_found(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    char **dn = arg;
    const char *control = dir_entry_str(e, "userAccountControl");

    if (control == NULL || (strtoul(control, NULL, 10) & UAC_WORKSTATION) == 0)
        return err_fail(ei, ERR_REFUSED,
                        "%s is no workstation's or member server's account; a domain controller's "
                        "is left alone",
                        e->dn);
    free(*dn);
    *dn = strdup(e->dn);
    return *dn != NULL ? ERR_OK : err_nomem(ei);
}

enum err computer_find(struct dir *d, const char *name, char **dn, struct errinfo *ei)
{
    static const char *const attrs[] = {"userAccountControl", NULL};
    char account[COMPUTER_NAME_MAX + 2];
    const struct dir_filter by_name = {
        .op = DIR_EQ, .attr = "sAMAccountName", .value = account, .len = strlen(name) + 1};
    const struct dir_filter is_computer = {
        .op = DIR_EQ, .attr = "objectClass", .value = "computer", .len = 8};
    const struct dir_filter *const both[] = {&by_name, &is_computer, NULL};
    const struct dir_filter f = {.op = DIR_AND, .sub = both};
    const struct dir_query q = {
        .base = dir_facts(d)->default_nc, .scope = DIR_SUB, .filter = &f, .attrs = attrs};
    char *found = NULL;
    enum err e = computer_check_name(name, ei);

    if (e != ERR_OK)
        return e;
    snprintf(account, sizeof(account), "%s$", name);
    e = dir_search(d, &q, take_found, &found, ei);
    if (e == ERR_OK && found == NULL)
        e = err_fail(ei, ERR_NOTFOUND,
                     "machine %s: the domain has no such account, or it may not be read", name);
    if (e == ERR_OK)
        *dn = found;
    else
        free(found);
    return e;
}

/* ---- create ---- */

/* unicodePwd takes the password in quotation marks, in UTF-16 (MS-ADTS 3.1.1.3.1.5). */
static enum err add_password(struct dir_entry *e, const char *password)
{
    uint8_t wide[2 * QUOTED_MAX];
    size_t n = 0, len = strlen(password);
    enum err r;

    if (len + 2 > QUOTED_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < len + 2; i++) {
        wide[n++] = i == 0 || i == len + 1 ? '"' : (uint8_t)password[i - 1];
        wide[n++] = 0;
    }
    r = dir_entry_add(e, "unicodePwd", wide, n);
    explicit_bzero(wide, sizeof(wide));
    return r;
}

static enum err fill(struct dir_entry *e, const char *name, const char *domain,
                     const char *password)
{
    const struct computer_names names = computer_names(name, domain);
    char spn[2][320], control[16];

    snprintf(spn[0], sizeof(spn[0]), "HOST/%.*s", (int)strlen(name), names.account);
    snprintf(spn[1], sizeof(spn[1]), "HOST/%s", names.host);
    snprintf(control, sizeof(control), "%u", UAC_WORKSTATION);
    if (dir_entry_add_str(e, "objectClass", "computer") != ERR_OK ||
        dir_entry_add_str(e, "sAMAccountName", names.account) != ERR_OK ||
        dir_entry_add_str(e, "userAccountControl", control) != ERR_OK ||
        dir_entry_add_str(e, "dNSHostName", names.host) != ERR_OK ||
        dir_entry_add_str(e, "servicePrincipalName", spn[0]) != ERR_OK ||
        dir_entry_add_str(e, "servicePrincipalName", spn[1]) != ERR_OK)
        return ERR_NOMEM;
    return add_password(e, password);
}

enum err computer_key_version(struct dir *d, const char *name, uint32_t *kvno, struct errinfo *ei)
{
    static const char *const attrs[] = {"msDS-KeyVersionNumber", NULL};
    struct dir_entry *entry = NULL;
    const char *text = NULL;
    char *dn = NULL;
    enum err e = computer_find(d, name, &dn, ei);

    if (e == ERR_OK)
        e = dir_get(d, dn, attrs, &entry, ei);
    if (e == ERR_OK)
        text = dir_entry_str(entry, attrs[0]);
    if (e == ERR_OK && text == NULL)
        e = err_fail(ei, ERR_DENIED, "read %s: msDS-KeyVersionNumber can't be read", dn);
    if (e == ERR_OK)
        *kvno = (uint32_t)strtoul(text, NULL, 10);
    dir_entry_free(entry);
    free(dn);
    return e;
}

enum err computer_create(struct dir *d, const char *name, const char *password, struct errinfo *ei)
{
    struct dir_entry *entry = NULL;
    char *dn = NULL;
    enum err e = computer_check_name(name, ei);

    if (e == ERR_OK)
        e = dir_ready_to_write(d, ei);
    if (e == ERR_OK && (!dir_facts(d)->ad_ds || dir_facts(d)->domain == NULL))
        e = err_fail(ei, ERR_REFUSED, "add machine %s: the directory is not AD DS", name);
    if (e != ERR_OK)
        return e;
    if (asprintf(&dn, "CN=%s,CN=Computers,%s", name, dir_facts(d)->default_nc) < 0)
        return err_nomem(ei);
    entry = dir_entry_new(dn);
    if (entry != NULL)
        e = fill(entry, name, dir_facts(d)->domain, password);
    e = computer_put(d, entry, e, name, "unicodePwd", ei);
    free(dn);
    return e;
}
