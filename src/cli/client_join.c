#include "cli/client_join.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/file.h"
#include "base/rng.h"
#include "ldap/computer.h"
#include "ldap/dir.h"
#include "ldap/machine_key.h"
#include "steward/directory.h"

#define KEYTAB_MAX (64 << 10)

#define REPLICATION_PATIENCE 3 /* times the timeout */
#define REPLICATION_PAUSE_NS 250000000

/* ---- the keytab ---- */

static enum err path_in(const struct folder *f, const char *name, char path[4096],
                        struct errinfo *ei)
{
    if (snprintf(path, 4096, "%s/%s", f->path, name) >= 4096)
        return err_fail(ei, ERR_LIMIT, "machine folder %s: the path is too long", f->path);
    return ERR_OK;
}

enum err join_keytab(const struct folder *f, char path[4096], struct errinfo *ei)
{
    return path_in(f, "keytab", path, ei);
}

enum err join_take_keytab(const struct folder *f, const char *from, struct errinfo *ei)
{
    struct buf keys = BUF_INIT;
    char path[4096];
    enum err e = join_keytab(f, path, ei);

    if (e == ERR_OK)
        e = file_read_private(from, KEYTAB_MAX, &keys, ei);
    if (e == ERR_OK)
        e = file_write_atomic(path, keys.data, keys.len, 0600, ei);
    buf_wipe(&keys);
    return e == ERR_OK ? e : err_context(ei, "keytab");
}

void join_drop_keytab(const struct folder *f)
{
    char path[4096];

    if (join_keytab(f, path, NULL) == ERR_OK)
        unlink(path);
}

/* ---- adcli ---- */

/* The child's part: stdin and stderr are the pipes' ends, and time is limited. */
static void become_adcli(char *const argv[], const int in[2], const int out[2], unsigned seconds)
{
    umask(077);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(out[1], STDERR_FILENO);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    close(out[1]);
    alarm(seconds); /* stays through exec */
    execvp(argv[0], argv);
    _exit(127);
}

/* What adcli said last is what went wrong. */
static void last_line(FILE *from, char line[256])
{
    char text[256];

    line[0] = '\0';
    while (fgets(text, sizeof(text), from) != NULL) {
        text[strcspn(text, "\r\n")] = '\0';
        if (text[0] != '\0')
            memcpy(line, text, sizeof(text));
    }
}

static enum err outcome(int status, const char *said, const char *verb, struct errinfo *ei)
{
    const char *words = strncmp(said, "adcli: ", 7) == 0 ? said + 7 : said;

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ERR_OK;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_fail(ei, ERR_CONFIG,
                        "%s: adcli can't be run; install the package adcli, or give --keytab",
                        verb);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return err_fail(ei, ERR_TIMEOUT, "%s: adcli was not done in time (%s)", verb, words);
    return err_fail(ei, ERR_DENIED, "%s: adcli: %s", verb, words);
}

/* Runs adcli with password on its standard input: nothing secret stands in its arguments. */
static enum err run_adcli(char *const argv[], const struct buf *password, const struct join *j,
                          const char *verb, struct errinfo *ei)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, status = 0;
    char said[256];
    FILE *from;
    pid_t pid;

    if (pipe(in) != 0 || pipe(out) != 0)
        return err_fail_errno(ei, errno, "%s: make a pipe", verb);
    pid = fork();
    if (pid == 0)
        become_adcli(argv, in, out, (unsigned)j->timeout_ms / 1000 * 4 + 1);
    close(in[0]);
    close(out[1]);
    if (pid < 0 || write(in[1], password->data, password->len) != (ssize_t)password->len)
        status = errno;
    close(in[1]);
    from = fdopen(out[0], "r");
    if (pid < 0 || status != 0 || from == NULL)
        return err_fail_errno(ei, status != 0 ? status : errno, "%s: start adcli", verb);
    last_line(from, said);
    fclose(from);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_fail_errno(ei, errno, "%s: wait for adcli", verb);
    return outcome(status, said, verb, ei);
}

/* An option with its value; freed by free_options. */
static bool option(char **argv, size_t *n, const char *name, const char *value)
{
    if (asprintf(&argv[*n], "--%s=%s", name, value) < 0) {
        argv[*n] = NULL;
        return false;
    }
    (*n)++;
    return true;
}

/* ---- the forest guard ---- */

/* Finds the server that the account is made at, and asks it whose forest it is of: making an
 * account, or changing its password, is a write like any other. */
static enum err guard(const struct join *j, char server[256], struct errinfo *ei)
{
    const struct dir_conf conf = {.uri = j->directory,
                                  .mechanism = DIR_ANONYMOUS,
                                  .lab_forest = j->lab_forest,
                                  .timeout_ms = j->timeout_ms,
                                  .domain = j->domain,
                                  .leave_rodc = false,
                                  .find = directory_find,
                                  .find_arg = (void *)(uintptr_t)j->dns};
    struct dir *d = NULL;
    enum err e;

    if (j->lab_forest == NULL)
        return err_fail(ei, ERR_USAGE,
                        "accounts are made, changed and deleted in a lab forest only: name it with "
                        "--lab-forest DNS-NAME");
    e = dir_open(&conf, &d, ei);
    if (e != ERR_OK)
        return e;
    e = dir_guard(d, ei);
    if (e == ERR_OK && (!dir_facts(d)->ad_ds || dir_facts(d)->dns_host_name == NULL))
        e = err_fail(ei, ERR_REFUSED,
                     "%s is not AD DS: make the account by \"adbactl machine add\", and join with "
                     "its password",
                     j->directory);
    if (e == ERR_OK)
        snprintf(server, 256, "%s", dir_facts(d)->dns_host_name);
    dir_close(d);
    return e;
}

/* ---- joining ---- */

static enum err call(const struct folder *f, const struct join *j, const char *verb,
                     const char *keytab, struct errinfo *ei)
{
    const char *name = f->machine.name;
    struct buf password = BUF_INIT;
    char server[256], fqdn[400];
    char *argv[12] = {(char *)(uintptr_t) "adcli", (char *)(uintptr_t)verb,
                      (char *)(uintptr_t) "--stdin-password"};
    size_t n = 3;
    bool ok;
    enum err e = guard(j, server, ei);

    if (e == ERR_OK)
        e = directory_password(j->credential_file, &password, ei);
    if (e != ERR_OK)
        return e;
    snprintf(fqdn, sizeof(fqdn), "%s.%s", name, j->domain);
    for (char *c = fqdn; *c != '\0'; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    ok = option(argv, &n, "domain", j->domain) && option(argv, &n, "domain-controller", server) &&
         option(argv, &n, "login-user", j->login_user);
    if (ok && keytab != NULL)
        ok = option(argv, &n, "host-keytab", keytab) && option(argv, &n, "computer-name", name) &&
             option(argv, &n, "host-fqdn", fqdn);
    else
        ok = ok && (argv[n++] = strdup(name)) != NULL;
    e = ok ? run_adcli(argv, &password, j,
                       keytab != NULL ? "join the domain" : "delete the account", ei)
           : err_nomem(ei);
    for (size_t i = 3; i < n; i++)
        free(argv[i]);
    buf_wipe(&password);
    return e;
}

enum err join_domain(const struct folder *f, const struct join *j, struct errinfo *ei)
{
    char fresh[4096], keytab[4096];
    enum err e = path_in(f, "keytab.new", fresh, ei);

    if (e == ERR_OK)
        e = join_keytab(f, keytab, ei);
    if (e != ERR_OK)
        return e;
    unlink(fresh);
    e = call(f, j, "join", fresh, ei);
    if (e == ERR_OK && (chmod(fresh, 0600) != 0 || rename(fresh, keytab) != 0))
        e = err_fail_errno(ei, errno, "keep the new keytab %s", fresh);
    if (e != ERR_OK)
        unlink(fresh);
    return e;
}

/* ---- one-time passwords ---- */

/* Logs in with the new keytab. libkrb5 may have changed the password at another controller than the
 * one that is asked now, which then hears of it by replication: until that, the key is wrong. */
static enum err open_with_keytab(const struct join *j, const char *keytab, struct dir **d,
                                 struct errinfo *ei)
{
    const struct dir_conf conf = {.uri = j->directory,
                                  .mechanism = DIR_GSSAPI,
                                  .keytab = keytab,
                                  .timeout_ms = j->timeout_ms,
                                  .domain = j->domain,
                                  .find = directory_find,
                                  .find_arg = (void *)(uintptr_t)j->dns};
    const struct timespec pause = {.tv_nsec = REPLICATION_PAUSE_NS};
    int64_t end = clk_uptime_ms() + REPLICATION_PATIENCE * (int64_t)j->timeout_ms;
    enum err e = dir_open(&conf, d, ei);

    while (e == ERR_AUTH && clk_uptime_ms() < end) {
        nanosleep(&pause, NULL);
        e = dir_open(&conf, d, ei);
    }
    return e;
}

/* The login proves the keytab; then the version in it is corrected. */
static enum err confirm(const struct join *j, const char *keytab, struct machine_key *k,
                        struct errinfo *ei)
{
    struct dir *d = NULL;
    enum err e = open_with_keytab(j, keytab, &d, ei);

    if (e == ERR_OK)
        e = computer_key_version(d, k->name, &k->kvno, ei);
    dir_close(d);
    if (e == ERR_OK)
        e = machine_keytab_replace(keytab, k, ei);
    return e == ERR_OK ? e
                       : err_context(ei,
                                     "the account has its new keys, and %s holds them: join again "
                                     "with --keytab instead of the one-time password",
                                     keytab);
}

/* The new keys are kept before they are valid: no crash in between may lose them. */
static enum err exchange(const struct join *j, const char *server, const char *fresh,
                         const char *keytab, const char *present, struct machine_key *k,
                         struct errinfo *ei)
{
    enum err e = machine_keytab_create(fresh, k, ei);

    if (e == ERR_EXISTS)
        return err_context(ei, "an earlier try left keys that may be the account's: join with "
                               "--keytab and that file, or remove it");
    if (e != ERR_OK)
        return e;
    e = machine_change_password(k, present, server, j->timeout_ms, ei);
    if (e == ERR_TIMEOUT || e == ERR_IO)
        return err_context(ei, "if it was changed all the same, its keys are in %s", fresh);
    if (e != ERR_OK) {
        unlink(fresh);
        return e;
    }
    if (rename(fresh, keytab) != 0)
        return err_fail_errno(ei, errno, "keep the new keytab %s", fresh);
    return confirm(j, keytab, k, ei);
}

enum err join_by_one_time(const struct folder *f, const struct join *j, struct errinfo *ei)
{
    char fresh[4096], keytab[4096], server[256], password[MACHINE_PASSWORD_MAX];
    struct machine_key k = {
        .name = f->machine.name, .domain = j->domain, .password = password, .kvno = 1};
    struct rng rng = rng_system();
    struct buf present = BUF_INIT;
    enum err e = path_in(f, "keytab.new", fresh, ei);

    if (e == ERR_OK)
        e = join_keytab(f, keytab, ei);
    if (e == ERR_OK)
        e = guard(j, server, ei);
    if (e == ERR_OK)
        e = directory_password(j->one_time_file, &present, ei);
    if (e == ERR_OK) {
        machine_password(&rng, password);
        e = exchange(j, server, fresh, keytab, buf_str(&present), &k, ei);
        explicit_bzero(password, sizeof(password));
    }
    buf_wipe(&present);
    return e == ERR_OK ? e : err_context(ei, "join %s", j->domain);
}

enum err join_delete(const struct folder *f, const struct join *j, struct errinfo *ei)
{
    return call(f, j, "delete-computer", NULL, ei);
}
