/* The steward at work: looks, decides (steward.c), acts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adba/aoattr.h"
#include "adba/steward.h"
#include "base/utf8.h"

/* ---- what is there ---- */

struct gathering {
    const struct steward *s;
    struct steward_view view;
};

static void object_fini(struct steward_object *o)
{
    free(o->dn);
    free(o->name);
    free(o->group);
    ao_fini(&o->ao);
}

static void view_fini(struct steward_view *v)
{
    for (size_t i = 0; i < v->n; i++)
        object_fini(&v->objects[i]);
    free(v->objects);
    *v = (struct steward_view){0};
}

/* For a licence that can't be opened any more because its signer's certificate ended. */
static const char *group_by_key(const struct catalog *cat, const struct guid *sku)
{
    const struct cat_group *g;
    size_t n = catalog_groups(cat, &g);

    for (size_t i = 0; i < n; i++)
        if (guid_equal(&g[i].sku_id, sku))
            return g[i].name;
    return NULL;
}

/* Judges o->ao, which is there. */
static enum err judge(const struct steward *s, struct steward_object *o, struct errinfo *ei)
{
    struct licence lic = {0};
    struct errinfo why = {0};
    const char *group = NULL;

    o->verdict = ao_verify(&o->ao, s->bundle, dir_facts(s->dir), s->now, &lic, &why);
    utf8_copy(o->verdict_why, sizeof(o->verdict_why), why.text);
    if (lic.realm != NULL) {
        group = lic.group;
        o->not_before = lic.not_before;
        o->not_after = lic.not_after;
    } else if (o->verdict == AO_EXPIRED && licence_is_ours(s->bundle, o->ao.issuance.data,
                                                           o->ao.issuance.len, NULL) == ERR_OK) {
        group = group_by_key(s->catalog, &o->ao.sku_id);
    }
    o->ours = group != NULL;
    o->group = group == NULL ? NULL : strdup(group);
    licence_fini(&lic);
    return o->ours && o->group == NULL ? err_nomem(ei) : ERR_OK;
}

static bool copy_val(struct dir_val *to, const struct dir_val *from)
{
    if (from->data == NULL)
        return true;
    to->data = malloc(from->len + 1);
    if (to->data == NULL)
        return false;
    memcpy(to->data, from->data, from->len);
    to->data[from->len] = '\0';
    to->len = from->len;
    return true;
}

static bool copy_ao(struct ao *to, const struct ao *from)
{
    to->dn = strdup(from->dn);
    to->name = strdup(from->name);
    to->pid = strdup(from->pid);
    to->kms_ids = calloc(from->kms_id_count, sizeof(*to->kms_ids));
    if (to->dn == NULL || to->name == NULL || to->pid == NULL || to->kms_ids == NULL)
        return false;
    memcpy(to->kms_ids, from->kms_ids, from->kms_id_count * sizeof(*to->kms_ids));
    to->kms_id_count = from->kms_id_count;
    to->sku_id = from->sku_id;
    memcpy(to->partial_key, from->partial_key, sizeof(to->partial_key));
    return copy_val(&to->issuance, &from->issuance) && copy_val(&to->config, &from->config) &&
           copy_val(&to->online, &from->online) && copy_val(&to->phone, &from->phone);
}

static enum err take_object(void *arg, const struct ao *ao, enum err parse,
                            const struct errinfo *why, struct errinfo *ei)
{
    struct gathering *g = arg;
    struct steward_view *v = &g->view;
    struct steward_object *grown = realloc(v->objects, (v->n + 1) * sizeof(*grown));
    struct steward_object *o;

    if (grown == NULL)
        return err_nomem(ei);
    v->objects = grown;
    o = &grown[v->n++];
    *o = (struct steward_object){.dn = strdup(ao->dn), .name = strdup(ao->name)};
    if (o->dn == NULL || o->name == NULL)
        return err_nomem(ei);
    if (parse != ERR_OK) {
        o->verdict = AO_INVALID;
        utf8_copy(o->verdict_why, sizeof(o->verdict_why), why->text);
        return ERR_OK;
    }
    return copy_ao(&o->ao, ao) ? judge(g->s, o, ei) : err_nomem(ei);
}

/* Access can't be asked for while the search goes on. */
static enum err read_access(struct dir *d, struct steward_object *o, struct errinfo *ei)
{
    static const char *const attrs[] = {ACCESS_ATTR, NULL};
    struct dir_entry *entry = NULL;
    enum err e = dir_get(d, o->dn, attrs, &entry, ei);

    if (e == ERR_OK)
        o->read = access_read_of(entry, ACCESS_OBJECT);
    dir_entry_free(entry);
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err gather(const struct steward *s, struct steward_view *out, struct errinfo *ei)
{
    struct gathering g = {.s = s, .view = {.now = s->now}};
    enum err e = ao_each(s->dir, take_object, &g, ei);

    if (e == ERR_NOTFOUND) /* no container: nothing was ever activated there */
        e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && dir_facts(s->dir)->ad_ds && i < g.view.n; i++)
        e = read_access(s->dir, &g.view.objects[i], ei);
    if (e == ERR_OK)
        *out = g.view;
    else
        view_fini(&g.view);
    return e;
}

/* ---- what is wanted ---- */

struct wanting {
    struct steward_wish wish;
    char *name;
    char why[STEWARD_WHY_MAX];
};

static void find_key(const struct steward *s, struct wanting *w)
{
    struct errinfo why = {0};

    snprintf(w->why, sizeof(w->why),
             "no host key of the group is installed here; make one with adbactl hostkey issue, "
             "then adbactl hostkey install");
    for (size_t i = 0; i < s->key_count; i++) {
        const struct hostkey *k = &s->keys[i];

        if (strcasecmp(k->group, w->wish.group) != 0)
            continue;
        if (k->pkey != NULL && hostkey_verify(s->bundle, k->cert, k->group, s->now, &why) == ERR_OK)
            w->wish.key = k;
        else
            snprintf(w->why, sizeof(w->why), "its host key can't sign: %s", why.text);
    }
    w->wish.why_no_key = w->why;
}

static enum err want(const struct steward *s, const char *group, struct wanting *w,
                     struct errinfo *ei)
{
    w->wish.in = catalog_group(s->catalog, group);
    w->wish.group = w->wish.in != NULL ? w->wish.in->name : group;
    w->name = w->wish.in != NULL ? ao_group_name(w->wish.in) : strdup(group);
    if (w->name == NULL)
        return err_nomem(ei);
    w->wish.name = w->name;
    find_key(s, w);
    if (w->wish.in == NULL) {
        w->wish.key = NULL;
        snprintf(w->why, sizeof(w->why), "the catalogue has no such group");
    }
    return ERR_OK;
}

static void wanting_free(struct wanting *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(w[i].name);
    free(w);
}

static enum err gather_wishes(const struct steward *s, struct wanting **out, size_t *n,
                              struct errinfo *ei)
{
    size_t count = s->groups != NULL ? s->group_count : s->key_count;
    struct wanting *w = calloc(count + 1, sizeof(*w));
    enum err e = w == NULL ? err_nomem(ei) : ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < count; i++)
        e = want(s, s->groups != NULL ? s->groups[i] : s->keys[i].group, &w[i], ei);
    if (e == ERR_OK) {
        *out = w;
        *n = count;
    } else if (w != NULL) {
        wanting_free(w, count);
    }
    return e;
}

/* ---- acting ---- */

static enum err activate(const struct steward *s, const struct steward_wish *w, struct errinfo *ei)
{
    enum err e;

    if (s->activate == NULL)
        return ERR_OK;
    e = ao_may_create(s->dir, s->bundle, w->key, w->in, w->name, s->now, ei);
    return e == ERR_OK ? s->activate(s->activate_arg, s->dir, w->key, ei) : e;
}

static enum err act(const struct steward *s, const struct steward_view *v,
                    const struct steward_wish *w, const struct steward_step *step,
                    struct errinfo *ei)
{
    const struct steward_object *o =
        step->object == STEWARD_NONE ? NULL : &v->objects[step->object];
    struct ao made = {0};
    enum err e;

    switch (step->what) {
    case STEWARD_CREATE:
        e = activate(s, w, ei);
        if (e == ERR_OK)
            e = ao_create(s->dir, s->bundle, w->key, w->in, w->name, s->now, &made, ei);
        ao_fini(&made);
        return e;
    case STEWARD_RENEW:
        return ao_renew(s->dir, s->bundle, w->key, w->in, &o->ao, s->now, ei);
    case STEWARD_REPAIR:
        return access_repair(s->dir, o->dn, ei);
    default:
        return ERR_OK;
    }
}

static bool lost_race(enum err e)
{
    return e == ERR_CONFLICT || e == ERR_EXISTS || e == ERR_NOTFOUND;
}

/* Carries out the steps from first on. Returns whether somebody else was quicker at one. */
static bool act_on_all(const struct steward *s, const struct steward_view *v,
                       const struct wanting *w, struct steward_report *r, size_t first)
{
    bool lost = false;

    for (size_t i = first; i < r->n; i++) {
        struct steward_step *step = &r->steps[i];
        const struct steward_wish *wish = step->wish == STEWARD_NONE ? NULL : &w[step->wish].wish;
        struct errinfo ei = {0};

        if (step->what == STEWARD_LEAVE || step->what == STEWARD_STUCK)
            continue;
        step->result = act(s, v, wish, step, &ei);
        step->done = step->result == ERR_OK;
        if (step->result != ERR_OK)
            utf8_copy(step->error, sizeof(step->error), ei.text);
        lost = lost || lost_race(step->result);
    }
    return lost;
}

static enum err plan(const struct steward_view *v, const struct wanting *w, size_t n,
                     struct steward_report *r, struct errinfo *ei)
{
    struct steward_wish *wishes = calloc(n + 1, sizeof(*wishes));
    bool ok = wishes != NULL;

    for (size_t i = 0; ok && i < n; i++)
        wishes[i] = w[i].wish;
    ok = ok && steward_plan(v, wishes, n, &r->steps, &r->n);
    free(wishes);
    return ok ? ERR_OK : err_nomem(ei);
}

static enum err round_of(const struct steward *s, const struct wanting *w, size_t n,
                         struct steward_report *r, bool *again, struct errinfo *ei)
{
    struct steward_view v = {0};
    size_t first = r->n;
    enum err e = gather(s, &v, ei);

    if (e == ERR_OK)
        e = plan(&v, w, n, r, ei);
    if (e == ERR_OK)
        *again = !s->dry_run && act_on_all(s, &v, w, r, first);
    view_fini(&v);
    return e;
}

/* Before a second round only what was done is worth telling. */
static void keep_done(struct steward_report *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->n; i++)
        if (r->steps[i].done)
            r->steps[kept++] = r->steps[i];
    r->n = kept;
}

void steward_report_fini(struct steward_report *r)
{
    free(r->steps);
    *r = (struct steward_report){0};
}

enum err steward_report_result(const struct steward_report *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->steps[i].result != ERR_OK)
            return r->steps[i].result;
    return ERR_OK;
}

enum err steward_run(const struct steward *s, struct steward_report *out, struct errinfo *ei)
{
    struct steward_report r = {0};
    struct wanting *w = NULL;
    size_t n = 0;
    bool again = false;
    enum err e = s->dry_run ? ERR_OK : dir_ready_to_write(s->dir, ei);

    if (e == ERR_OK)
        e = gather_wishes(s, &w, &n, ei);
    if (e == ERR_OK)
        e = round_of(s, w, n, &r, &again, ei);
    if (e == ERR_OK && again) {
        keep_done(&r);
        e = round_of(s, w, n, &r, &again, ei);
    }
    wanting_free(w, n);
    if (e == ERR_OK)
        *out = r;
    else
        steward_report_fini(&r);
    return e;
}
