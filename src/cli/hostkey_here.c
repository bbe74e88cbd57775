#include "cli/hostkey_here.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clk.h"
#include "cli/ask.h"
#include "cli/session.h"
#include "cli/state.h"
#include "realm/labkey.h"
#include "realm/secrets.h"
#include "steward/activate.h"

#define HR_SKU_NOT_INSTALLED 0xC004F015u /* the host lacks the licence for such a key */
#define HOST_NAME_MAX_       256

/* ---- which host this is ---- */

enum err here_kind(const struct settings *s, const struct catalog *c, struct kms_hostkind *out,
                   struct errinfo *ei)
{
    *out = (struct kms_hostkind){.updates = (const char *const *)s->updates.v,
                                 .update_count = s->updates.n,
                                 .packs = (const char *const *)s->packs.v,
                                 .pack_count = s->packs.n};
    return kms_hostkind_read(c, s->host_os, out, ei);
}

enum err here_takes(const struct catalog *c, const struct kms_hostkind *kind,
                    const struct cat_group *g, const char *doing, struct errinfo *ei)
{
    struct kms_hosting_verdict v = kms_hostkind_takes(c, kind, g);
    char text[KMS_HOSTING_TEXT_MAX];

    return v.hosting == KMS_HOSTING_OK
               ? ERR_OK
               : err_fail_hr(ei, ERR_REFUSED, HR_SKU_NOT_INSTALLED, "%s host key: %s", doing,
                             kms_hosting_text(&v, kind, text));
}

/* Several KMS ids may want the same for the same product. */
static bool told_before(const struct catalog *c, const struct kms_hostkind *kind,
                        const struct cat_group *g, size_t at, const struct kms_hosting_verdict *v)
{
    for (size_t i = 0; i < at; i++) {
        struct kms_hosting_verdict w = kms_hostkind_serves(c, kind, g, &g->kms_ids[i]);

        if (w.hosting == v->hosting && strcmp(w.what, v->what) == 0)
            return true;
    }
    return false;
}

void here_warn(const struct catalog *c, const struct kms_hostkind *kind, const struct cat_group *g)
{
    for (size_t i = 0; i < g->kms_id_count; i++) {
        struct kms_hosting_verdict v = kms_hostkind_serves(c, kind, g, &g->kms_ids[i]);

        if (v.hosting == KMS_HOSTING_NO_UPDATE && !told_before(c, kind, g, i, &v))
            fprintf(stderr,
                    "%s will be refused (0xC004F042): %s lacks %s. Add it to [kms] updates, then "
                    "uninstall, install and activate this key again.\n",
                    v.what, kind->system, v.missing);
    }
}

/* ---- activating ---- */

static enum err this_host(const struct settings *s, char name[GUID_TEXT_MAX], struct guid *target,
                          struct errinfo *ei)
{
    struct rng rng = rng_system();
    enum err e = state_host(s, &rng, name, ei);

    if (e == ERR_OK)
        *target = iid_host(name);
    return e;
}

static enum err ask_clearing(const struct settings *s, const struct hostkey *k,
                             const struct guid *target, struct installation *i, struct errinfo *ei)
{
    char name[HOST_NAME_MAX_] = "";
    struct clearing_answer a;
    enum err e;

    if (gethostname(name, sizeof(name) - 1) != 0)
        snprintf(name, sizeof(name), "kms-host");
    e = activate_online(s, k, IID_HOST, target, name, &a, ei);
    if (e != ERR_OK)
        return e;
    i->how = INSTALLATION_ONLINE;
    snprintf(i->cid, sizeof(i->cid), "%s", a.cid);
    i->used = a.used;
    i->left = a.left;
    i->hosts_used = a.hosts_used;
    i->hosts_left = a.hosts_left;
    return ERR_OK;
}

/* Puts the activation into *i, in whichever way cid (NULL: not by phone) and settings say. */
static enum err obtain(const struct settings *s, const struct hostkey *k, const struct guid *target,
                       const char *cid, struct installation *i, struct errinfo *ei)
{
    struct iid id;
    enum err e;

    i->used = i->left = i->hosts_used = i->hosts_left = 0;
    i->cid[0] = '\0';
    if (cid == NULL && s->clearing_host != NULL)
        return ask_clearing(s, k, target, i, ei);
    i->how = INSTALLATION_LAB;
    if (cid == NULL)
        return ERR_OK;
    i->how = INSTALLATION_PHONE;
    e = iid_make(IID_HOST, k, target, &id, ei);
    if (e == ERR_OK)
        e = cid_check(cid, &id, k->confirm, ei);
    return e == ERR_OK ? cid_make(&id, k->confirm, i->cid, ei) : e; /* the one way to write it */
}

static enum err activate(const struct settings *s, const struct hostkey *k, const char *cid,
                         int64_t now, struct installation *out, struct errinfo *ei)
{
    char host[GUID_TEXT_MAX];
    struct guid target;
    enum err e = secrets_open(s->state_dir, s->secrets_dir, ei);

    if (e == ERR_OK)
        e = this_host(s, host, &target, ei);
    if (e == ERR_OK)
        e = state_installation(s, k, host, out, ei);
    /* What could not be kept would be spent for nothing. */
    if (e == ERR_OK)
        e = installation_save(s->state_dir, k, host, out, ei);
    if (e == ERR_OK)
        e = obtain(s, k, &target, cid, out, ei);
    out->when = now;
    return e == ERR_OK ? installation_save(s->state_dir, k, host, out, ei) : e;
}

enum err here_activate(const struct settings *s, const struct hostkey *k, int64_t now,
                       struct installation *out, struct errinfo *ei)
{
    return activate(s, k, NULL, now, out, ei);
}

void here_say(const struct settings *s, const struct installation *i)
{
    if (i->how == INSTALLATION_ONLINE)
        fprintf(stderr,
                "Activated online at %s: activation %" PRIu32 " of this host, %" PRIu32
                " left; host %" PRIu32 " of the host key, %" PRIu32 " left.\n",
                s->clearing_host, i->used, i->left, i->hosts_used, i->hosts_left);
    else if (i->how == INSTALLATION_PHONE)
        fputs("Activated by phone: the confirmation ID answers this host's installation ID.\n",
              stderr);
    else if (i->how == INSTALLATION_LAB)
        fputs("Activated in plain lab form: no clearing house is configured ([clearing] host), "
              "nothing was counted.\n",
              stderr);
}

/* ---- adbactl hostkey activate ---- */

static enum err only_one(struct hostkey *keys, size_t n, const char *group, size_t *at,
                         struct errinfo *ei)
{
    if (n == 0)
        return err_fail(ei, ERR_NOTFOUND,
                        "no host key is installed; adbactl hostkey install FILE installs one");
    if (group == NULL) {
        *at = 0;
        return n == 1 ? ERR_OK
                      : err_fail(ei, ERR_USAGE, "%zu host keys are installed: name the group", n);
    }
    for (*at = 0; *at < n; ++*at) {
        if (strcasecmp(keys[*at].group, group) == 0)
            return ERR_OK;
    }
    return err_fail(ei, ERR_NOTFOUND,
                    "no host key is installed for \"%s\"; adbactl hostkey list shows which are",
                    group);
}

/* The installed key of that group (NULL: the only one); the caller frees it. */
static enum err installed_key(const struct settings *s, bool with_private, const char *group,
                              struct hostkey *out, struct errinfo *ei)
{
    struct hostkey *keys = NULL;
    size_t n = 0, at = 0;
    enum err e = state_hostkeys(s, with_private, &keys, &n, ei);

    if (e == ERR_OK)
        e = only_one(keys, n, group, &at, ei);
    for (size_t i = 0; i < n; i++) {
        if (e == ERR_OK && i == at)
            *out = keys[i];
        else
            hostkey_fini(&keys[i]);
    }
    free(keys);
    return e;
}

void here_json(json_t *key, const struct installation *i)
{
    bool active = i->how != INSTALLATION_NOT, counted = i->how == INSTALLATION_ONLINE;
    json_t *updates = json_array();
    char when[CLK_TEXT_MAX];

    for (size_t u = 0; u < i->updates.n; u++)
        json_array_append_new(updates, json_string(i->updates.v[u]));
    json_object_set_new(key, "activated", json_boolean(active));
    json_object_set_new(key, "how",
                        active ? json_string(installation_how_name(i->how)) : json_null());
    json_object_set_new(key, "activated_at",
                        active ? json_string(clk_format(i->when, when)) : json_null());
    json_object_set_new(key, "activations", counted ? json_integer(i->used) : json_null());
    json_object_set_new(key, "activations_left", counted ? json_integer(i->left) : json_null());
    json_object_set_new(key, "hosts", counted ? json_integer(i->hosts_used) : json_null());
    json_object_set_new(key, "hosts_left", counted ? json_integer(i->hosts_left) : json_null());
    json_object_set_new(key, "installed_on",
                        i->host_os != NULL ? json_string(i->host_os) : json_null());
    json_object_set_new(key, "updates", updates);
}

static void report(const struct cli *cli, const struct settings *s, const struct hostkey *k,
                   const struct installation *i)
{
    json_t *j;

    here_say(s, i);
    if (!cli->json) {
        printf("Activated the host key for \"%s\".\n", k->group);
        return;
    }
    j = json_pack("{s:s, s:s, s:s}", "result", "Activated", "group", k->group, "partial_key",
                  k->key + HOSTKEY_TEXT_LEN - 5);
    here_json(j, i);
    cli_json(j);
}

static enum err print_iid(const struct cli *cli, const struct settings *s, const struct hostkey *k,
                          struct errinfo *ei)
{
    char host[GUID_TEXT_MAX], text[IID_TEXT_MAX];
    struct guid target;
    struct iid id;
    enum err e = this_host(s, host, &target, ei);

    if (e == ERR_OK)
        e = iid_make(IID_HOST, k, &target, &id, ei);
    if (e != ERR_OK)
        return e;
    iid_write(&id, text);
    if (cli->json)
        cli_json(
            json_pack("{s:s, s:s, s:s}", "installation_id", text, "group", k->group, "host", host));
    else
        puts(text);
    return ERR_OK;
}

static enum err check_host(const struct settings *s, const struct hostkey *k, struct errinfo *ei)
{
    struct catalog *c = NULL;
    struct kms_hostkind kind;
    const struct cat_group *g;
    enum err e = catalog_load_overlays(s->catalog_dir, &c, ei);

    if (e == ERR_OK)
        e = here_kind(s, c, &kind, ei);
    if (e == ERR_OK && (g = catalog_group(c, k->group)) != NULL)
        e = here_takes(c, &kind, g, "activate", ei);
    catalog_free(c);
    return e;
}

static enum err run(const struct cli *cli, const struct settings *s, const char *group, bool iid,
                    const char *cid, struct errinfo *ei)
{
    struct installation i = {0};
    struct hostkey k = {0};
    int64_t now = 0;
    enum err e = session_now(s, &now, ei);

    if (e == ERR_OK && iid && cid != NULL)
        e = err_fail(ei, ERR_USAGE, "--iid and --cid are two steps: take one at a time");
    if (e == ERR_OK)
        e = installed_key(s, true, group, &k, ei);
    if (e == ERR_OK)
        e = check_host(s, &k, ei);
    if (e == ERR_OK && iid) {
        e = print_iid(cli, s, &k, ei);
    } else if (e == ERR_OK) {
        e = activate(s, &k, cid, now, &i, ei);
        if (e == ERR_OK) {
            report(cli, s, &k, &i);
            ask_reload_hostkeys(s);
        }
    }
    installation_fini(&i);
    hostkey_fini(&k);
    return e;
}

int here_run_activate(struct cli *cli, int argc, char **argv)
{
    bool iid = false;
    const char *cid = NULL;
    const struct opt opts[] = {
        OPT_FLAG_ROW("iid", &iid, "by phone: print the installation ID to read out"),
        OPT_TEXT_ROW("cid", "CID", &cid, "by phone: the confirmation ID that was read back"),
        {0}};
    struct errinfo ei = {0};
    const struct settings *s;
    int status = cli_begin(cli, opts, &argc, argv, 0, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = run(cli, s, argc > 0 ? argv[0] : NULL, iid, cid, &ei);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}

/* ---- adbactl hostkey extend ---- */

static enum err extend(const struct settings *s, const char *what, uint32_t hosts,
                       uint32_t activations, json_t **reply, struct errinfo *ei)
{
    struct hostkey k = {0};
    enum labkey_kind kind;
    enum err e = ERR_OK;

    if (labkey_read(what, &kind, NULL) && kind != LABKEY_HOST)
        return err_fail(ei, ERR_USAGE, "%.40s is a %s: adbactl mak extend", what,
                        labkey_kind_name(kind));
    if (hosts == 0 && activations == 0)
        return err_fail(ei, ERR_USAGE, "extend by what? give --hosts N, --activations N or both");
    if (!hostkey_text_valid(what))
        e = installed_key(s, false, what, &k, ei);
    if (e == ERR_OK)
        e = ask_daemon(s, "clearing.extend",
                       json_pack("{s:s, s:I, s:I}", "key", k.group == NULL ? what : k.key, "hosts",
                                 (json_int_t)hosts, "activations", (json_int_t)activations),
                       reply, ei);
    hostkey_fini(&k);
    return e;
}

int here_run_extend(struct cli *cli, int argc, char **argv)
{
    uint32_t hosts = 0, activations = 0;
    const struct opt opts[] = {{.name = "hosts",
                                .type = OPT_UINT,
                                .metavar = "N",
                                .help = "so many hosts more",
                                .dest = &hosts},
                               {.name = "activations",
                                .type = OPT_UINT,
                                .metavar = "N",
                                .help = "so many activations more for each host",
                                .dest = &activations},
                               {0}};
    struct errinfo ei = {0};
    const struct settings *s;
    json_t *reply = NULL;
    int status = cli_begin(cli, opts, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = extend(s, argv[0], hosts, activations, &reply, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    json_object_del(reply, "ok");
    if (cli->json) {
        cli_json(reply);
        return EXIT_OK;
    }
    printf("Extended: %lld hosts, each up to %lld activations.\n",
           (long long)json_integer_value(json_object_get(reply, "hosts_max")),
           (long long)json_integer_value(json_object_get(reply, "activations_max")));
    json_decref(reply);
    return EXIT_OK;
}
