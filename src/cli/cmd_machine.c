/* adbactl machine: computer accounts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "ldap/computer.h"
#include "ldap/machine_key.h"

static enum err open_directory(struct cli *cli, struct dir **out, struct errinfo *ei)
{
    const struct settings *s = NULL;
    enum err e = cli_settings(cli, &s, ei);

    return e == ERR_OK ? session_open(s, out, ei) : e;
}

/* ---- add ---- */

/* What is to be added, and where what must be kept about it goes. */
struct addition {
    const char *password_file, *keytab, *out_dir;
    uint32_t count, first; /* count 0: one machine, of just that name */
    bool one_time;         /* AD DS: a password for a later join, instead of a keytab */
};

/* One account of a lab directory, or of AD DS for whoever joins with this password. The file comes
 * first: a password that could not be kept must not be in use. */
static enum err add_with_password(struct dir *d, const char *name, uint32_t rid, const char *file,
                                  const char *password, struct errinfo *ei)
{
    struct rng rng = rng_system();
    enum err e = ERR_OK;

    if (file != NULL) {
        char line[MACHINE_PASSWORD_MAX + 1];
        int n = snprintf(line, sizeof(line), "%s\n", password);

        e = file_create(file, line, (size_t)n, 0600, ei);
        explicit_bzero(line, sizeof(line));
    }
    if (e != ERR_OK)
        return e;
    e = dir_facts(d)->ad_ds ? computer_create(d, name, password, ei)
                            : computer_add(d, name, password, rid, &rng, ei);
    if (e != ERR_OK && file != NULL)
        unlink(file);
    return e;
}

/* The version of the keys is known only after the account is there; the keys themselves log in
 * whatever it says. */
static enum err add_with_keytab(struct dir *d, const char *name, const char *file,
                                const char *password, struct errinfo *ei)
{
    struct machine_key k = {
        .name = name, .domain = dir_facts(d)->domain, .password = password, .kvno = 1};
    enum err e = machine_keytab_create(file, &k, ei);

    if (e != ERR_OK)
        return e;
    e = computer_create(d, name, password, ei);
    if (e != ERR_OK) {
        unlink(file);
        return e;
    }
    e = computer_key_version(d, name, &k.kvno, ei);
    if (e == ERR_OK && k.kvno != 1)
        e = machine_keytab_replace(file, &k, ei);
    return e == ERR_OK ? e
                       : err_context(ei,
                                     "machine %s was added and %s holds its keys, but not their "
                                     "version",
                                     name, file);
}

/* keytab or file (a password's), as a says; password is given back for showing it. */
static enum err add_one(struct dir *d, const struct addition *a, const char *name, uint32_t rid,
                        const char *file, char password[MACHINE_PASSWORD_MAX], struct errinfo *ei)
{
    struct rng rng = rng_system();
    enum err e = computer_check_name(name, ei);

    if (e != ERR_OK)
        return e;
    machine_password(&rng, password);
    if (dir_facts(d)->ad_ds && !a->one_time)
        return add_with_keytab(d, name, file, password, ei);
    return add_with_password(d, name, rid, file, password, ei);
}

static enum err reserve(struct dir *d, uint32_t count, uint32_t *rid, struct errinfo *ei)
{
    if (dir_facts(d)->ad_ds) /* it numbers them itself */
        return dir_ready_to_write(d, ei);
    return computer_reserve_rids(d, count, rid, ei);
}

static void tell_added(struct cli *cli, const struct addition *a, const char *name,
                       const char *password)
{
    const char *file = a->keytab != NULL ? a->keytab : a->password_file;
    const char *key = a->keytab != NULL ? "keytab" : file != NULL ? "password_file" : "password";

    if (cli->json)
        cli_json(json_pack("{s:s, s:s+, s:s}", "name", name, "account", name, "$", key,
                           file != NULL ? file : password));
    else if (file != NULL)
        printf("Machine %s added; its %s is in %s.\n", name,
               a->keytab != NULL ? "keytab" : "password", file);
    else
        printf("Machine %s added. Its password, shown this once: %s\n", name, password);
}

static enum err add_single(struct cli *cli, struct dir *d, const struct addition *a,
                           const char *name, struct errinfo *ei)
{
    char password[MACHINE_PASSWORD_MAX];
    uint32_t rid = 0;
    enum err e = computer_check_name(name, ei);

    if (e == ERR_OK)
        e = reserve(d, 1, &rid, ei);
    if (e == ERR_OK)
        e = add_one(d, a, name, rid, a->keytab != NULL ? a->keytab : a->password_file, password,
                    ei);
    if (e != ERR_OK)
        return e;
    tell_added(cli, a, name, password);
    explicit_bzero(password, sizeof(password));
    return ERR_OK;
}

static enum err make_out_dir(const char *path, struct errinfo *ei)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_fail_errno(ei, errno, "create folder %s", path);
    return file_require_private(path, ei);
}

static unsigned digits_of(uint32_t n)
{
    unsigned digits = 1;

    while (n >= 10) {
        n /= 10;
        digits++;
    }
    return digits < 3 ? 3 : digits;
}

static enum err add_many(struct cli *cli, struct dir *d, const struct addition *a,
                         const char *prefix, struct errinfo *ei)
{
    const char *kind = dir_facts(d)->ad_ds && !a->one_time ? "keytab" : "password";
    unsigned width = digits_of(a->first + a->count - 1);
    uint32_t rid = 0, done = 0;
    enum err e = make_out_dir(a->out_dir, ei);

    if (e == ERR_OK)
        e = reserve(d, a->count, &rid, ei);
    for (uint32_t i = 0; e == ERR_OK && i < a->count; i++) {
        char password[MACHINE_PASSWORD_MAX], *name = NULL, *file = NULL;

        if (asprintf(&name, "%s%0*u", prefix, (int)width, a->first + i) < 0 ||
            asprintf(&file, "%s/%s.%s", a->out_dir, name, kind) < 0)
            abort();
        e = add_one(d, a, name, rid + i, file, password, ei);
        explicit_bzero(password, sizeof(password));
        free(name);
        free(file);
        done += e == ERR_OK;
    }
    if (e != ERR_OK)
        return done == 0 ? e : err_context(ei, "%u of %u machines were added", done, a->count);
    if (cli->json)
        cli_json(json_pack("{s:i, s:s}", "added", (int)a->count, "out_dir", a->out_dir));
    else
        printf("%u machines added; their %ss are in %s.\n", a->count, kind, a->out_dir);
    return ERR_OK;
}

static enum err check_add(const struct addition *a, struct errinfo *ei)
{
    if (a->count == 0 && a->out_dir != NULL)
        return err_fail(ei, ERR_USAGE,
                        "--out-dir goes with --count; for one machine give "
                        "--password-file, or --keytab on AD DS");
    if (a->count != 0 && (a->out_dir == NULL || a->password_file != NULL || a->keytab != NULL))
        return err_fail(ei, ERR_USAGE,
                        "--count needs --out-dir DIR for the passwords or keytabs, one file "
                        "for each machine, and takes no --password-file or --keytab");
    if (a->keytab != NULL && (a->password_file != NULL || a->one_time))
        return err_fail(ei, ERR_USAGE,
                        "--keytab is for a machine without a password of which anybody knows; it "
                        "goes with neither --password-file nor --one-time");
    return ERR_OK;
}

/* What only the directory can tell: which kind of account it has. */
static enum err check_kind(const struct settings *s, struct dir *d, const struct addition *a,
                           struct errinfo *ei)
{
    if (!dir_facts(d)->ad_ds && (a->keytab != NULL || a->one_time))
        return err_fail(ei, ERR_USAGE,
                        "--keytab and --one-time are for AD DS; a lab directory's machines log in "
                        "with the password of --password-file");
    if (!dir_facts(d)->ad_ds)
        return ERR_OK;
    if (s->dir_mechanism == SET_MECH_NONE) /* and nobody's session would be protected */
        return err_fail(ei, ERR_REFUSED,
                        "machine accounts on AD DS need a protected session; set mechanism = "
                        "gssapi in section [directory]");
    if (a->count == 0 && a->keytab == NULL && !a->one_time)
        return err_fail(ei, ERR_USAGE,
                        "on AD DS give --keytab FILE for the machine's keys, or --one-time for a "
                        "password that it joins with");
    return ERR_OK;
}

static int run_add(struct cli *cli, int argc, char **argv)
{
    struct addition a = {.first = 1};
    const struct opt opts[] = {
        OPT_TEXT_ROW("password-file", "FILE", &a.password_file,
                     "write the password to a new file (mode 0600)"),
        OPT_TEXT_ROW("keytab", "FILE", &a.keytab,
                     "AD DS: write the account's keys to a new file (mode 0600)"),
        OPT_FLAG_ROW("one-time", &a.one_time, "AD DS: no keytab, but a password for one join"),
        OPT_UINT_ROW("count", "N", &a.count, 1, 100000,
                     "add N machines: NAME001, NAME002 and so on"),
        OPT_UINT_ROW("first", "N", &a.first, 1, 900000,
                     "with --count: the first number (default: 1)"),
        OPT_TEXT_ROW("out-dir", "DIR", &a.out_dir,
                     "with --count: folder for NAME001.password (AD DS: .keytab) and so on"),
        {0},
    };
    const struct settings *s = NULL;
    struct errinfo ei = {0};
    struct dir *d = NULL;
    int status = cli_begin(cli, opts, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = check_add(&a, &ei);
    if (e == ERR_OK)
        e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = session_open(s, &d, &ei);
    if (e == ERR_OK)
        e = check_kind(s, d, &a, &ei);
    if (e == ERR_OK)
        e = a.count == 0 ? add_single(cli, d, &a, argv[0], &ei)
                         : add_many(cli, d, &a, argv[0], &ei);
    dir_close(d);
    return e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
}

/* ---- disable, enable, remove ---- */

static int set_enabled(struct cli *cli, int argc, char **argv, bool enabled)
{
    struct errinfo ei = {0};
    struct dir *d = NULL;
    bool changed = false;
    int status = cli_begin(cli, NULL, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = open_directory(cli, &d, &ei);
    if (e == ERR_OK)
        e = computer_enable(d, argv[0], enabled, &changed, &ei);
    dir_close(d);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json)
        cli_json(
            json_pack("{s:s, s:b, s:b}", "name", argv[0], "enabled", enabled, "changed", changed));
    else
        printf("Machine %s %s %s.\n", argv[0], changed ? "is now" : "was already",
               enabled ? "enabled" : "disabled: it can't log in");
    return EXIT_OK;
}

static int run_disable(struct cli *cli, int argc, char **argv)
{
    return set_enabled(cli, argc, argv, false);
}

static int run_enable(struct cli *cli, int argc, char **argv)
{
    return set_enabled(cli, argc, argv, true);
}

static int run_remove(struct cli *cli, int argc, char **argv)
{
    const struct opt opts[] = {CLI_YES_ROW(cli), {0}};
    struct errinfo ei = {0};
    struct dir *d = NULL;
    char question[96];
    int status = cli_begin(cli, opts, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    snprintf(question, sizeof(question), "Remove the account of machine %s?", argv[0]);
    if (!cli_confirm(cli, question))
        return EXIT_REFUSED;
    e = open_directory(cli, &d, &ei);
    if (e == ERR_OK)
        e = computer_remove(d, argv[0], &ei);
    dir_close(d);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json)
        cli_json(json_pack("{s:s, s:b}", "name", argv[0], "removed", 1));
    else
        printf("Machine %s removed.\n", argv[0]);
    return EXIT_OK;
}

/* ---- list ---- */

struct listing {
    json_t *array;       /* with --json */
    struct table *table; /* else */
    size_t n;
};

static enum err list_one(void *arg, const struct computer *c, struct errinfo *ei)
{
    struct listing *l = arg;
    char guid[GUID_TEXT_MAX];

    (void)ei;
    l->n++;
    if (l->array != NULL) {
        json_array_append_new(l->array, json_pack("{s:s, s:b, s:s?, s:s?, s:s, s:s}", "name",
                                                  c->name, "enabled", c->enabled, "dns_host_name",
                                                  c->dns_host_name, "sid", c->sid, "guid",
                                                  guid_format(&c->guid, guid), "dn", c->dn));
        return ERR_OK;
    }
    table_cell(l->table, "%s", c->name);
    table_cell(l->table, "%s", c->enabled ? "enabled" : "disabled");
    table_cell(l->table, "%s", c->dns_host_name != NULL ? c->dns_host_name : "-");
    table_cell(l->table, "%s", c->dn);
    return ERR_OK;
}

static int run_list(struct cli *cli, int argc, char **argv)
{
    static const char *const headers[] = {"NAME", "STATE", "DNS NAME", "DN", NULL};
    struct listing l = {0};
    struct errinfo ei = {0};
    struct dir *d = NULL;
    int status = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    if (cli->json)
        l.array = json_array();
    else
        l.table = table_new(headers);
    e = open_directory(cli, &d, &ei);
    if (e == ERR_OK)
        e = computer_each(d, list_one, &l, &ei);
    dir_close(d);
    if (e != ERR_OK) {
        json_decref(l.array);
        table_free(l.table);
        return cli_fail(cli, e, &ei);
    }
    if (l.array != NULL) {
        cli_json(json_pack("{s:o}", "machines", l.array));
    } else if (l.n > 0) {
        table_print(l.table);
    } else {
        table_free(l.table);
        puts("No machine accounts.");
    }
    return EXIT_OK;
}

const struct cli_command cmd_machine[] = {
    {.noun = "machine",
     .verb = "add",
     .usage = "NAME",
     .run = run_add,
     .summary = "add a computer account",
     .help =
         "In a lab directory the account gets a random password, which is written to\n"
         "--password-file or shown once. On AD DS its keys go to a keytab, or with --one-time it\n"
         "gets a password that \"adbaclient join --one-time-password-file\" exchanges for keys of\n"
         "its own.\n\n"
         "  adbactl machine add PC01 --password-file pc01.password\n"
         "  adbactl machine add PC --count 60 --out-dir passwords\n"
         "  adbactl machine add PC01 --keytab pc01.keytab\n"
         "  adbactl machine add PC02 --one-time --password-file pc02.password"},
    {.noun = "machine",
     .verb = "list",
     .usage = "",
     .run = run_list,
     .summary = "list computer accounts"},
    {.noun = "machine",
     .verb = "disable",
     .usage = "NAME",
     .run = run_disable,
     .summary = "disable a computer account: it can't log in any more"},
    {.noun = "machine",
     .verb = "enable",
     .usage = "NAME",
     .run = run_enable,
     .summary = "enable a disabled computer account"},
    {.noun = "machine",
     .verb = "remove",
     .usage = "NAME",
     .run = run_remove,
     .summary = "remove a computer account",
     .help = "Asks first; --yes answers."},
    {0},
};
