/* address: socket addresses as text and back. */
#ifndef ADBAD_BASE_ADDRESS_H
#define ADBAD_BASE_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/err.h"

#define ADDRESS_LISTEN_MAX 64 /* most that one program listens on */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Parses "192.0.2.1:1688" or "[2001:db8::1]:1688". ERR_CONFIG says what is expected. */
MUST_CHECK enum err address_parse(const char *text, union address *out, struct errinfo *ei);
/* With the port. Returns text. */
const char *address_format(const union address *a, char *text, size_t size);
/* Without it. Returns text. */
const char *address_format_host(const union address *a, char *text, size_t size);
uint16_t address_port(const union address *a);
/* An IPv4 address that came as IPv6 (::ffff:a.b.c.d) becomes what it is. */
void address_unmap(union address *a);
/* The address without its port as 16 bytes, IPv4 as ::ffff:a.b.c.d. */
void address_key(const union address *a, uint8_t key[16]);

#endif
