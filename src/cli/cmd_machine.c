/* adbactl machine: computer accounts in the lab directory. */
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

#define PASSWORD_BYTES 24
#define PASSWORD_TEXT  (2 * PASSWORD_BYTES + 2)

static enum err open_directory(struct cli *cli, struct dir **out, struct errinfo *ei)
{
    const struct settings *s = NULL;
    enum err e = cli_settings(cli, &s, ei);

    return e == ERR_OK ? session_open(s, out, ei) : e;
}

/* ---- add ---- */

static void make_password(const struct rng *rng, char text[PASSWORD_TEXT])
{
    uint8_t random[PASSWORD_BYTES];

    rng_fill(rng, random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(text + 2 * i, 3, "%02x", random[i]);
    explicit_bzero(random, sizeof(random));
}

/* One account. The file comes first: a password that could not be kept must not be in use. */
static enum err add_one(struct dir *d, const char *name, uint32_t rid, const char *file,
                        char password[PASSWORD_TEXT], struct errinfo *ei)
{
    struct rng rng = rng_system();
    enum err e = computer_check_name(name, ei);

    if (e != ERR_OK)
        return e;
    make_password(&rng, password);
    if (file != NULL) {
        char line[PASSWORD_TEXT + 1];
        int n = snprintf(line, sizeof(line), "%s\n", password);

        e = file_create(file, line, (size_t)n, 0600, ei);
        explicit_bzero(line, sizeof(line));
    }
    if (e != ERR_OK)
        return e;
    e = computer_add(d, name, password, rid, &rng, ei);
    if (e != ERR_OK && file != NULL)
        unlink(file);
    return e;
}

static enum err add_single(struct cli *cli, struct dir *d, const char *name, const char *file,
                           struct errinfo *ei)
{
    char password[PASSWORD_TEXT];
    uint32_t rid = 0;
    enum err e = computer_check_name(name, ei);

    if (e == ERR_OK)
        e = computer_reserve_rids(d, 1, &rid, ei);
    if (e == ERR_OK)
        e = add_one(d, name, rid, file, password, ei);
    if (e != ERR_OK)
        return e;
    if (cli->json)
        cli_json(json_pack("{s:s, s:s+, s:s}", "name", name, "account", name, "$",
                           file != NULL ? "password_file" : "password",
                           file != NULL ? file : password));
    else if (file != NULL)
        printf("Machine %s added; its password is in %s.\n", name, file);
    else
        printf("Machine %s added. Its password, shown this once: %s\n", name, password);
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

static enum err add_many(struct cli *cli, struct dir *d, const char *prefix, uint32_t first,
                         uint32_t count, const char *out_dir, struct errinfo *ei)
{
    unsigned width = digits_of(first + count - 1);
    uint32_t rid = 0, done = 0;
    enum err e = make_out_dir(out_dir, ei);

    if (e == ERR_OK)
        e = computer_reserve_rids(d, count, &rid, ei);
    for (uint32_t i = 0; e == ERR_OK && i < count; i++) {
        char password[PASSWORD_TEXT], *name = NULL, *file = NULL;

        if (asprintf(&name, "%s%0*u", prefix, (int)width, first + i) < 0 ||
            asprintf(&file, "%s/%s.password", out_dir, name) < 0)
            abort();
        e = add_one(d, name, rid + i, file, password, ei);
        explicit_bzero(password, sizeof(password));
        free(name);
        free(file);
        done += e == ERR_OK;
    }
    if (e != ERR_OK)
        return done == 0 ? e : err_context(ei, "%u of %u machines were added", done, count);
    if (cli->json)
        cli_json(json_pack("{s:i, s:s}", "added", (int)count, "out_dir", out_dir));
    else
        printf("%u machines added; their passwords are in %s.\n", count, out_dir);
    return ERR_OK;
}

static enum err check_add(const char *password_file, const char *out_dir, uint32_t count,
                          struct errinfo *ei)
{
    if (count == 0 && out_dir != NULL)
        return err_fail(ei, ERR_USAGE,
                        "--out-dir goes with --count; for one machine give "
                        "--password-file");
    if (count != 0 && (out_dir == NULL || password_file != NULL))
        return err_fail(ei, ERR_USAGE,
                        "--count needs --out-dir DIR for the passwords, one file "
                        "for each machine, and takes no --password-file");
    return ERR_OK;
}

static int run_add(struct cli *cli, int argc, char **argv)
{
    const char *password_file = NULL, *out_dir = NULL;
    uint32_t count = 0, first = 1;
    const struct opt opts[] = {
        {"password-file", OPT_STRING, "FILE", "write the password to a new file (mode 0600)",
         &password_file, 0, 0},
        {"count", OPT_UINT, "N", "add N machines: NAME001, NAME002 and so on", &count, 1, 100000},
        {"first", OPT_UINT, "N", "with --count: the first number (default: 1)", &first, 1, 900000},
        {"out-dir", OPT_STRING, "DIR", "with --count: folder for NAME001.password and so on",
         &out_dir, 0, 0},
        {0},
    };
    struct errinfo ei = {0};
    struct dir *d = NULL;
    int status = cli_begin(cli, opts, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = check_add(password_file, out_dir, count, &ei);
    if (e == ERR_OK)
        e = open_directory(cli, &d, &ei);
    if (e == ERR_OK)
        e = count == 0 ? add_single(cli, d, argv[0], password_file, &ei)
                       : add_many(cli, d, argv[0], first, count, out_dir, &ei);
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
    struct errinfo ei = {0};
    struct dir *d = NULL;
    char question[96];
    int status = cli_begin(cli, NULL, &argc, argv, 1, 1);
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
    {"machine", "add", "NAME", "add a computer account to the lab directory",
     "The account gets a random password, which is written to --password-file or shown once.\n\n"
     "  adbactl machine add PC01 --password-file pc01.password\n"
     "  adbactl machine add PC --count 60 --out-dir passwords",
     run_add, false},
    {"machine", "list", "", "list computer accounts", NULL, run_list, false},
    {"machine", "disable", "NAME", "disable a computer account: it can't log in any more", NULL,
     run_disable, false},
    {"machine", "enable", "NAME", "enable a disabled computer account", NULL, run_enable, false},
    {"machine", "remove", "NAME", "remove a computer account", NULL, run_remove, false},
    {0},
};
