#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "realm/secrets.h"
#include "steward/activate.h"

struct guid activate_forest_id(const struct dir *d)
{
    const struct dir_facts *f = dir_facts(d);

    return iid_forest(f->forest != NULL ? f->forest : "",
                      f->domain_sid != NULL ? f->domain_sid : "");
}

/* Whether the confirmation ID that is kept answers this IID; any other is of an earlier key or
 * forest and is asked for anew. */
static bool kept(const struct settings *s, const char *slug, const struct iid *id,
                 const struct hostkey *k)
{
    char path[SECRETS_PATH_MAX];
    struct buf text = BUF_INIT;
    bool good = secrets_read(s->state_dir, s->secrets_dir, slug, SECRETS_CID, &text, path, NULL) ==
                    ERR_OK &&
                buf_str(&text) != NULL && cid_check(buf_str(&text), id, k->confirm, NULL) == ERR_OK;

    buf_fini(&text);
    return good;
}

static enum err keep(const struct settings *s, const char *slug, const char *cid,
                     struct errinfo *ei)
{
    return secrets_write(s->state_dir, s->secrets_dir, slug, SECRETS_CID, cid, strlen(cid), ei);
}

enum err activate_forest_once(void *settings, const struct dir *d, const struct hostkey *k,
                              struct errinfo *ei)
{
    const struct settings *s = settings;
    struct guid forest = activate_forest_id(d);
    char slug[HOSTKEY_GROUP_MAX + 1];
    struct clearing_answer a;
    struct iid id;
    enum err e = iid_make(IID_FOREST, k, &forest, &id, ei);

    if (e != ERR_OK)
        return e;
    if (kept(s, hostkey_slug(k->group, slug), &id, k))
        return ERR_OK;
    /* What could not be kept would be asked for again and again. */
    e = keep(s, slug, "", ei);
    if (e == ERR_OK)
        e = activate_online(s, k, IID_FOREST, &forest, dir_facts(d)->forest, &a, ei);
    return e == ERR_OK ? keep(s, slug, a.cid, ei) : e;
}

void activate_steward(const struct settings *s, struct steward *w)
{
    if (s->clearing_host == NULL)
        return;
    w->activate = activate_forest_once;
    w->activate_arg = (void *)(uintptr_t)s;
}
