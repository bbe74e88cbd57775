#include "steward/look.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adba/doctor.h"
#include "adba/object.h"
#include "base/clk.h"
#include "ldap/dir.h"
#include "steward/directory.h"
#include "steward/tend.h"

/* A directory of another forest is looked at all the same; nothing would be written there. */
static void check_forest(const struct settings *s, struct look *l, const struct dir_facts *f)
{
    const char *want = s->lab_forest;

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

/* What "adbactl directory check" says of this directory; NULL when out of memory. */
static json_t *checks_json(const struct looker *by, struct dir *d)
{
    struct clk real = clk_system();
    const struct doctor_question q = {.dir = d,
                                      .bundle = by->bundle,
                                      .lab_forest = by->settings->lab_forest,
                                      .now = clk_now(&real),
                                      .lab_now = by->now};
    struct doctor doctor = {0};
    json_t *all;

    doctor_session(&doctor, by->settings->dir_uri, ERR_OK, NULL);
    doctor_directory(&doctor, &q);
    all = doctor.failed ? NULL : doctor_json(&doctor);
    doctor_fini(&doctor);
    return all;
}

/* ---- activation objects ---- */

struct walk {
    const struct looker *by;
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
    struct covered *at = look_cover(l, o->kms_id_count);

    for (size_t i = 0; at != NULL && i < o->kms_id_count; i++)
        at[i] = (struct covered){o->kms_ids[i], lic->not_after};
}

static json_t *judged_json(struct walk *w, const struct ao *o)
{
    struct look *l = w->look;
    struct licence lic = {0};
    struct errinfo why = {0};
    enum ao_verdict v = ao_verify(o, w->by->bundle, w->facts, w->by->now, &lic, &why);
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
                            json_integer((json_int_t)((lic.not_after - w->by->now) / CLK_DAY)));
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

void look(const struct looker *by, struct look *out)
{
    struct errinfo ei = {0};
    struct dir *d = NULL;
    struct walk w = {.by = by, .look = out};
    enum err e = directory_open(by->settings, &d, &ei);

    if (e != ERR_OK)
        goto out;
    w.facts = dir_facts(d);
    check_forest(by->settings, out, w.facts);
    if (by->settings->steward)
        tend(by->settings, by->bundle, by->catalog, d, by->now, &out->tended);
    out->facts = facts_json(w.facts);
    out->objects = json_array();
    out->checks = checks_json(by, d);
    if (out->facts == NULL || out->objects == NULL || out->checks == NULL)
        e = err_nomem(&ei);
    if (e == ERR_OK)
        e = ao_each(d, each_object, &w, &ei);
    if (e == ERR_NOTFOUND) /* nothing was ever activated there */
        e = ERR_OK;
out:
    out->up = e == ERR_OK;
    if (e != ERR_OK)
        snprintf(out->why, sizeof(out->why), "%s", ei.text);
    dir_close(d);
}
