/* adbactl hostkey: lab host keys (docs/hostkeys.md): issue, install, activate, list,
 * extend, uninstall. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/group.h"
#include "cli/hostkey_here.h"
#include "cli/overlay.h"
#include "cli/session.h"
#include "cli/state.h"
#include "realm/hostkey.h"

static void report(const struct cli *cli, const struct hostkey *k, const char *file,
                   const char *done)
{
    char issued[CLK_TEXT_MAX], until[CLK_TEXT_MAX];
    struct facts *f;

    clk_format(k->issued, issued);
    clk_format(hostkey_cert_not_after(k->cert), until);
    if (cli->json) {
        cli_json(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "result", done, "file", file,
                           "group", k->group, "key", k->key, "pid", k->pid, "issued", issued,
                           "not_after", until));
        return;
    }
    f = facts_new();
    facts_add(f, "Host key", "%s", k->key);
    facts_add(f, "Group", "%s", k->group);
    facts_add(f, "Product id", "%s", k->pid);
    facts_add(f, "Valid until", "%s", until);
    facts_add(f, done, "%s", file);
    facts_print(f);
}

/* ---- issue ---- */

/* A clearing house that runs here notes the key; none need run, and it need not be one. */
static void tell_house(const struct settings *s, const struct hostkey *k)
{
    struct errinfo ei;
    enum err e = ask_daemon(s, "clearing.know",
                            json_pack("{s:s, s:s}", "key", k->key, "group", k->group), NULL, &ei);

    (void)e;
}

static enum err issue(const struct settings *s, const struct cat_group *g, const char *path,
                      struct hostkey *out, struct errinfo *ei)
{
    struct rng rng = rng_system();
    struct realm r = {0};
    int64_t now;
    enum err e = session_now(s, &now, ei);

    if (e == ERR_OK)
        e = realm_open(s->realm_dir, &r, ei);
    if (e == ERR_OK)
        e = hostkey_issue(&r, g->name, now, &rng, out, ei);
    if (e == ERR_OK)
        e = hostkey_write(out, path, ei);
    realm_fini(&r);
    if (e == ERR_OK)
        tell_house(s, out);
    return e;
}

static int run_issue(struct cli *cli, int argc, char **argv)
{
    const char *group = NULL, *path = NULL;
    const struct opt opts[] = {{.name = "group",
                                .type = OPT_STRING,
                                .metavar = "GROUP",
                                .help = "host-key group it is for",
                                .dest = &group},
                               {.name = "out",
                                .type = OPT_STRING,
                                .metavar = "FILE",
                                .help = "package to write (default: <group>.hostkey here)",
                                .dest = &path},
                               {0}};
    char file[HOSTKEY_GROUP_MAX + 16], slug[HOSTKEY_GROUP_MAX + 1];
    struct errinfo ei = {0};
    const struct settings *s;
    const struct cat_group *g = NULL;
    struct catalog *cat = NULL;
    struct hostkey k = {0};
    int status = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = catalog_load_overlays(s->catalog_dir, &cat, &ei);
    if (e == ERR_OK)
        e = group_named(cat, group, &g, &ei);
    if (e == ERR_OK && path == NULL) {
        snprintf(file, sizeof(file), "%s.hostkey", hostkey_slug(g->name, slug));
        path = file;
    }
    if (e == ERR_OK)
        e = issue(s, g, path, &k, &ei);
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    if (e == ERR_OK)
        report(cli, &k, path, "Written");
    hostkey_fini(&k);
    catalog_free(cat);
    return status;
}

/* ---- install ---- */

/* Installs k and keeps which host this was. */
static enum err install(const struct settings *s, const struct catalog *c, const struct hostkey *k,
                        bool replace, int64_t now, struct errinfo *ei)
{
    struct installation i = {.host_os = s->host_os, .updates = s->updates};
    const struct cat_group *g = catalog_group(c, k->group);
    struct kms_hostkind kind;
    struct bundle b = {0};
    enum err e = here_kind(s, c, &kind, ei);

    if (e == ERR_OK && g != NULL)
        e = here_takes(c, &kind, g, "install", ei);
    if (e == ERR_OK)
        e = bundle_load(s->realm_bundle, &b, ei);
    if (e == ERR_OK)
        e = hostkey_install(&b, k, &i, s->state_dir, s->secrets_dir, replace, now, ei);
    if (e == ERR_OK && g != NULL)
        here_warn(c, &kind, g);
    bundle_fini(&b);
    return e;
}

static enum err install_file(struct cli *cli, const struct settings *s, const char *file,
                             bool replace, bool activate, struct errinfo *ei)
{
    struct installation i = {0};
    struct catalog *c = NULL;
    struct hostkey k = {0};
    int64_t now = 0;
    enum err e = session_now(s, &now, ei);

    if (e == ERR_OK)
        e = catalog_load_overlays(s->catalog_dir, &c, ei);
    if (e == ERR_OK)
        e = hostkey_load(file, &k, ei);
    if (e == ERR_OK)
        e = install(s, c, &k, replace, now, ei);
    if (e == ERR_OK) {
        report(cli, &k, s->state_dir, "Installed");
        if (activate)
            e = here_activate(s, &k, now, &i, ei);
        if (e != ERR_OK)
            err_context(ei, "the key is installed, and not activated");
        if (e == ERR_OK && activate)
            here_say(s, &i);
        else if (e == ERR_OK)
            fprintf(stderr, "Not activated yet: run \"adbactl hostkey activate\".\n");
        ask_reload_hostkeys(s);
    }
    installation_fini(&i);
    hostkey_fini(&k);
    catalog_free(c);
    return e;
}

static int run_install(struct cli *cli, int argc, char **argv)
{
    bool replace = false, activate = false;
    const struct opt opts[] = {
        OPT_FLAG_ROW("activate", &activate, "activate it on this host at once"),
        OPT_FLAG_ROW("replace", &replace, "take the place of the group's key"),
        {0}};
    struct errinfo ei = {0};
    const struct settings *s;
    int status = cli_begin(cli, opts, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = install_file(cli, s, argv[0], replace, activate, &ei);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}

/* ---- list ---- */

/* An installed key, and what is kept beside it. */
struct listed {
    struct hostkey *keys;
    struct installation *beside;
    size_t n;
};

static void listed_fini(struct listed *l)
{
    for (size_t i = 0; i < l->n; i++) {
        hostkey_fini(&l->keys[i]);
        if (l->beside != NULL)
            installation_fini(&l->beside[i]);
    }
    free(l->keys);
    free(l->beside);
}

static enum err listed_load(const struct settings *s, struct listed *l, struct errinfo *ei)
{
    char name[GUID_TEXT_MAX];
    const char *host = name;
    enum err e = state_host(s, NULL, name, ei);

    if (e == ERR_NOTFOUND) {
        host = NULL;
        e = ERR_OK;
    }
    if (e == ERR_OK)
        e = state_hostkeys(s, false, &l->keys, &l->n, ei);
    if (e == ERR_OK) {
        l->beside = calloc(l->n + 1, sizeof(*l->beside));
        e = l->beside == NULL ? err_nomem(ei) : ERR_OK;
    }
    for (size_t i = 0; i < l->n && e == ERR_OK; i++)
        e = state_installation(s, &l->keys[i], host, &l->beside[i], ei);
    return e;
}

static json_t *list_json(const struct listed *l)
{
    json_t *list = json_array();
    char issued[CLK_TEXT_MAX], until[CLK_TEXT_MAX];

    for (size_t i = 0; i < l->n; i++) {
        const struct hostkey *k = &l->keys[i];
        json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s}", "group", k->group, "partial_key",
                              k->key + HOSTKEY_TEXT_LEN - 5, "pid", k->pid, "issued",
                              clk_format(k->issued, issued), "not_after",
                              clk_format(hostkey_cert_not_after(k->cert), until));

        here_json(j, &l->beside[i]);
        json_array_append_new(list, j);
    }
    return json_pack("{s:o}", "host_keys", list);
}

static void list_row(struct table *t, const struct hostkey *k, const struct installation *i)
{
    char until[CLK_TEXT_MAX];

    table_cell(t, "%s", k->group);
    table_cell(t, "…%s", k->key + HOSTKEY_TEXT_LEN - 5);
    if (i->how == INSTALLATION_NOT)
        table_cell(t, "not activated");
    else
        table_cell(t, "activated (%s)", installation_how_name(i->how));
    if (i->how == INSTALLATION_ONLINE) {
        table_cell(t, "%" PRIu32 " of %" PRIu32, i->hosts_used, i->hosts_used + i->hosts_left);
        table_cell(t, "%" PRIu32, i->left);
    } else {
        table_cell(t, "-");
        table_cell(t, "-");
    }
    table_cell(t, "%s", k->pid);
    table_cell(t, "%s", clk_format(hostkey_cert_not_after(k->cert), until));
}

static void list_table(const struct listed *l)
{
    static const char *const headers[] = {"GROUP", "KEY",        "STATE",       ">HOSTS",
                                          ">LEFT", "PRODUCT ID", "VALID UNTIL", NULL};
    struct table *t;

    if (l->n == 0) {
        puts("No host key is installed.");
        return;
    }
    t = table_new(headers);
    for (size_t i = 0; i < l->n; i++)
        list_row(t, &l->keys[i], &l->beside[i]);
    table_print(t);
}

static int run_list(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    const struct settings *s;
    struct listed l = {0};
    int status = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = listed_load(s, &l, &ei);
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    if (e == ERR_OK && cli->json)
        cli_json(list_json(&l));
    else if (e == ERR_OK)
        list_table(&l);
    listed_fini(&l);
    return status;
}

/* ---- uninstall ---- */

static int run_uninstall(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    const struct settings *s;
    int status = cli_begin(cli, NULL, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = hostkey_uninstall(s->state_dir, s->secrets_dir, argv[0], &ei);
    if (e == ERR_OK)
        ask_reload_hostkeys(s);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json)
        cli_json(json_pack("{s:s, s:s}", "result", "Uninstalled", "group", argv[0]));
    else
        printf("Uninstalled the host key for \"%s\".\n", argv[0]);
    return EXIT_OK;
}

static const char *family_name(enum cat_family family)
{
    static const char *const names[] = {
        [CAT_CLIENT] = "client", [CAT_SERVER] = "server", [CAT_OFFICE] = "office"};

    return names[family];
}

static void groups_table(const struct cat_group *g, size_t n)
{
    struct table *t = table_new((const char *const[]){"GROUP", "FAMILY", ">KMS IDS", NULL});

    for (size_t i = 0; i < n; i++) {
        table_cell(t, "%s", g[i].name);
        table_cell(t, "%s", family_name(g[i].family));
        table_cell(t, "%zu", g[i].kms_id_count);
    }
    table_print(t);
}

static json_t *groups_json(const struct cat_group *g, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "group", g[i].name, "family",
                                              family_name(g[i].family), "kms_ids",
                                              (json_int_t)g[i].kms_id_count));
    return json_pack("{s:o}", "groups", list);
}

static int run_groups(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    struct catalog *cat = NULL;
    const struct cat_group *groups;
    int status = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;
    size_t n;

    if (status >= 0)
        return status;
    e = cli_catalog(cli, NULL, &cat, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    n = catalog_groups(cat, &groups);
    if (cli->json)
        cli_json(groups_json(groups, n));
    else
        groups_table(groups, n);
    catalog_free(cat);
    return EXIT_OK;
}

const struct cli_command cmd_hostkey[] = {
    {.noun = "hostkey",
     .verb = "issue",
     .usage = "--group GROUP",
     .run = run_issue,
     .summary = "make a lab host key for a key group",
     .help = "Writes a package: the 5x5 key, its certificate and private key. Needs the realm\n"
             "folder. The key is our own kind and no product key of anybody's.\n\n"
             "  adbactl hostkey issue --group \"Volume License for Windows Server 2022\""},
    {.noun = "hostkey",
     .verb = "groups",
     .usage = "",
     .run = run_groups,
     .summary = "list the key groups there are"},
    {.noun = "hostkey",
     .verb = "install",
     .usage = "FILE",
     .run = run_install,
     .summary = "install a package on this host",
     .help =
         "Once it is activated, the KMS host serves the group; activation objects can be made\n"
         "at once. A host whose system ([kms] host_os) may not serve the group refuses the key\n"
         "(0xC004F015). What the host is now counts as long as the key is installed: after an\n"
         "update uninstall, install and activate it again."},
    {.noun = "hostkey",
     .verb = "activate",
     .usage = "[GROUP]",
     .run = here_run_activate,
     .summary = "activate an installed key on this host",
     .help =
         "Online at the clearing house ([clearing] host), or by phone: --iid prints what to read\n"
         "out, --cid takes what is read back. Without a clearing house in plain lab form, which\n"
         "counts nothing. Refused with 0xC004C008 when the key is spent: see hostkey extend."},
    {.noun = "hostkey",
     .verb = "extend",
     .usage = "GROUP|KEY",
     .run = here_run_extend,
     .summary = "raise a key's limits, at the clearing house",
     .help = "Beside the clearing house. A key that is not installed there is named by its 5x5\n"
             "text.\n\n"
             "  adbactl hostkey extend A278V-NCF9C-SGJKB-TYWMG-ZS5XH --hosts 2"},
    {.noun = "hostkey",
     .verb = "list",
     .usage = "",
     .run = run_list,
     .summary = "list what is installed"},
    {.noun = "hostkey",
     .verb = "uninstall",
     .usage = "GROUP",
     .run = run_uninstall,
     .summary = "remove a group's host key from this host",
     .help = "Objects in the directory and licences of clients stay as they are."},
    {0},
};
