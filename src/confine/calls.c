#include "confine/calls.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum err calls_give_up(const struct calls *c, struct errinfo *ei)
{
    struct sock_filter filter[CALLS_FILTER_MAX];
    struct sock_fprog program = {.len = (unsigned short)calls_filter(c, getpid(), filter),
                                 .filter = filter};
    long rc;

    if (program.len == 0)
        return err_fail(ei, ERR_NOTFOUND,
                        "there is no system-call filter for this architecture (there is one for "
                        "x86-64 and arm64)");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_fail_errno(ei, errno, "set NO_NEW_PRIVS");
    rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    if (rc > 0)
        return err_fail(ei, ERR_INTERNAL, "filter system calls: thread %ld has a filter of its own",
                        rc);
    if (rc < 0 && (errno == ENOSYS || errno == EINVAL))
        return err_fail(ei, ERR_NOTFOUND,
                        "the kernel offers no seccomp filters; use one with CONFIG_SECCOMP_FILTER");
    return rc == 0 ? ERR_OK : err_fail_errno(ei, errno, "filter system calls");
}
