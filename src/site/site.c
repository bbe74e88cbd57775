#include "site/site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "adba/object.h"

/* ---- realms ---- */

static void remove_realm(const char *dir)
{
    static const char *const files[] = {"realm.json", "secret", "issuer.key", "issuer.crt",
                                        "client.bundle"};
    char path[512];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
}

/* Keys are drawn from the system: nothing that is shown depends on them. */
static enum err make_realm_in(const char *scratch, const char *name, int64_t now, struct realm *out,
                              struct errinfo *ei)
{
    struct rng rng = rng_system();
    char dir[400];
    enum err e;

    snprintf(dir, sizeof(dir), "%s/%s", scratch, name);
    e = realm_init(name, dir, now, &rng, ei);
    if (e == ERR_OK)
        e = realm_open(dir, out, ei);
    remove_realm(dir);
    return e;
}

static enum err make_realm(const char *name, int64_t now, struct realm *out, struct errinfo *ei)
{
    const char *tmp = getenv("TMPDIR");
    char scratch[300];
    enum err e;

    snprintf(scratch, sizeof(scratch), "%s/adbad-site-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(scratch) == NULL)
        return err_fail_errno(ei, errno, "make a folder for the site's realm, %s", scratch);
    e = make_realm_in(scratch, name, now, out, ei);
    rmdir(scratch);
    return e;
}

static enum err make_ours(struct site *s, struct errinfo *ei)
{
    enum err e = make_realm("LAB", s->start, &s->realm, ei);

    s->shown = s->realm.bundle;
    snprintf(s->shown.id, sizeof(s->shown.id), "the site's");
    return e;
}

/* Few stories have a stranger: its realm is made when it is first needed. */
static enum err make_other(struct site *s, struct errinfo *ei)
{
    enum err e = s->has_other ? ERR_OK : make_realm("OTHER", s->start, &s->other, ei);

    s->has_other = s->has_other || e == ERR_OK;
    return e;
}

enum err site_open(const struct catalog *c, uint64_t seed, int64_t start, struct site **out,
                   struct errinfo *ei)
{
    struct site *s = calloc(1, sizeof(*s));
    enum err e;

    if (s == NULL)
        return err_nomem(ei);
    s->catalog = c;
    s->start = s->now = start;
    rng_seeded_init(&s->seeded, seed);
    s->rng = rng_from_seed(&s->seeded);
    e = make_ours(s, ei);
    if (e == ERR_OK)
        e = kms_protector_new(&s->realm.bundle.keys, rng_system(), &s->protector, ei);
    if (e == ERR_OK)
        *out = s;
    else
        site_close(s);
    return e;
}

void site_close(struct site *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->hosts; i++)
        kmshost_free(s->host[i]);
    for (size_t i = 0; i < s->forests; i++) {
        dir_close(s->forest[i]->dir);
        free(s->forest[i]);
    }
    for (size_t i = 0; i < s->stations; i++) {
        machine_fini(&s->station[i]->m);
        free(s->station[i]);
    }
    house_fini(&s->house);
    free(s->host);
    free(s->forest);
    free(s->station);
    kms_protector_free(s->protector);
    realm_fini(&s->realm);
    realm_fini(&s->other);
    free(s);
}

/* ---- what there is ---- */

struct kmshost *site_host(const struct site *s, const char *name)
{
    for (size_t i = 0; i < s->hosts; i++) {
        if (strcasecmp(s->host[i]->name, name) == 0)
            return s->host[i];
    }
    return NULL;
}

struct site_forest *site_forest(const struct site *s, const char *name)
{
    for (size_t i = 0; i < s->forests; i++) {
        if (strcasecmp(s->forest[i]->name, name) == 0)
            return s->forest[i];
    }
    return NULL;
}

struct site_station *site_station(const struct site *s, const char *name)
{
    for (size_t i = 0; i < s->stations; i++) {
        if (strcasecmp(s->station[i]->m.name, name) == 0)
            return s->station[i];
    }
    return NULL;
}

static enum err name_free(const struct site *s, const char *name, struct errinfo *ei)
{
    if (site_host(s, name) != NULL || site_forest(s, name) != NULL || site_station(s, name) != NULL)
        return err_fail(ei, ERR_EXISTS, "\"%s\" is in this site already", name);
    if (name[0] == '\0' || strlen(name) >= sizeof(s->station[0]->m.name))
        return err_fail(ei, ERR_USAGE, "\"%.80s\" is no name: 1 to 63 characters", name);
    return ERR_OK;
}

/* Room for one more pointer in a list; NULL: out of memory, and the list is as it was. */
static void *one_more(void *list, size_t n)
{
    return realloc(list, (n + 1) * sizeof(void *));
}

enum err site_add_host(struct site *s, const char *name, struct kmshost **out, struct errinfo *ei)
{
    enum err e = name_free(s, name, ei);
    struct kmshost **list;

    if (e != ERR_OK)
        return e;
    list = one_more(s->host, s->hosts);
    if (list == NULL)
        return err_nomem(ei);
    s->host = list;
    e = kmshost_new(name, s->catalog, &s->realm.bundle.keys, out, ei);
    if (e == ERR_OK)
        s->host[s->hosts++] = *out;
    return e;
}

enum err site_add_forest(struct site *s, const char *name, struct site_forest **out,
                         struct errinfo *ei)
{
    enum err e = name_free(s, name, ei);
    struct site_forest **list, *f;

    if (e != ERR_OK)
        return e;
    list = one_more(s->forest, s->forests);
    if (list == NULL)
        return err_nomem(ei);
    s->forest = list;
    f = calloc(1, sizeof(*f));
    if (f != NULL)
        f->dir = directory_new(name, &s->now);
    if (f == NULL || f->dir == NULL) {
        free(f);
        return err_nomem(ei);
    }
    snprintf(f->name, sizeof(f->name), "%s", name);
    s->forest[s->forests++] = *out = f;
    return ERR_OK;
}

enum err site_add_station(struct site *s, const char *name, const struct cat_product *product,
                          struct site_station **out, struct errinfo *ei)
{
    enum err e = name_free(s, name, ei);
    struct site_station **list, *st;

    if (e != ERR_OK)
        return e;
    list = one_more(s->station, s->stations);
    if (list == NULL)
        return err_nomem(ei);
    s->station = list;
    st = calloc(1, sizeof(*st));
    if (st == NULL)
        return err_nomem(ei);
    st->site = s;
    snprintf(st->m.name, sizeof(st->m.name), "%s", name);
    rng_fill(&s->rng, st->m.client_id.b, sizeof(st->m.client_id.b));
    st->m.hardware = st->m.client_id; /* as unlike as CMIDs are, without another draw */
    s->station[s->stations++] = *out = st;
    return station_install(st, product, ei);
}

/* ---- host keys and objects ---- */

enum err site_activate(struct site *s, struct kmshost *h, const struct cat_group *g,
                       struct errinfo *ei)
{
    enum err e = ERR_NOTFOUND;

    for (size_t i = 0; i < h->keys && e != ERR_OK; i++)
        e = h->key[i].group == g ? ERR_OK : e;
    if (e != ERR_OK)
        return err_fail(ei, e, "%s has no host key of %s; install it first", h->name, g->name);
    e = house_activate(&s->house, g, h->name, ei);
    return e == ERR_OK ? kmshost_activated(h, g, ei) : e;
}

enum err site_add_object(struct site *s, struct site_forest *f, const struct cat_group *g,
                         const char *name, bool foreign, struct errinfo *ei)
{
    const struct realm *r = foreign ? &s->other : &s->realm;
    struct rng rng = rng_system();
    struct hostkey k = {0};
    struct ao o = {0};
    enum err e = dir_ready_to_write(f->dir, ei);

    if (e == ERR_OK && foreign)
        e = make_other(s, ei);
    if (e == ERR_OK)
        e = hostkey_issue(r, g->name, s->now, &rng, &k, ei);
    if (e == ERR_OK)
        e = ao_may_create(f->dir, &r->bundle, &k, g, name, s->now, ei);
    if (e == ERR_OK && !foreign)
        e = house_activate(&s->house, g, f->name, ei);
    if (e == ERR_OK) {
        e = ao_create(f->dir, &r->bundle, &k, g, name, s->now, &o, ei);
        e = e == ERR_NOTFOUND ? ERR_OK : e; /* not replicated yet */
    }
    ao_fini(&o);
    hostkey_fini(&k);
    return e;
}

enum err site_delete_object(struct site *s, struct site_forest *f, const char *name,
                            struct errinfo *ei)
{
    struct ao o = {0};
    enum err e = ao_find(f->dir, name, &o, ei);

    if (e == ERR_OK)
        e = ao_delete(f->dir, &s->realm.bundle, &o, ei);
    ao_fini(&o);
    return e;
}

/* ---- time ---- */

/* When the machine wakes next, by the site's time. */
static int64_t due_of(const struct site_station *st)
{
    int64_t due = st->off ? LIC_NEVER : machine_due(&st->m);

    return due == LIC_NEVER ? LIC_NEVER : due - st->offset;
}

static struct site_station *next_due(const struct site *s, int64_t *due)
{
    struct site_station *best = NULL;

    *due = LIC_NEVER;
    for (size_t i = 0; i < s->stations; i++) {
        int64_t d = due_of(s->station[i]);

        if (d < *due) {
            *due = d;
            best = s->station[i];
        }
    }
    return best;
}

void site_pass_to(struct site *s, int64_t when)
{
    for (;;) {
        int64_t due;
        struct site_station *st = next_due(s, &due);

        if (st == NULL || due > when)
            break;
        s->now = due > s->now ? due : s->now;
        station_wake(st);
    }
    s->now = when > s->now ? when : s->now;
}
