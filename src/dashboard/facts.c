/* facts: the parts of the daemon's status that the page shows, without what changes all the time,
 * so that an unchanged state gives unchanged bytes (ETag). */
#include <string.h>

#include "dashboard/dashboard.h"

/* A new reference to a member, null if it is not there. */
static json_t *member(const json_t *j, const char *name)
{
    json_t *m = json_object_get(j, name);

    return m != NULL ? json_incref(m) : json_null();
}

static void copy(json_t *to, const json_t *from, const char *const names[])
{
    for (size_t i = 0; names[i] != NULL; i++)
        json_object_set_new(to, names[i], member(from, names[i]));
}

/* Some members of an object; null for anything else. */
static json_t *pick(const json_t *from, const char *const names[])
{
    json_t *j = json_is_object(from) ? json_object() : json_null();

    if (json_is_object(from))
        copy(j, from, names);
    return j;
}

static json_t *pick_each(const json_t *list, const char *const names[])
{
    json_t *all = json_array(), *one;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, one)
        json_array_append_new(all, pick(one, names));
    return all;
}

static json_t *relay_part(const json_t *relay)
{
    json_t *j = pick(relay, (const char *const[]){"configured", "healthy", NULL});

    if (json_is_object(j))
        json_object_set_new(j, "upstreams",
                            pick_each(json_object_get(relay, "upstreams"),
                                      (const char *const[]){"upstream", "state", "why", NULL}));
    return j;
}

json_t *dashboard_status(const json_t *status, const json_t *registry, const json_t *relay)
{
    static const char *const whole[] = {"version", "realm",      "listening", "started",
                                        "mode",    "relays_all", NULL};
    const json_t *clock = json_object_get(status, "clock");
    json_t *j = json_object();

    copy(j, status, whole);
    json_object_set_new(j, "lab_clock", member(clock, "lab"));
    json_object_set_new(j, "ahead", member(clock, "ahead"));
    json_object_set_new(
        j, "applications",
        pick_each(json_object_get(status, "applications"),
                  (const char *const[]){"application", "count", "thresholds", NULL}));
    json_object_set_new(j, "host_keys",
                        pick_each(json_object_get(status, "host_keys"),
                                  (const char *const[]){"group", "activated", "lacks", NULL}));
    json_object_set_new(
        j, "ledger",
        pick(json_object_get(status, "ledger"), (const char *const[]){"state", "why", NULL}));
    json_object_set_new(
        j, "directory",
        pick(json_object_get(status, "directory"),
             (const char *const[]){"uri", "state", "why", "server", "forest", "domain", "ad_ds",
                                   "read_only", "schema_version", NULL}));
    json_object_set_new(j, "registry",
                        pick(registry, (const char *const[]){"state", "accounts", "disabled",
                                                             "synced", "why", NULL}));
    json_object_set_new(j, "relay", relay_part(relay));
    return j;
}

/* ---- objects and checks ---- */

/* "none" without a directory. */
static json_t *begin(const json_t *directory)
{
    json_t *j = json_object();

    if (json_is_object(directory))
        copy(j, directory, (const char *const[]){"state", "why", "checked", NULL});
    else
        json_object_set_new(j, "state", json_string("none"));
    return j;
}

static json_t *list(const json_t *directory, const char *name)
{
    json_t *all = json_object_get(directory, name);

    return json_is_array(all) ? json_incref(all) : json_array();
}

json_t *dashboard_objects(const json_t *status)
{
    const json_t *directory = json_object_get(status, "directory");
    json_t *j = begin(directory);

    json_object_set_new(j, "objects", list(directory, "objects"));
    return j;
}

json_t *dashboard_warnings(const json_t *status)
{
    const json_t *directory = json_object_get(status, "directory");
    json_t *j = begin(directory);

    json_object_set_new(j, "checks", list(directory, "checks"));
    return j;
}
