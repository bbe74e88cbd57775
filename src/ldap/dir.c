#include "ldap/dir.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/sid.h"

void dir_facts_fini(struct dir_facts *f)
{
    free(f->default_nc);
    free(f->config_nc);
    free(f->schema_nc);
    free(f->root_domain_nc);
    free(f->forest);
    free(f->domain);
    free(f->domain_sid);
    free(f->dns_host_name);
    free(f->settings_dn);
    free(f->writable_dc);
    *f = (struct dir_facts){0};
}

void dir_close(struct dir *d)
{
    if (d == NULL)
        return;
    d->ops->close(d);
    dir_facts_fini(&d->facts);
    free(d->lab_forest);
    free(d);
}

const struct dir_facts *dir_facts(const struct dir *d)
{
    return &d->facts;
}

enum err dir_guard(const struct dir *d, struct errinfo *ei)
{
    const struct dir_facts *f = &d->facts;

    if (d->lab_forest == NULL || d->lab_forest[0] == '\0')
        return err_fail(ei, ERR_REFUSED,
                        "write to the directory: no forest is named for writing; if %s is a lab, "
                        "set lab_forest in section [directory]",
                        f->forest != NULL ? f->forest : "this one");
    if (!f->ad_ds && !f->lab_marked)
        return err_fail(ei, ERR_REFUSED,
                        "write to the directory: it is neither AD DS nor a lab directory of ours "
                        "(\"adbactl lab up\" makes one), so nothing is written there");
    if (f->forest == NULL)
        return err_fail(ei, ERR_REFUSED,
                        "write to the directory: its forest is unknown (no rootDomainNamingContext "
                        "in its rootDSE), so it can't be compared with lab_forest %s",
                        d->lab_forest);
    if (strcasecmp(f->forest, d->lab_forest) != 0)
        return err_fail(ei, ERR_REFUSED,
                        "write to the directory: its forest is %s, but lab_forest in section "
                        "[directory] is %s; only the lab forest is written to",
                        f->forest, d->lab_forest);
    if (f->read_only)
        return err_fail(ei, ERR_READONLY,
                        "write to the directory: %s is a read-only domain controller; name a "
                        "writable one%s%s in section [directory] uri, or set on_rodc = switch",
                        f->dns_host_name != NULL ? f->dns_host_name : "this server",
                        f->writable_dc != NULL ? ", such as " : "",
                        f->writable_dc != NULL ? f->writable_dc : "");
    return ERR_OK;
}

enum err dir_ready_to_write(struct dir *d, struct errinfo *ei)
{
    enum err e = dir_guard(d, ei);

    if (e == ERR_READONLY && d->ops->leave_rodc != NULL) {
        e = d->ops->leave_rodc(d, ei);
        if (e == ERR_OK)
            e = dir_guard(d, ei);
    }
    return e;
}

static bool named(const char *dn)
{
    return dn != NULL && dn[0] != '\0';
}

enum err dir_search(struct dir *d, const struct dir_query *q, dir_each_fn *each, void *arg,
                    struct errinfo *ei)
{
    if (q->base == NULL || each == NULL)
        return err_fail(ei, ERR_INTERNAL, "search the directory: no base or no callback given");
    return d->ops->search(d, q, each, arg, ei);
}

static enum err copy_entry(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    struct dir_entry **out = arg;
    struct dir_entry *copy = dir_entry_new(e->dn);
    enum err r = copy == NULL ? ERR_NOMEM : ERR_OK;

    for (size_t i = 0; i < e->n; i++)
        for (size_t k = 0; r == ERR_OK && k < e->attrs[i].n; k++)
            r = dir_entry_add(copy, e->attrs[i].name, e->attrs[i].vals[k].data,
                              e->attrs[i].vals[k].len);
    if (r != ERR_OK) {
        dir_entry_free(copy);
        return err_nomem(ei);
    }
    dir_entry_free(*out);
    *out = copy;
    return ERR_OK;
}

enum err dir_get(struct dir *d, const char *dn, const char *const *attrs, struct dir_entry **out,
                 struct errinfo *ei)
{
    struct dir_query q = {.base = dn, .scope = DIR_BASE, .attrs = attrs};
    struct dir_entry *found = NULL;
    enum err e;

    if (dn == NULL)
        return err_fail(ei, ERR_INTERNAL, "read a directory entry: no name given");
    e = d->ops->search(d, &q, copy_entry, &found, ei);
    if (e == ERR_OK && found == NULL) /* hidden by access control: the same to us */
        e = err_fail(ei, ERR_NOTFOUND, "read %s: no such entry, or it may not be read", dn);
    if (e != ERR_OK) {
        dir_entry_free(found);
        return e;
    }
    *out = found;
    return ERR_OK;
}

enum err dir_add(struct dir *d, const struct dir_entry *entry, struct errinfo *ei)
{
    enum err e;

    if (!named(entry->dn) || entry->n == 0)
        return err_fail(ei, ERR_INTERNAL, "add a directory entry: no name or no attribute given");
    e = dir_ready_to_write(d, ei);
    return e == ERR_OK ? d->ops->add(d, entry, ei) : e;
}

enum err dir_modify(struct dir *d, const char *dn, const struct dir_mod *mods, size_t n,
                    struct errinfo *ei)
{
    enum err e;

    if (!named(dn) || n == 0)
        return err_fail(ei, ERR_INTERNAL, "change a directory entry: no name or no change given");
    e = dir_ready_to_write(d, ei);
    return e == ERR_OK ? d->ops->modify(d, dn, mods, n, ei) : e;
}

enum err dir_delete(struct dir *d, const char *dn, struct errinfo *ei)
{
    enum err e;

    if (!named(dn))
        return err_fail(ei, ERR_INTERNAL, "delete a directory entry: no name given");
    e = dir_ready_to_write(d, ei);
    return e == ERR_OK ? d->ops->del(d, dn, ei) : e;
}

bool dir_sid_format(const void *data, size_t len, char text[DIR_SID_TEXT_MAX])
{
    struct sid s;

    _Static_assert(DIR_SID_TEXT_MAX >= SID_TEXT_MAX, "room for a SID's text");
    if (!sid_from_bytes(data, len, &s))
        return false;
    sid_format(&s, text);
    return true;
}
