/* adbactl hostkey: lab host keys (docs/hostkeys.md): issue, install, list, uninstall. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/group.h"
#include "cli/overlay.h"
#include "cli/session.h"
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

static int run_install(struct cli *cli, int argc, char **argv)
{
    bool replace = false;
    const struct opt opts[] = {{.name = "replace",
                                .type = OPT_FLAG,
                                .help = "take the place of the group's key",
                                .dest = &replace},
                               {0}};
    struct errinfo ei = {0};
    const struct settings *s;
    struct bundle b = {0};
    struct hostkey k = {0};
    int64_t now;
    int status = cli_begin(cli, opts, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = session_now(s, &now, &ei);
    if (e == ERR_OK)
        e = bundle_load(s->realm_bundle, &b, &ei);
    if (e == ERR_OK)
        e = hostkey_load(argv[0], &k, &ei);
    if (e == ERR_OK)
        e = hostkey_install(&b, &k, s->state_dir, replace, now, &ei);
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    if (e == ERR_OK) {
        report(cli, &k, s->state_dir, "Installed");
        ask_reload_hostkeys(s);
    }
    hostkey_fini(&k);
    bundle_fini(&b);
    return status;
}

/* ---- list ---- */

static json_t *list_json(const struct hostkey *keys, size_t n)
{
    json_t *list = json_array();
    char issued[CLK_TEXT_MAX], until[CLK_TEXT_MAX];

    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "group", keys[i].group, "partial_key",
                            keys[i].key + HOSTKEY_TEXT_LEN - 5, "pid", keys[i].pid, "issued",
                            clk_format(keys[i].issued, issued), "not_after",
                            clk_format(hostkey_cert_not_after(keys[i].cert), until)));
    return json_pack("{s:o}", "host_keys", list);
}

static void list_table(const struct hostkey *keys, size_t n)
{
    static const char *const headers[] = {"GROUP", "KEY ENDS", "PRODUCT ID", "VALID UNTIL", NULL};
    char until[CLK_TEXT_MAX];
    struct table *t;

    if (n == 0) {
        puts("No host key is installed.");
        return;
    }
    t = table_new(headers);
    for (size_t i = 0; i < n; i++) {
        table_cell(t, "%s", keys[i].group);
        table_cell(t, "%s", keys[i].key + HOSTKEY_TEXT_LEN - 5);
        table_cell(t, "%s", keys[i].pid);
        table_cell(t, "%s", clk_format(hostkey_cert_not_after(keys[i].cert), until));
    }
    table_print(t);
}

static int run_list(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    const struct settings *s;
    struct hostkey *keys = NULL;
    size_t n = 0;
    int status = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = hostkey_installed(s->state_dir, false, &keys, &n, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json)
        cli_json(list_json(keys, n));
    else
        list_table(keys, n);
    for (size_t i = 0; i < n; i++)
        hostkey_fini(&keys[i]);
    free(keys);
    return EXIT_OK;
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
        e = hostkey_uninstall(s->state_dir, argv[0], &ei);
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
     .help = "From then on the KMS host serves the group, and activation objects can be made."},
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
