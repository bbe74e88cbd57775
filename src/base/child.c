#include "base/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX (1u << 20)

static int exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void __attribute__((noreturn)) become(const struct child *c, int in, int out)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid(); /* a program that asks for a password shall not find the terminal */
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    if (c->enter != NULL)
        c->enter(c->arg);
    if (chdir("/") != 0)
        _exit(126);
    close_range(3, ~0U, 0); /* nothing of ours but these three */
    execvpe(c->argv[0], (char *const *)(uintptr_t)c->argv, (char *const *)(uintptr_t)c->env);
    _exit(CHILD_MISSING);
}

/* A file in memory: as input it can't block us, as output it can't block the program. */
static int scratch(const char *text, struct errinfo *ei)
{
    int fd = memfd_create("adbad", MFD_CLOEXEC);
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

static enum err reap(pid_t pid, const struct child *c, int *status, struct errinfo *ei)
{
    int raw = 0;
    pid_t got;

    do
        got = waitpid(pid, &raw, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_fail_errno(ei, errno, "learn how %s ended", c->argv[0]);
    *status = exit_code(raw);
    return ERR_OK;
}

static enum err await(pid_t pid, const struct child *c, int *status, struct errinfo *ei)
{
    struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    int got, errnum = errno;
    enum err e;

    if (p.fd < 0) { /* without a watch nothing would end it in time */
        kill(pid, SIGKILL);
        (void)!reap(pid, c, status, NULL);
        return err_fail_errno(ei, errnum, "watch %s", c->argv[0]);
    }
    do
        got = poll(&p, 1, c->timeout_ms);
    while (got < 0 && errno == EINTR);
    if (got != 1)
        kill(pid, SIGKILL); /* our own child, not yet reaped */
    close(p.fd);
    e = reap(pid, c, status, ei);
    if (got != 1)
        return err_fail(ei, ERR_TIMEOUT, "%s: no end after %d s", c->argv[0], c->timeout_ms / 1000);
    return e;
}

enum err child_run(const struct child *c, int *status, struct errinfo *ei)
{
    struct errinfo mine;
    int in = scratch(c->input, &mine), out = in < 0 ? -1 : scratch(NULL, &mine);
    enum err e = out < 0 ? mine.code : ERR_OK;
    pid_t pid;

    if (e != ERR_OK) {
        if (ei != NULL)
            *ei = mine;
        goto out;
    }
    pid = fork();
    if (pid == 0)
        become(c, in, out);
    e = pid < 0 ? err_fail_errno(ei, errno, "start %s", c->argv[0]) : await(pid, c, status, ei);
    if (e == ERR_OK && c->output != NULL)
        e = collect(out, c->output, ei);
out:
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return e;
}

const char *child_last_line(char *text)
{
    const char *last = "it says nothing";
    char *save = NULL;

    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
        last = line;
    return last;
}
