#include "lab/tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"

#define DEFAULT_MS 120000

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

static void enter(const void *arg)
{
    const struct tool *t = arg;

    if (t->network != NULL && !node_enter_network(t->network))
        _exit(126);
    if (t->in != NULL)
        step_inside(t->in);
}

/* ---- our side ---- */

enum err tool_run(const struct tool *t, int *status, struct errinfo *ei)
{
    char ccache[300], conf[300];
    const char *const env[] = {
        CHILD_PATH, "LC_ALL=C.UTF-8", "HOME=/root", "TDB_NO_FSYNC=1", ccache, conf, NULL};
    const struct child c = {.argv = t->argv,
                            .env = env,
                            .input = t->input,
                            .output = t->output,
                            .timeout_ms = t->timeout_ms != 0 ? t->timeout_ms : DEFAULT_MS,
                            .enter = enter,
                            .arg = t};

    snprintf(ccache, sizeof(ccache), "KRB5CCNAME=%s", t->ccache != NULL ? t->ccache : "MEMORY:");
    snprintf(conf, sizeof(conf), "KRB5_CONFIG=%s",
             t->krb5_conf != NULL ? t->krb5_conf : "/etc/krb5.conf");
    return child_run(&c, status, ei);
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
    if (e == ERR_OK && status == CHILD_MISSING)
        e = err_fail(ei, ERR_NOT_NOW, "%s is not installed", t->argv[0]);
    else if (e == ERR_OK && status != 0)
        e = err_fail(ei, ERR_NOT_NOW, "\"%s %s %s\" ended with code %d: %s", t->argv[0], second,
                     third, status,
                     buf_str(run.output) == NULL ? "" : child_last_line((char *)run.output->data));
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
