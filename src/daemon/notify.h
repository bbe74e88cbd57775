/* notify: tells the service manager how we are, by the datagrams of sd_notify(3) (its section
 * "Notes" describes the protocol for programs without its library): ready, alive, reloading,
 * ending, and one line of status that "systemctl status" shows.
 *
 * Nobody may listen; then nothing is sent. What cannot be sent is lost: the manager's own time
 * limits notice. One thread's. */
#ifndef ADBAD_DAEMON_NOTIFY_H
#define ADBAD_DAEMON_NOTIFY_H

#include <stdint.h>

#include "base/err.h"

struct notify {
    int fd;               /* connected datagram socket; -1: nobody listens */
    uint64_t watchdog_us; /* the manager wants to hear from us in this time; 0: it does not */
};

/* From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are gone from the environment
 * afterwards: no child may speak for us. Call it before there are threads. ERR_CONFIG for a
 * variable that breaks the protocol or a socket that is not there. */
MUST_CHECK enum err notify_open(struct notify *n, struct errinfo *ei);
void notify_close(struct notify *n);

/* Milliseconds between two calls of notify_alive: half of what the manager allows, as
 * sd_watchdog_enabled(3) recommends; 0: none are wanted. */
uint64_t notify_alive_ms(const struct notify *n);

void notify_status(const struct notify *n, const char *fmt, ...) PRINTF_LIKE(2, 3);
void notify_ready(const struct notify *n);
void notify_alive(const struct notify *n);
/* A configuration is being read again; notify_ready ends that. */
void notify_reloading(const struct notify *n);
void notify_stopping(const struct notify *n);

#endif
