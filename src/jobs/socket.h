/* socket: packets between the network process and the steward, for both ends: one record of a
 * SOCK_SEQPACKET socket each, some with a descriptor (base/passfd.h). */
#ifndef ADBAD_JOBS_SOCKET_H
#define ADBAD_JOBS_SOCKET_H

#include "base/buf.h"
#include "base/err.h"

/* A packet_send_fn; arg: int *. */
MUST_CHECK enum err job_send(void *fd, const struct buf *packet, struct errinfo *ei);
/* The next packet, in place of what buf holds; empty: the other side has closed. ERR_TIMEOUT: none
 * came in the time that the socket allows. *passed: the descriptor that came with it, the caller's,
 * or as passfd_receive tells; NULL: none is taken. */
MUST_CHECK enum err job_receive(int fd, struct buf *packet, int *passed, struct errinfo *ei);

/* Sends bytes with a descriptor, which stays the caller's, or with none (PASSFD_NONE). Waits for
 * nobody: ERR_BUSY, as nobody reads; ERR_IO: nobody is there. */
MUST_CHECK enum err job_pass(int to, const void *bytes, size_t len, int fd, struct errinfo *ei);

#endif
