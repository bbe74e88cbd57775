/* slmgr's options for the forest's activation objects. Listing logs in as the machine; what writes
 * needs an administrator of the lab, whom --config names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adba/object.h"
#include "cli/ao_forest.h"
#include "cli/group.h"
#include "cli/script.h"
#include "cli/session.h"
#include "cli/state.h"
#include "ldap/dir.h"

#define HR_NO_SUCH_OBJECT 0x80072030u
#define HR_BAD_KEY        0xC004F050u

/* ---- the machine's forest ---- */

static enum err open_member(struct client *c, struct station **s, struct errinfo *ei)
{
    enum err e = client_open_one(c, s, ei);

    if (e == ERR_OK && (*s)->folder.machine.domain[0] == '\0')
        e = err_fail(ei, ERR_NOT_NOW,
                     "machine %s is in a workgroup and has no forest; join a domain first",
                     (*s)->folder.machine.name);
    return e;
}

/* ---- /ao-list ---- */

static enum err list_each(void *arg, const struct ao *o, enum err parse, const struct errinfo *why,
                          struct errinfo *ei)
{
    json_t *row = json_pack("{s:s, s:s, s:s}", "DistinguishedName", o->dn, "Name", o->name,
                            "ObjectClass", "msSPP-ActivationObject");

    (void)parse; /* one that can't be read is there all the same */
    (void)why;
    return json_array_append_new(arg, row) == 0 ? ERR_OK : err_nomem(ei);
}

static void print_list(const json_t *list)
{
    json_t *row;
    size_t i;

    puts("Activation Objects");
    if (json_array_size(list) == 0)
        puts("    No objects found");
    json_array_foreach(list, i, row)
    {
        printf("    Activation Object name: %s\n    AO DN: %s\n",
               json_string_value(json_object_get(row, "Name")),
               json_string_value(json_object_get(row, "DistinguishedName")));
    }
}

int script_ao_list(struct client *c, int argc, char **argv)
{
    json_t *list = json_array();
    struct station *s;
    struct dir *d = NULL;
    struct errinfo ei;
    enum err e = open_member(c, &s, &ei);

    (void)argc;
    (void)argv;
    if (e == ERR_OK)
        e = station_directory(s, &d, &ei);
    if (e == ERR_OK) {
        e = ao_each(d, list_each, list, &ei);
        if (e == ERR_NOTFOUND || e == ERR_SCHEMA)
            e = err_fail_hr(&ei, e, HR_NO_SUCH_OBJECT,
                            "activation through the directory is not supported by the forest's "
                            "present schema, or its container is missing");
    }
    dir_close(d);
    if (e == ERR_OK && c->json)
        cli_json(json_incref(list));
    else if (e == ERR_OK)
        print_list(list);
    json_decref(list);
    return e == ERR_OK ? EXIT_OK : client_fail(c, e, &ei);
}

/* ---- as the lab's administrator ---- */

struct admin {
    struct settings settings;
    struct ao_work w;
    struct hostkey key;
    const struct cat_group *group;
};

static void admin_fini(struct admin *a)
{
    dir_close(a->w.dir);
    bundle_fini(&a->w.bundle);
    hostkey_fini(&a->key);
    settings_free(&a->settings);
}

static enum err open_admin(struct client *c, struct admin *a, struct errinfo *ei)
{
    struct station *s;
    enum err e = open_member(c, &s, ei);

    if (e == ERR_OK && c->config == NULL)
        e = err_fail(ei, ERR_USAGE,
                     "this changes the forest: --config FILE names the lab's adbad.conf with its "
                     "administrator and host keys");
    if (e == ERR_OK)
        e = settings_load(c->config, &a->settings, ei);
    if (e != ERR_OK)
        return e;
    a->w.s = &a->settings;
    a->w.cat = c->catalog;
    e = session_now(&a->settings, &a->w.now, ei);
    if (e == ERR_OK)
        e = bundle_load(a->settings.realm_bundle, &a->w.bundle, ei);
    return e == ERR_OK ? session_open(&a->settings, &a->w.dir, ei) : e;
}

/* The installed host key with that text, and its group. */
static enum err take_key(struct admin *a, const char *text, struct errinfo *ei)
{
    struct hostkey *keys = NULL;
    size_t n = 0;
    bool found = false;
    enum err e = state_hostkeys(&a->settings, true, &keys, &n, ei);

    for (size_t i = 0; i < n; i++) {
        if (!found && strcasecmp(keys[i].key, text) == 0) {
            a->key = keys[i];
            found = true;
        } else {
            hostkey_fini(&keys[i]);
        }
    }
    free(keys);
    if (e == ERR_OK && !found)
        e = err_fail_hr(ei, ERR_NOTFOUND, HR_BAD_KEY,
                        "no host key %s is installed (adbactl hostkey install)", text);
    return e == ERR_OK ? group_named(a->w.cat, a->key.group, &a->group, ei) : e;
}

static enum err open_with_key(struct client *c, struct admin *a, const char *key,
                              struct errinfo *ei)
{
    enum err e = open_admin(c, a, ei);

    return e == ERR_OK ? take_key(a, key, ei) : e;
}

static int activated(struct client *c, struct admin *a, enum err e, struct errinfo *ei,
                     struct ao *o)
{
    int status = e == ERR_OK ? EXIT_OK : client_fail(c, e, ei);

    if (e == ERR_OK && c->json)
        cli_json(json_pack("{s:b, s:s, s:s, s:s, s:s}", "Success", 1, "Operation", c->operation,
                           "ProductKey", a->key.key, "ActivationObjectName", o->name,
                           "DistinguishedName", o->dn));
    else if (e == ERR_OK)
        puts("Product activated successfully.");
    ao_fini(o);
    admin_fini(a);
    return status;
}

int script_ad_online(struct client *c, int argc, char **argv)
{
    struct admin a = {0};
    struct ao o = {0};
    struct errinfo ei;
    enum err e = open_with_key(c, &a, argv[0], &ei);

    if (e == ERR_OK)
        e = ao_activate_and_create(&a.w, &a.key, a.group, argc > 1 ? argv[1] : NULL, &o, &ei);
    return activated(c, &a, e, &ei, &o);
}

int script_ad_cid(struct client *c, int argc, char **argv)
{
    struct admin a = {0};
    struct ao o = {0};
    struct errinfo ei;
    enum err e = open_with_key(c, &a, argv[0], &ei);

    if (e == ERR_OK)
        e = ao_forest_confirm(&a.w, &a.key, a.group, argc > 2 ? argv[2] : NULL, argv[1], &o, &ei);
    return activated(c, &a, e, &ei, &o);
}

int script_ad_iid(struct client *c, int argc, char **argv)
{
    struct admin a = {0};
    char iid[IID_TEXT_MAX];
    struct errinfo ei;
    enum err e = open_with_key(c, &a, argv[0], &ei);

    (void)argc;
    if (e == ERR_OK)
        e = ao_forest_iid(&a.w, &a.key, iid, &ei);
    if (e == ERR_OK && c->json)
        cli_json(json_pack("{s:s, s:s}", "ProductKey", a.key.key, "ForestInstallationId", iid));
    else if (e == ERR_OK)
        printf("Installation ID: %s\n", iid);
    admin_fini(&a);
    return e == ERR_OK ? EXIT_OK : client_fail(c, e, &ei);
}

/* ---- /del-ao ---- */

int script_del_ao(struct client *c, int argc, char **argv)
{
    struct admin a = {0};
    struct ao o = {0};
    struct errinfo ei;
    enum err e = open_admin(c, &a, &ei);

    (void)argc;
    if (e == ERR_OK)
        e = ao_find(a.w.dir, argv[0], &o, &ei);
    if (e == ERR_OK)
        e = ao_delete(a.w.dir, &a.w.bundle, &o, &ei);
    if (e == ERR_OK && c->json)
        cli_json(json_pack("{s:b, s:s, s:s}", "Success", 1, "Operation", c->operation,
                           "ActivationObject", o.dn));
    else if (e == ERR_OK)
        puts("Operation completed successfully.");
    ao_fini(&o);
    admin_fini(&a);
    return e == ERR_OK ? EXIT_OK : client_fail(c, e, &ei);
}
