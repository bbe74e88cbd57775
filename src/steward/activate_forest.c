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

/* What is kept, and whether it answers this IID. ERR_NOTFOUND: there is none that does; one of an
 * earlier key or forest is asked for anew. Any other failure says nothing about what is kept. */
static enum err look_for_kept(const struct settings *s, const char *slug, const struct iid *id,
                              const struct hostkey *k, struct buf *text, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];
    enum err e = secrets_read(s->state_dir, s->secrets_dir, slug, SECRETS_CID, text, path, ei);

    if (e != ERR_OK)
        return e;
    if (buf_str(text) == NULL)
        return err_nomem(ei);
    e = cid_check(buf_str(text), id, k->confirm, ei);
    return e == ERR_OK || e == ERR_CRYPTO ? e : ERR_NOTFOUND;
}

static enum err keep(const struct settings *s, const char *slug, const char *cid, size_t len,
                     struct errinfo *ei)
{
    return secrets_write(s->state_dir, s->secrets_dir, slug, SECRETS_CID, cid, len, ei);
}

/* An answer that could not be kept would be asked for again and again: what there is, if anything,
 * is written anew before that costs an activation. */
static enum err ask(const struct settings *s, const struct dir *d, const struct hostkey *k,
                    const struct guid *forest, const struct buf *had, struct errinfo *ei)
{
    char slug[HOSTKEY_GROUP_MAX + 1];
    struct clearing_answer a;
    enum err e = keep(s, hostkey_slug(k->group, slug), (const char *)had->data, had->len, ei);

    if (e == ERR_OK)
        e = activate_online(s, k, IID_FOREST, forest, dir_facts(d)->forest, &a, ei);
    return e == ERR_OK ? keep(s, slug, a.cid, strlen(a.cid), ei) : e;
}

enum err activate_forest_once(void *settings, const struct dir *d, const struct hostkey *k,
                              struct errinfo *ei)
{
    const struct settings *s = settings;
    struct guid forest = activate_forest_id(d);
    char slug[HOSTKEY_GROUP_MAX + 1];
    struct buf had = BUF_INIT;
    struct iid id;
    enum err e = iid_make(IID_FOREST, k, &forest, &id, ei);

    if (e == ERR_OK)
        e = look_for_kept(s, hostkey_slug(k->group, slug), &id, k, &had, ei);
    if (e == ERR_NOTFOUND)
        e = ask(s, d, k, &forest, &had, ei);
    buf_fini(&had);
    return e;
}

void activate_steward(const struct settings *s, struct steward *w)
{
    if (s->clearing_host == NULL)
        return;
    w->activate = activate_forest_once;
    w->activate_arg = (void *)(uintptr_t)s;
}
