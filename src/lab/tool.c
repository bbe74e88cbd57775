#include "lab/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_MS 120000
#define OUTPUT_MAX (1u << 20)
#define PATH_VALUE "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- the child's side ---- */

/* Whoever enters a process namespace is not in it itself; its child is. So this one stays outside
 * and ends as its child does. */
static void step_inside(const struct node *in)
{
    pid_t child;
    int status;

    if (!node_enter(in))
        _exit(126);
    child = fork();
    if (child < 0)
        _exit(126);
    if (child > 0) {
        while (waitpid(child, &status, 0) < 0)
            if (errno != EINTR)
                _exit(126);
        _exit(exit_code(status));
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void __attribute__((noreturn)) become(const struct tool *t, int in, int out)
{
    char ccache[300], conf[300];
    const char *env[8] = {PATH_VALUE, "LC_ALL=C.UTF-8", "HOME=/root", "TDB_NO_FSYNC=1", NULL};
    size_t n = 4;
    sigset_t none;

    snprintf(ccache, sizeof(ccache), "KRB5CCNAME=%s", t->ccache != NULL ? t->ccache : "MEMORY:");
    env[n++] = ccache;
    snprintf(conf, sizeof(conf), "KRB5_CONFIG=%s",
             t->krb5_conf != NULL ? t->krb5_conf : "/etc/krb5.conf");
    env[n++] = conf;
    env[n] = NULL;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid(); /* a program that asks for a password shall not find the terminal */
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    if (t->network != NULL && !node_enter_network(t->network))
        _exit(126);
    if (t->in != NULL)
        step_inside(t->in);
    if (chdir("/") != 0)
        _exit(126);
    execvpe(t->argv[0], (char *const *)(uintptr_t)t->argv, (char *const *)(uintptr_t)env);
    _exit(127);
}

/* ---- our side ---- */

/* A file in memory: as input it can't block us, as output it can't block the program. */
static int scratch(const char *text, struct errinfo *ei)
{
    int fd = memfd_create("adbad-lab", MFD_CLOEXEC);
    size_t len = text == NULL ? 0 : strlen(text);

    if (fd >= 0 && write(fd, text == NULL ? "" : text, len) == (ssize_t)len &&
        lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    err_fail_errno(ei, errno, "make a scratch file");
    if (fd >= 0)
        close(fd);
    return -1;
}

static enum err collect(int fd, struct buf *out, struct errinfo *ei)
{
    off_t size = lseek(fd, 0, SEEK_END);
    size_t want = size < 0 ? 0 : size > OUTPUT_MAX ? OUTPUT_MAX : (size_t)size;
    uint8_t *to = want == 0 ? NULL : buf_grow(out, want);

    if (want == 0)
        return ERR_OK;
    if (to == NULL)
        return err_nomem(ei);
    return pread(fd, to, want, 0) == (ssize_t)want ? ERR_OK
                                                   : err_fail_errno(ei, errno, "read output");
}

static enum err await(pid_t pid, const struct tool *t, int *status, struct errinfo *ei)
{
    struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    int ms = t->timeout_ms != 0 ? t->timeout_ms : DEFAULT_MS, got, raw = 0;

    do
        got = poll(&p, 1, ms);
    while (got < 0 && errno == EINTR);
    if (got != 1)
        kill(pid, SIGKILL); /* our own child, not yet reaped */
    close(p.fd);
    while (waitpid(pid, &raw, 0) < 0 && errno == EINTR)
        ;
    if (got != 1)
        return err_fail(ei, ERR_TIMEOUT, "%s: no end after %d s", t->argv[0], ms / 1000);
    *status = exit_code(raw);
    return ERR_OK;
}

enum err tool_run(const struct tool *t, int *status, struct errinfo *ei)
{
    int in = scratch(t->input, ei), out = in < 0 ? -1 : scratch(NULL, ei);
    enum err e = out < 0 ? ei->code : ERR_OK;
    pid_t pid;

    if (e != ERR_OK)
        goto out;
    pid = fork();
    if (pid == 0)
        become(t, in, out);
    e = pid < 0 ? err_fail_errno(ei, errno, "start %s", t->argv[0]) : await(pid, t, status, ei);
    if (e == ERR_OK && t->output != NULL)
        e = collect(out, t->output, ei);
out:
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return e;
}

static const char *last_line(char *text)
{
    const char *last = "it says nothing";
    char *save = NULL;

    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
        last = line;
    return last;
}

enum err tool_do(const struct tool *t, struct errinfo *ei)
{
    struct buf said = BUF_INIT;
    struct tool run = *t;
    const char *second = t->argv[1] != NULL ? t->argv[1] : "";
    const char *third = second[0] != '\0' && t->argv[2] != NULL ? t->argv[2] : "";
    int status = 0;
    enum err e;

    if (run.output == NULL)
        run.output = &said;
    e = tool_run(&run, &status, ei);
    if (e == ERR_OK && status == 127)
        e = err_fail(ei, ERR_NOT_NOW, "%s is not installed", t->argv[0]);
    else if (e == ERR_OK && status != 0)
        e = err_fail(ei, ERR_NOT_NOW, "\"%s %s %s\" ended with code %d: %s", t->argv[0], second,
                     third, status,
                     buf_str(run.output) == NULL ? "" : last_line((char *)run.output->data));
    buf_wipe(&said);
    return e;
}

/* ---- for the person ---- */

static void apply(const char *const *env)
{
    for (; *env != NULL; env++) {
        const char *equals = strchr(*env, '=');

        if (equals == NULL)
            unsetenv(*env);
        else
            putenv((char *)(uintptr_t)*env);
    }
}

static void __attribute__((noreturn))
become_for_person(const struct node *in, char *const *argv, const char *const *env, const char *cwd)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    apply(env);
    if (chdir(cwd) != 0 && chdir("/") != 0)
        _exit(126);
    execvp(argv[0], argv);
    fprintf(stderr, "adbactl: run %s in node %s: %s\n", argv[0], in->name, strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

/* A program that stops (Ctrl-Z) stops us too, so that the shell outside notices; and goes on with
 * us. */
static int await_person(pid_t child)
{
    int status;

    for (;;) {
        if (waitpid(child, &status, WUNTRACED) < 0) {
            if (errno == EINTR)
                continue;
            return 126;
        }
        if (!WIFSTOPPED(status))
            return exit_code(status);
        raise(SIGSTOP);
        kill(child, SIGCONT);
    }
}

/* One process between: entering changes whoever does it, and that shall not be our caller. */
static void __attribute__((noreturn))
between(const struct node *in, char *const *argv, const char *const *env, const char *cwd)
{
    pid_t child;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!node_enter(in)) {
        fprintf(stderr, "adbactl: enter node %s: %s\n", in->name, strerror(errno));
        _exit(126);
    }
    child = fork();
    if (child == 0)
        become_for_person(in, argv, env, cwd);
    _exit(child < 0 ? 126 : await_person(child));
}

enum err tool_run_for_person(const struct node *in, char *const *argv, const char *const *env,
                             int *status, struct errinfo *ei)
{
    char *cwd = getcwd(NULL, 0);
    pid_t child;

    signal(SIGINT, SIG_IGN); /* the terminal tells all of us; the command decides */
    signal(SIGQUIT, SIG_IGN);
    child = fork();
    if (child == 0)
        between(in, argv, env, cwd != NULL ? cwd : "/");
    free(cwd);
    if (child < 0)
        return err_fail_errno(ei, errno, "start %s", argv[0]);
    *status = await_person(child);
    return ERR_OK;
}
