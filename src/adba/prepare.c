/* The two containers that forest preparation makes. */
#include <stdlib.h>
#include <string.h>

#include "adba/access.h"
#include "adba/aoattr.h"

static enum err add_container(struct dir *d, const char *dn, const char *class, const char *cn,
                              struct errinfo *ei)
{
    struct dir_entry *e = dir_entry_new(dn);
    enum err r = ERR_NOMEM;

    if (e != NULL && dir_entry_add_str(e, "objectClass", "top") == ERR_OK &&
        dir_entry_add_str(e, "objectClass", class) == ERR_OK &&
        dir_entry_add_str(e, "cn", cn) == ERR_OK)
        r = access_describe(d, ACCESS_CONTAINER, e, ei);
    else
        err_nomem(ei);
    if (r == ERR_OK)
        r = dir_add(d, e, ei);
    dir_entry_free(e);
    return r == ERR_EXISTS ? ERR_OK : r; /* somebody else was quicker */
}

static enum err is_there(struct dir *d, const char *dn, bool *there, struct errinfo *ei)
{
    static const char *const attrs[] = {"objectClass", NULL};
    struct dir_entry *found = NULL;
    enum err e = dir_get(d, dn, attrs, &found, ei);

    *there = e == ERR_OK;
    dir_entry_free(found);
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err ao_prepare_each(struct dir *d, bool dry_run, ao_prepared_fn *tell, void *arg,
                         struct errinfo *ei)
{
    char *dn = NULL;
    enum err e = dir_ready_to_write(d, ei);

    if (e == ERR_OK)
        e = ao_container(d, &dn, ei);
    for (int i = 0; e == ERR_OK && i < 2; i++) {
        const char *at = i == 0 ? strchr(dn, ',') + 1 : dn;
        bool there = false;

        e = is_there(d, at, &there, ei);
        if (e == ERR_OK && !there && !dry_run)
            e = i == 0 ? add_container(d, at, "container", "Microsoft SPP", ei)
                       : add_container(d, at, AO_CONTAINER_CLASS, "Activation Objects", ei);
        if (e == ERR_OK && tell != NULL)
            tell(arg, at, there);
    }
    free(dn);
    return e;
}

enum err ao_prepare(struct dir *d, struct errinfo *ei)
{
    return ao_prepare_each(d, false, NULL, NULL, ei);
}
