/* passfd: messages over a Unix socket, each with at most one descriptor (unix(7), SCM_RIGHTS). Both
 * go on after a signal and raise no SIGPIPE. */
#ifndef ADBAD_BASE_PASSFD_H
#define ADBAD_BASE_PASSFD_H

#include <stddef.h>
#include <sys/types.h>

#define PASSFD_NONE (-1)
#define PASSFD_LOST (-2) /* one was sent, and this process had no place for it */

/* As send(2). fd stays the caller's; PASSFD_NONE: none goes along. */
ssize_t passfd_send(int socket, const void *data, size_t len, int fd, int flags);
/* As recv(2). *fd is the caller's, close-on-exec; or one of the above. */
ssize_t passfd_receive(int socket, void *data, size_t size, int *fd, int flags);

#endif
