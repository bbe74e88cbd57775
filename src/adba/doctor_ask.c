/* The doctor's questions to the directory. */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adba/aoattr.h"
#include "adba/doctor.h"
#include "base/clk.h"

/* ---- objects ---- */

struct seen {
    char *dn, *name;
    enum err parse;
    enum ao_verdict verdict;
    bool ours;
    int64_t days_left;
    char why[400];
};

struct seeing {
    const struct doctor_question *q;
    struct seen *all;
    size_t n;
};

static void seeing_fini(struct seeing *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->all[i].dn);
        free(s->all[i].name);
    }
    free(s->all);
}

static void judge(const struct doctor_question *q, const struct ao *o, struct seen *s)
{
    struct licence l = {0};
    struct errinfo why = {0};

    if (q->bundle == NULL)
        return;
    s->verdict = ao_verify(o, q->bundle, dir_facts(q->dir), q->lab_now, &l, &why);
    s->ours = l.realm != NULL;
    s->days_left = s->ours ? (l.not_after - q->lab_now) / CLK_DAY : 0;
    snprintf(s->why, sizeof(s->why), "%s", why.text);
    licence_fini(&l);
}

static enum err see(void *arg, const struct ao *o, enum err parse, const struct errinfo *why,
                    struct errinfo *ei)
{
    struct seeing *s = arg;
    struct seen *grown = realloc(s->all, (s->n + 1) * sizeof(*grown));
    struct seen *one;

    if (grown == NULL)
        return err_nomem(ei);
    s->all = grown;
    one = &grown[s->n++];
    *one = (struct seen){.dn = strdup(o->dn), .name = strdup(o->name), .parse = parse};
    if (one->dn == NULL || one->name == NULL)
        return err_nomem(ei);
    if (parse == ERR_OK) {
        judge(s->q, o, one);
    } else {
        one->verdict = AO_INVALID;
        snprintf(one->why, sizeof(one->why), "%s", why->text);
    }
    return ERR_OK;
}

static void check_objects(struct doctor *d, const struct doctor_question *q, const struct sid *own)
{
    static const char *const attrs[] = {ACCESS_ATTR, NULL};
    const struct dir_facts *f = dir_facts(q->dir);
    struct seeing s = {.q = q};
    struct errinfo ei = {0};
    enum err e = ao_each(q->dir, see, &s, &ei);

    if (e != ERR_OK)
        doctor_say(d, CHECK_FAILED, "object", NULL, "activation objects can't be read: %s",
                   ei.text);
    else if (s.n == 0)
        doctor_say(d, CHECK_WARNING, "object", "adbactl ao create, or adbactl ao steward",
                   "there is no activation object, or none that our account may read");
    for (size_t i = 0; e == ERR_OK && i < s.n; i++) {
        struct seen *one = &s.all[i];
        struct dir_entry *entry = NULL;

        if (q->bundle != NULL || one->parse != ERR_OK)
            doctor_object_verdict(d, one->name, one->verdict, one->why, one->days_left);
        if (f->ad_ds && dir_get(q->dir, one->dn, attrs, &entry, NULL) == ERR_OK)
            doctor_object_access(d, f, one->name, one->ours, entry, own);
        dir_entry_free(entry);
    }
    seeing_fini(&s);
}

/* ---- container ---- */

/* False if there is nothing to look into. */
static bool check_container(struct doctor *d, const struct doctor_question *q,
                            const struct sid *own)
{
    static const char *const attrs[] = {"cn", ACCESS_ATTR, "allowedChildClassesEffective", NULL};
    struct dir_entry *entry = NULL;
    struct errinfo ei = {0};
    char *dn = NULL;
    enum err e;

    if (ao_container(q->dir, &dn, NULL) != ERR_OK)
        return false; /* the schema's line says why */
    e = dir_get(q->dir, dn, attrs, &entry, &ei);
    if (e == ERR_OK || e == ERR_NOTFOUND)
        doctor_container(d, dir_facts(q->dir), entry, own);
    else
        doctor_say(d, CHECK_FAILED, "container", NULL, "%s", ei.text);
    dir_entry_free(entry);
    free(dn);
    return e == ERR_OK;
}

void doctor_directory(struct doctor *d, const struct doctor_question *q)
{
    static const char *const attrs[] = {"currentTime", "domainFunctionality", "forestFunctionality",
                                        NULL};
    struct dir_entry *root = NULL;
    struct sid *token = NULL;
    size_t n = 0;
    bool known = dir_get(q->dir, "", attrs, &root, NULL) == ERR_OK;

    doctor_clock(d, known ? dir_entry_str(root, "currentTime") : NULL, q->now);
    doctor_facts(d, dir_facts(q->dir), q->lab_forest);
    doctor_levels(d, known ? dir_entry_str(root, "domainFunctionality") : NULL,
                  known ? dir_entry_str(root, "forestFunctionality") : NULL);
    dir_entry_free(root);
    if (dir_facts(q->dir)->ad_ds && access_token(q->dir, &token, &n, NULL) != ERR_OK)
        token = NULL;
    if (check_container(d, q, token))
        check_objects(d, q, token);
    free(token);
}

/* ---- other domain controllers ---- */

struct copying {
    struct doctor_copy *all;
    size_t n;
};

static enum err copy(void *arg, const struct ao *o, enum err parse, const struct errinfo *why,
                     struct errinfo *ei)
{
    struct copying *c = arg;
    struct doctor_copy *grown = realloc(c->all, (c->n + 1) * sizeof(*grown));

    (void)parse;
    (void)why;
    if (grown == NULL)
        return err_nomem(ei);
    c->all = grown;
    grown[c->n] = (struct doctor_copy){0};
    snprintf(grown[c->n].name, sizeof(grown[c->n].name), "%s", o->name);
    if (o->issuance.data != NULL)
        SHA256(o->issuance.data, o->issuance.len, grown[c->n].digest);
    c->n++;
    return ERR_OK;
}

enum err doctor_copies(struct dir *dir, struct doctor_copy **out, size_t *n, struct errinfo *ei)
{
    struct copying c = {0};
    enum err e = ao_each(dir, copy, &c, ei);

    if (e == ERR_NOTFOUND)
        e = ERR_OK;
    if (e != ERR_OK) {
        free(c.all);
        return e;
    }
    *out = c.all;
    *n = c.n;
    return ERR_OK;
}

struct naming {
    char **dns; /* first names of settings objects' parents, then host names */
    size_t n;
};

static enum err name_parent(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    struct naming *names = arg;
    const char *comma = strchr(e->dn, ',');
    char **grown = realloc(names->dns, (names->n + 1) * sizeof(*grown));

    if (grown != NULL)
        names->dns = grown;
    if (grown == NULL || comma == NULL || (grown[names->n] = strdup(comma + 1)) == NULL)
        return err_nomem(ei);
    names->n++;
    return ERR_OK;
}

/* Replaces the name of a server object by its dNSHostName; false if it has none. */
static bool to_host(struct dir *dir, char **name)
{
    static const char *const attrs[] = {"dNSHostName", NULL};
    struct dir_entry *server = NULL;
    const char *host = NULL;

    if (dir_get(dir, *name, attrs, &server, NULL) == ERR_OK)
        host = dir_entry_str(server, "dNSHostName");
    free(*name);
    *name = host == NULL ? NULL : strdup(host);
    dir_entry_free(server);
    return *name != NULL;
}

enum err doctor_controllers(struct dir *dir, char ***out, size_t *n, struct errinfo *ei)
{
    static const char *const none[] = {"cn", NULL};
    static const struct dir_filter settings = {
        .op = DIR_EQ, .attr = "objectClass", .value = "nTDSDSA", .len = 7};
    struct dir_query q = {.scope = DIR_SUB, .filter = &settings, .attrs = none};
    struct naming names = {0};
    char base[600];
    size_t kept = 0;
    enum err e;

    snprintf(base, sizeof(base), "CN=Sites,%s", dir_facts(dir)->config_nc);
    q.base = base;
    e = dir_search(dir, &q, name_parent, &names, ei);
    for (size_t i = 0; i < names.n; i++)
        if (to_host(dir, &names.dns[i]))
            names.dns[kept++] = names.dns[i];
    *out = names.dns;
    *n = kept;
    return e;
}
