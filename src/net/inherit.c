#include "net/inherit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define INHERIT_MAX 64

static bool number(const char *text, long *out)
{
    char *end;

    *out = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;
    return *out >= 0 && *end == '\0';
}

static enum err read_variables(unsigned *count, struct errinfo *ei)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    long process, n;

    *count = 0;
    if (pid == NULL || fds == NULL)
        return ERR_OK;
    if (!number(pid, &process))
        return err_fail(ei, ERR_CONFIG, "LISTEN_PID=%.40s: expected a process id", pid);
    if (process != (long)getpid())
        return ERR_OK;
    if (!number(fds, &n) || n > INHERIT_MAX)
        return err_fail(ei, ERR_CONFIG, "LISTEN_FDS=%.40s: expected a number up to %d", fds,
                        INHERIT_MAX);
    *count = (unsigned)n;
    return ERR_OK;
}

enum err inherit_take(unsigned *count, struct errinfo *ei)
{
    enum err e = read_variables(count, ei);

    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    for (unsigned i = 0; e == ERR_OK && i < *count; i++) {
        int fd = INHERIT_FIRST + (int)i;

        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            e = err_fail(ei, ERR_CONFIG, "LISTEN_FDS=%u: descriptor %d is not open", *count, fd);
    }
    return e;
}
