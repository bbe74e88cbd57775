#include "net/address.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static enum err malformed(const char *text, struct errinfo *ei)
{
    return err_fail(ei, ERR_CONFIG,
                    "listen on \"%s\": expected ADDRESS:PORT or [IPV6-ADDRESS]:PORT, for example "
                    "0.0.0.0:1688",
                    text);
}

static int parse_port(const char *text)
{
    char *end;
    long port = strtol(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || port > 65535)
        return -1;
    return (int)port;
}

enum err address_parse(const char *text, union address *out, struct errinfo *ei)
{
    const char *colon = strrchr(text, ':');
    bool v6 = text[0] == '[';
    char host[128];
    size_t len;
    int port, rc;

    if (colon == NULL || (port = parse_port(colon + 1)) < 0)
        return malformed(text, ei);
    len = (size_t)(colon - text);
    if (v6 && (len < 2 || text[len - 1] != ']'))
        return malformed(text, ei);
    if (v6) {
        text++;
        len -= 2;
    }
    if (len >= sizeof(host))
        return malformed(text, ei);
    memcpy(host, text, len);
    host[len] = '\0';
    memset(out, 0, sizeof(*out));
    rc = v6 ? uv_ip6_addr(host, port, &out->v6) : uv_ip4_addr(host, port, &out->v4);
    return rc == 0 ? ERR_OK : malformed(v6 ? text - 1 : text, ei);
}

const char *address_format_host(const union address *a, char *text, size_t size)
{
    if (a->any.sa_family == AF_INET6)
        uv_ip6_name(&a->v6, text, size);
    else
        uv_ip4_name(&a->v4, text, size);
    return text;
}

uint16_t address_port(const union address *a)
{
    return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

const char *address_format(const union address *a, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN];

    address_format_host(a, host, sizeof(host));
    snprintf(text, size, a->any.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, address_port(a));
    return text;
}

void address_unmap(union address *a)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    if (a->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
        return;
    v4.sin_port = a->v6.sin6_port;
    memcpy(&v4.sin_addr, &a->v6.sin6_addr.s6_addr[12], 4);
    memset(a, 0, sizeof(*a));
    a->v4 = v4;
}

void address_key(const union address *a, uint8_t key[16])
{
    if (a->any.sa_family == AF_INET6) {
        memcpy(key, &a->v6.sin6_addr, 16);
        return;
    }
    memset(key, 0, 10);
    memset(key + 10, 0xff, 2);
    memcpy(key + 12, &a->v4.sin_addr, 4);
}
