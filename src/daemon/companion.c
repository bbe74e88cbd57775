#include "daemon/companion.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MS 3000 /* for it to end by itself */

/* It says nothing over its control socket: whatever happens there is its end. */
static void on_control(uv_poll_t *p, int status, int events)
{
    struct companion *c = p->data;

    (void)status;
    (void)events;
    uv_poll_stop(p);
    c->lost(c);
}

enum err companion_watch(struct companion *c, uv_loop_t *loop, struct errinfo *ei)
{
    int rc = c->pid == 0 ? 0 : uv_poll_init(loop, &c->watch, c->control);

    if (c->pid == 0)
        return ERR_OK;
    c->watch.data = c;
    if (rc == 0)
        rc = uv_poll_start(&c->watch, UV_READABLE | UV_DISCONNECT, on_control);
    return rc == 0 ? ERR_OK : err_fail_errno(ei, -rc, "watch process %d", (int)c->pid);
}

void companion_unwatch(struct companion *c)
{
    if (c->pid != 0)
        uv_close((uv_handle_t *)&c->watch, NULL);
}

/* One that somebody stopped would not. */
static bool ends_in_time(pid_t pid)
{
    struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    bool ended = p.fd >= 0 && poll(&p, 1, END_MS) == 1;

    if (p.fd >= 0)
        close(p.fd);
    return ended;
}

bool companion_end(struct companion *c)
{
    int status = 0;

    if (c->pid == 0)
        return true;
    close(c->control);
    if (!ends_in_time(c->pid))
        kill(c->pid, SIGKILL); /* a child of ours that is not buried yet */
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    c->pid = 0;
    return !WIFSIGNALED(status);
}
