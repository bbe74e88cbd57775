#include "base/process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void process_begin(const char *name)
{
    static const int quiet[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE, SIGXFSZ};
    const struct rlimit no_core = {0};

    prctl(PR_SET_NAME, name);
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &no_core); /* of programs, which the line before does not reach */
    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
        signal(quiet[i], SIG_IGN);
}

void process_keep(const int *fds, size_t n)
{
    unsigned next = 3;

    for (size_t i = 0; i < n; i++) {
        unsigned fd = (unsigned)fds[i];

        if (fd > next)
            close_range(next, fd - 1, 0);
        next = fd + 1;
    }
    close_range(next, ~0U, 0);
}
