#include "cli/ao_forest.h"

#include <inttypes.h>
#include <stdio.h>

#include "steward/activate.h"

/* ---- online ---- */

static enum err ask_clearing(const struct ao_work *w, const struct hostkey *k,
                             const struct cat_group *g, const char *name, struct errinfo *ei)
{
    struct guid forest = activate_forest_id(w->dir);
    struct clearing_answer a;
    enum err e = ao_may_create(w->dir, &w->bundle, k, g, name, w->now, ei);

    if (e == ERR_OK)
        e = activate_online(w->s, k, IID_FOREST, &forest, dir_facts(w->dir)->forest, &a, ei);
    if (e == ERR_OK)
        fprintf(stderr,
                "Activated online at %s: activation %" PRIu32 " of this forest, %" PRIu32
                " left; host %" PRIu32 " of the host key, %" PRIu32 " left.\n",
                w->s->clearing_host, a.used, a.left, a.hosts_used, a.hosts_left);
    return e;
}

enum err ao_activate_and_create(const struct ao_work *w, const struct hostkey *k,
                                const struct cat_group *g, const char *name, struct ao *out,
                                struct errinfo *ei)
{
    enum err e = w->s->clearing_host == NULL ? ERR_OK : ask_clearing(w, k, g, name, ei);

    if (e == ERR_OK)
        e = ao_create(w->dir, &w->bundle, k, g, name, w->now, out, ei);
    if (e == ERR_OK && w->s->clearing_host == NULL)
        fputs("Activated in plain lab form: no clearing house is configured ([clearing] host), "
              "nothing was counted.\n",
              stderr);
    return e;
}

/* ---- by phone ---- */

static enum err make_iid(const struct ao_work *w, const struct hostkey *k, struct iid *out,
                         struct errinfo *ei)
{
    struct guid forest = activate_forest_id(w->dir);

    return iid_make(IID_FOREST, k, &forest, out, ei);
}

enum err ao_forest_iid(const struct ao_work *w, const struct hostkey *k, char text[IID_TEXT_MAX],
                       struct errinfo *ei)
{
    struct iid id;
    enum err e = make_iid(w, k, &id, ei);

    if (e == ERR_OK)
        iid_write(&id, text);
    return e;
}

enum err ao_forest_confirm(const struct ao_work *w, const struct hostkey *k,
                           const struct cat_group *g, const char *name, const char *cid,
                           struct ao *out, struct errinfo *ei)
{
    char iid[IID_TEXT_MAX], right[CID_TEXT_MAX];
    struct iid id;
    enum err e = make_iid(w, k, &id, ei);

    if (e == ERR_OK)
        e = cid_check(cid, &id, k->confirm, ei);
    if (e == ERR_OK) /* the one way to write it */
        e = cid_make(&id, k->confirm, right, ei);
    if (e != ERR_OK)
        return e;
    iid_write(&id, iid);
    return ao_create_by_phone(w->dir, &w->bundle, k, g, name, iid, right, w->now, out, ei);
}
