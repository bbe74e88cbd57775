#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "steward/activate.h"

#define PATH_MAX_ 4096

struct guid activate_forest_id(const struct dir *d)
{
    const struct dir_facts *f = dir_facts(d);

    return iid_forest(f->forest != NULL ? f->forest : "",
                      f->domain_sid != NULL ? f->domain_sid : "");
}

/* Whether the confirmation ID in the file answers this IID; any other is of an earlier key or
 * forest and is asked for anew. */
static bool kept(const char *path, const struct iid *id, const struct hostkey *k)
{
    struct buf text = BUF_INIT;
    bool good = file_read(path, 4 * CID_TEXT_MAX, &text, NULL) == ERR_OK &&
                buf_str(&text) != NULL && cid_check(buf_str(&text), id, k->confirm, NULL) == ERR_OK;

    buf_fini(&text);
    return good;
}

enum err activate_forest_once(void *settings, const struct dir *d, const struct hostkey *k,
                              struct errinfo *ei)
{
    const struct settings *s = settings;
    struct guid forest = activate_forest_id(d);
    char path[PATH_MAX_], slug[HOSTKEY_GROUP_MAX + 1];
    struct clearing_answer a;
    struct iid id;
    enum err e = iid_make(IID_FOREST, k, &forest, &id, ei);

    if (e != ERR_OK)
        return e;
    if ((size_t)snprintf(path, sizeof(path), "%s/hostkeys/%s.cid", s->state_dir,
                         hostkey_slug(k->group, slug)) >= sizeof(path))
        return err_fail(ei, ERR_LIMIT, "state folder %s: the path is too long", s->state_dir);
    if (kept(path, &id, k))
        return ERR_OK;
    /* What could not be kept would be asked for again and again. */
    e = file_write_atomic(path, "", 0, 0600, ei);
    if (e == ERR_OK)
        e = activate_online(s, k, IID_FOREST, &forest, dir_facts(d)->forest, &a, ei);
    return e == ERR_OK ? file_write_atomic(path, a.cid, strlen(a.cid), 0600, ei) : e;
}

void activate_steward(const struct settings *s, struct steward *w)
{
    if (s->clearing_host == NULL)
        return;
    w->activate = activate_forest_once;
    w->activate_arg = (void *)(uintptr_t)s;
}
