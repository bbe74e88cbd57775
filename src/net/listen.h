/* listen: listening sockets, made here or inherited from who started us; no loop. */
#ifndef ADBAD_NET_LISTEN_H
#define ADBAD_NET_LISTEN_H

#include "base/address.h"

/* n sockets that share the address, among which the kernel deals out connections (SO_REUSEPORT). A
 * port 0 takes a free one, and *a then names it. ERR_BUSY for a port that anybody else listens on,
 * another instance of ours included; errors name the address as text has it and the setting that
 * it came from ("[kms] listen"). */
MUST_CHECK enum err listen_open(const char *text, const char *setting, union address *a, unsigned n,
                                int *fds, struct errinfo *ei);
/* n descriptors of the one listening socket fd, which becomes ours; *a is its address. ERR_CONFIG
 * for anything but a listening TCP socket. */
MUST_CHECK enum err listen_adopt(int fd, union address *a, unsigned n, int *fds,
                                 struct errinfo *ei);

#endif
