#include "daemon/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 1024

/* A decimal number and nothing else. */
static bool number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static enum err read_watchdog(uint64_t *us, struct errinfo *ei)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t process;

    *us = 0;
    if (usec == NULL)
        return ERR_OK;
    if (pid != NULL && !number(pid, &process))
        return err_fail(ei, ERR_CONFIG, "WATCHDOG_PID=%.40s: expected a process id", pid);
    if (pid != NULL && process != (uint64_t)getpid())
        return ERR_OK;
    if (!number(usec, us) || *us == 0)
        return err_fail(ei, ERR_CONFIG, "WATCHDOG_USEC=%.40s: expected a number of microseconds",
                        usec);
    return ERR_OK;
}

/* A path, or "@" and a name in the abstract namespace. */
static enum err connect_to(const char *name, int *fd, struct errinfo *ei)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(to.sun_path))
        return err_fail(ei, ERR_CONFIG,
                        "NOTIFY_SOCKET=%.120s: expected the absolute path of a socket, or @ and "
                        "a name",
                        name);
    memcpy(to.sun_path, name, len);
    if (name[0] == '@')
        to.sun_path[0] = '\0';
    *fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return err_fail_errno(ei, errno, "open a socket for NOTIFY_SOCKET");
    if (connect(*fd, (const struct sockaddr *)&to,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
        int why = errno;

        close(*fd);
        *fd = -1;
        return err_fail(ei, ERR_CONFIG, "NOTIFY_SOCKET=%s: %s", name, strerror(why));
    }
    return ERR_OK;
}

enum err notify_open(struct notify *n, struct errinfo *ei)
{
    const char *name = getenv("NOTIFY_SOCKET");
    enum err e;

    *n = (struct notify){.fd = -1};
    e = read_watchdog(&n->watchdog_us, ei);
    if (e == ERR_OK && name != NULL)
        e = connect_to(name, &n->fd, ei);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return e;
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

uint64_t notify_alive_ms(const struct notify *n)
{
    uint64_t ms = n->watchdog_us / 2000;

    if (n->fd < 0 || n->watchdog_us == 0)
        return 0;
    return ms > 0 ? ms : 1;
}

static void tell(const struct notify *n, const char *text)
{
    if (n->fd >= 0)
        (void)send(n->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void notify_status(const struct notify *n, const char *fmt, ...)
{
    char text[TEXT_MAX] = "STATUS=";
    size_t len = strlen(text);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + len, sizeof(text) - len, fmt, ap);
    va_end(ap);
    text[strcspn(text, "\n")] = '\0'; /* a second line would be a second assignment */
    tell(n, text);
}

void notify_ready(const struct notify *n)
{
    tell(n, "READY=1");
}

void notify_alive(const struct notify *n)
{
    tell(n, "WATCHDOG=1");
}

void notify_reloading(const struct notify *n)
{
    char text[80];
    struct timespec now;

    /* Newer managers wait for the answer to their own request by this time. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)now.tv_sec * 1000000ULL +
                 (unsigned long long)now.tv_nsec / 1000ULL);
    tell(n, text);
}

void notify_stopping(const struct notify *n)
{
    tell(n, "STOPPING=1");
}
