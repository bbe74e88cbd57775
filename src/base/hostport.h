/* hostport: a host and its port as configuration and options write them. What the host is, a name
 * or an address, is for whoever looks it up. */
#ifndef ADBAD_BASE_HOSTPORT_H
#define ADBAD_BASE_HOSTPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTPORT_HOST_MAX 256 /* a DNS name (RFC 1035, 2.3.4), its NUL included */

struct hostport {
    char host[HOSTPORT_HOST_MAX]; /* without brackets; "" where a port stands alone */
    uint16_t port;                /* 0: none was given */
};

/* Parses "HOST", "HOST:PORT", ":PORT", "[IPV6]" and "[IPV6]:PORT" (brackets: RFC 3986, 3.2.2); a
 * bare IPv6 address has no port. False, and *out as it was: it is none of these, the host is too
 * long, or the port not in 1–65535. */
bool hostport_parse(const char *text, size_t len, struct hostport *out);

#endif
