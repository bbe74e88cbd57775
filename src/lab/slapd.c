#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/file.h"
#include "lab/internal.h"

#define START_MS 15000
#define STOP_MS  10000
#define POLL_MS  10

/* slapd keeps this file locked while it lives: it inherits the descriptor. */
#define LIFE_LOCK "slapd.lock"

/* ---- is it running? ---- */

static enum err open_life_lock(const struct lab *l, int *fd, struct errinfo *ei)
{
    char *path = lab_path(l, LIFE_LOCK);
    enum err e = ERR_OK;

    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        e = err_fail_errno(ei, errno, "open %s", path);
    free(path);
    return e;
}

/* A lock of the open file description: passed on by fork and exec, and looking takes nothing. */
static bool life_lock_is_held(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

static pid_t read_pid(const struct lab *l)
{
    char *path = lab_path(l, "slapd.pid");
    struct buf text = BUF_INIT;
    struct errinfo ignored;
    long pid = 0;

    if (file_read(path, 32, &text, &ignored) == ERR_OK && buf_str(&text) != NULL)
        pid = strtol(buf_str(&text), NULL, 10);
    buf_fini(&text);
    free(path);
    return pid > 1 && pid < INT32_MAX ? (pid_t)pid : 0;
}

static bool runs_slapd(pid_t pid)
{
    char link[32], exe[256];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
    n = readlink(link, exe, sizeof(exe) - 1);
    if (n <= 0)
        return false;
    exe[n] = '\0';
    /* " (deleted)" follows when the package was upgraded meanwhile. */
    return strncmp(basename(exe), "slapd", 5) == 0 && strchr("\0 ", basename(exe)[5]) != NULL;
}

/* Does its command line name our configuration file? Arguments end with a NUL each. */
static bool serves(pid_t pid, const struct lab *l)
{
    char path[32];
    char *conf = lab_path(l, "slapd.conf");
    struct buf args = BUF_INIT;
    struct errinfo ignored;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    if (file_read(path, 65536, &args, &ignored) == ERR_OK && buf_str(&args) != NULL)
        for (size_t i = 0; i < args.len && !found; i += strlen((char *)args.data + i) + 1)
            found = strcmp((char *)args.data + i, conf) == 0;
    buf_fini(&args);
    free(conf);
    return found;
}

enum err lab_find_slapd(struct lab *l, struct errinfo *ei)
{
    int fd = -1;
    pid_t pid = read_pid(l);
    enum err e = open_life_lock(l, &fd, ei);

    l->pid = 0;
    if (e == ERR_OK && life_lock_is_held(fd)) {
        if (pid != 0 && runs_slapd(pid) && serves(pid, l))
            l->pid = pid;
        else
            e = err_fail(ei, ERR_BUSY,
                         "a slapd of %s runs, but slapd.pid does not name it; find it with "
                         "\"fuser %s/" LIFE_LOCK "\" and stop it",
                         l->dir, l->dir);
    }
    if (fd >= 0)
        close(fd);
    return e;
}

/* ---- start ---- */

static const char *find_program(void)
{
    static const char *const places[] = {"/usr/sbin/slapd", "/usr/libexec/slapd",
                                         "/usr/local/libexec/slapd", "/usr/lib/openldap/slapd"};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

/* Asked beforehand for the sake of the message; slapd itself has the last word. */
static enum err check_port(uint32_t port, struct errinfo *ei)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd, on = 1;
    enum err e = ERR_OK;

    if (port == 0)
        return ERR_OK;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_fail_errno(ei, errno, "try port %u", port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 && errno == EADDRINUSE)
        e = err_fail(ei, ERR_BUSY,
                     "port %u on 127.0.0.1 is in use by another program; choose another with "
                     "--ldap-port",
                     port);
    close(fd);
    return e;
}

static void __attribute__((noreturn))
become_slapd(const char *program, const char *conf, const char *urls, int log)
{
    char *const argv[] = {
        (char *)"slapd",         (char *)"-f", (char *)(uintptr_t)conf, (char *)"-h",
        (char *)(uintptr_t)urls, (char *)"-d", (char *)"stats,none",    NULL};
    char *const envp[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LDAPNOINIT=1",
                          NULL};
    int null = open("/dev/null", O_RDONLY);
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 || chdir("/") != 0)
        _exit(126);
    execve(program, argv, envp);
    _exit(127);
}

static enum err spawn(struct lab *l, const char *program, int life, struct errinfo *ei)
{
    char *conf = lab_path(l, "slapd.conf"), *log_path = lab_path(l, "slapd.log");
    char *urls = NULL;
    int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    enum err e = ERR_OK;

    if (log < 0) {
        e = err_fail_errno(ei, errno, "open %s", log_path);
        goto out;
    }
    if ((l->ldap_port == 0 ? asprintf(&urls, "%s", l->uri)
                           : asprintf(&urls, "%s ldap://127.0.0.1:%u", l->uri, l->ldap_port)) < 0)
        abort();
    l->pid = fork();
    if (l->pid == 0) {
        fcntl(life, F_SETFD, 0); /* the lock lives as long as slapd */
        become_slapd(program, conf, urls, log);
    }
    if (l->pid < 0) {
        l->pid = 0;
        e = err_fail_errno(ei, errno, "start %s", program);
    }
out:
    if (log >= 0)
        close(log);
    free(urls);
    free(conf);
    free(log_path);
    return e;
}

/* The last lines of slapd's log that are not its farewell, for the error text. */
static enum err fail_started(const struct lab *l, int status, struct errinfo *ei)
{
    char *path = lab_path(l, "slapd.log");
    struct buf text = BUF_INIT;
    struct errinfo ignored;
    const char *why = "";
    char *save = NULL;
    enum err e;

    if (file_read(path, 1 << 20, &text, &ignored) == ERR_OK && buf_str(&text) != NULL)
        for (char *line = strtok_r((char *)text.data, "\n", &save); line != NULL;
             line = strtok_r(NULL, "\n", &save))
            if (strstr(line, "slapd stopped") == NULL &&
                strstr(line, "nothing to destroy") == NULL && line[0] != '\t')
                why = line;
    e = err_fail(ei, ERR_NOT_NOW, "slapd ended at once with status %d; %s says: %s",
                 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), path, why);
    buf_fini(&text);
    free(path);
    return e;
}

static enum err wait_until_it_answers(struct lab *l, struct errinfo *ei)
{
    int64_t deadline = clk_uptime_ms() + START_MS;

    for (;;) {
        struct dir *d = NULL;
        int status;
        enum err e;

        if (waitpid(l->pid, &status, WNOHANG) == l->pid) {
            l->pid = 0;
            return fail_started(l, status, ei);
        }
        e = lab_open_dir(l, 2000, &d, ei);
        if (e == ERR_OK) {
            dir_close(d);
            return ERR_OK;
        }
        if ((e != ERR_UNREACHABLE && e != ERR_TIMEOUT) || clk_uptime_ms() > deadline)
            return err_context(ei, "wait for the lab's slapd");
        poll(NULL, 0, POLL_MS);
    }
}

enum err lab_start_slapd(struct lab *l, struct errinfo *ei)
{
    const char *program = find_program();
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int life = -1;
    enum err e;

    if (program == NULL)
        return err_fail(ei, ERR_NOT_NOW,
                        "start the lab directory: OpenLDAP's slapd is not installed; install the "
                        "packages slapd and libsasl2-modules");
    e = check_port(l->ldap_port, ei);
    if (e == ERR_OK)
        e = open_life_lock(l, &life, ei);
    if (e == ERR_OK && fcntl(life, F_OFD_SETLK, &lock) != 0)
        e = err_fail(ei, ERR_BUSY, "a slapd of %s runs already", l->dir);
    if (e == ERR_OK)
        e = spawn(l, program, life, ei);
    if (life >= 0)
        close(life);
    if (e == ERR_OK)
        e = wait_until_it_answers(l, ei);
    if (e != ERR_OK && l->pid != 0) {
        kill(l->pid, SIGKILL); /* our own child, not yet reaped: the number is surely its */
        waitpid(l->pid, NULL, 0);
        l->pid = 0;
    }
    return e;
}

/* ---- stop ---- */

static int open_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool signal_and_wait(int pidfd, int sig, int timeout_ms)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) == 0 && poll(&p, 1, timeout_ms) == 1;
}

enum err lab_stop_slapd(struct lab *l, struct errinfo *ei)
{
    int pidfd = open_pidfd(l->pid);
    char *pid_path, *socket_path;

    if (pidfd < 0 && errno != ESRCH)
        return err_fail_errno(ei, errno, "stop slapd (process %d)", (int)l->pid);
    /* The handle keeps the number from meaning another process while we look. */
    if (pidfd >= 0 && runs_slapd(l->pid) && serves(l->pid, l) &&
        !signal_and_wait(pidfd, SIGTERM, STOP_MS) && !signal_and_wait(pidfd, SIGKILL, STOP_MS)) {
        close(pidfd);
        return err_fail(ei, ERR_TIMEOUT, "stop slapd (process %d): it does not end", (int)l->pid);
    }
    if (pidfd >= 0)
        close(pidfd);
    pid_path = lab_path(l, "slapd.pid");
    socket_path = lab_path(l, "ldapi");
    unlink(pid_path);
    unlink(socket_path);
    free(pid_path);
    free(socket_path);
    l->pid = 0;
    return ERR_OK;
}
