#include "daemon/look.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adba/object.h"
#include "base/clk.h"
#include "daemon/directory.h"
#include "ldap/dir.h"

/* A directory of another forest is looked at all the same; nothing would be written there. */
static void check_forest(struct look *l, const struct dir_facts *f)
{
    const char *want = l->settings->lab_forest;

    snprintf(l->forest, sizeof(l->forest), "%s", f->forest == NULL ? "" : f->forest);
    if (want != NULL && strcasecmp(want, l->forest) != 0)
        snprintf(l->why, sizeof(l->why),
                 "its forest is \"%s\" and [directory] lab_forest says \"%s\": read only",
                 l->forest, want);
    else if (!f->has_ao_class)
        snprintf(l->why, sizeof(l->why),
                 "its schema lacks msSPP-ActivationObject (version %d; 48 or later has it)",
                 f->schema_version);
}

static json_t *facts_json(const struct dir_facts *f)
{
    return json_pack("{s:s?, s:s?, s:s?, s:b, s:b, s:b, s:i}", "forest", f->forest, "domain",
                     f->domain, "server", f->dns_host_name, "ad_ds", f->ad_ds, "lab_marked",
                     f->lab_marked, "read_only", f->read_only, "schema_version", f->schema_version);
}

/* ---- activation objects ---- */

struct walk {
    struct look *look;
    const struct dir_facts *facts;
};

static json_t *broken_json(const struct ao *o, const struct errinfo *why)
{
    return json_pack("{s:s?, s:s?, s:s, s:s%}", "name", o->name, "dn", o->dn, "verdict",
                     ao_verdict_name(AO_INVALID), "why", why->text, strlen(why->text));
}

/* Without the memory for it the object covers nobody until the next look. */
static void cover(struct look *l, const struct ao *o, const struct licence *lic)
{
    struct covered *grown =
        realloc(l->covered, (l->covered_count + o->kms_id_count) * sizeof(*grown));

    if (grown == NULL)
        return;
    l->covered = grown;
    for (size_t i = 0; i < o->kms_id_count; i++)
        l->covered[l->covered_count++] = (struct covered){o->kms_ids[i], lic->not_after};
}

static json_t *judged_json(struct walk *w, const struct ao *o)
{
    struct look *l = w->look;
    struct licence lic = {0};
    struct errinfo why = {0};
    enum ao_verdict v = ao_verify(o, l->bundle, w->facts, l->now, &lic, &why);
    json_t *j =
        json_pack("{s:s?, s:s?, s:s?, s:i, s:s}", "name", o->name, "dn", o->dn, "group", lic.group,
                  "kms_ids", (int)o->kms_id_count, "verdict", ao_verdict_name(v));

    if (v == AO_GOOD) {
        l->good++;
        cover(l, o, &lic);
    } else {
        json_object_set_new(j, "why", json_string(why.text));
    }
    if (lic.not_after != 0)
        json_object_set_new(j, "days_left",
                            json_integer((json_int_t)((lic.not_after - l->now) / CLK_DAY)));
    licence_fini(&lic);
    return j;
}

static enum err each_object(void *arg, const struct ao *o, enum err parse,
                            const struct errinfo *why, struct errinfo *ei)
{
    struct walk *w = arg;
    json_t *j = parse != ERR_OK ? broken_json(o, why) : judged_json(w, o);

    w->look->object_count++;
    if (j == NULL || json_array_append_new(w->look->objects, j) != 0)
        return err_nomem(ei);
    return ERR_OK;
}

void look(struct look *l)
{
    struct errinfo ei = {0};
    struct dir *d = NULL;
    struct walk w = {.look = l};
    enum err e = directory_open(l->settings, &d, &ei);

    if (e != ERR_OK)
        goto out;
    w.facts = dir_facts(d);
    check_forest(l, w.facts);
    if (l->settings->steward)
        tend(l->settings, l->bundle, l->catalog, d, l->now, &l->tended);
    l->facts = facts_json(w.facts);
    l->objects = json_array();
    if (l->facts == NULL || l->objects == NULL)
        e = err_nomem(&ei);
    if (e == ERR_OK)
        e = ao_each(d, each_object, &w, &ei);
    if (e == ERR_NOTFOUND) /* nothing was ever activated there */
        e = ERR_OK;
out:
    l->up = e == ERR_OK;
    if (e != ERR_OK)
        snprintf(l->why, sizeof(l->why), "%s", ei.text);
    dir_close(d);
}

void look_fini(struct look *l)
{
    json_decref(l->facts);
    json_decref(l->objects);
    l->facts = l->objects = NULL;
    free(l->covered);
    l->covered = NULL;
    tended_fini(&l->tended);
}
