/* send: bytes into a socket of a loop, now or not at all. */
#ifndef ADBAD_NET_SEND_H
#define ADBAD_NET_SEND_H

#include <stddef.h>

/* Hands over what the kernel takes at once, without blocking, and says how many bytes that were;
 * negative: libuv's error. Not uv_try_write, whose write(2) costs a tenth of an activation more. */
int send_now(int fd, const void *data, size_t n);

#endif
