#include "base/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err malformed(const char *text, struct errinfo *ei)
{
    return err_fail(
        ei, ERR_CONFIG,
        "\"%s\": expected ADDRESS:PORT or [IPV6-ADDRESS]:PORT, for example 0.0.0.0:1688", text);
}

static int parse_port(const char *text)
{
    char *end;
    long port = strtol(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || port > 65535)
        return -1;
    return (int)port;
}

static bool parse_v4(const char *host, struct sockaddr_in *out)
{
    out->sin_family = AF_INET;
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

/* A link-local address names its link behind '%' (RFC 4007, 11). */
static bool parse_v6(char *host, struct sockaddr_in6 *out)
{
    char *link = strchr(host, '%');

    out->sin6_family = AF_INET6;
    if (link != NULL) {
        *link = '\0';
        out->sin6_scope_id = if_nametoindex(link + 1);
    }
    return inet_pton(AF_INET6, host, &out->sin6_addr) == 1;
}

enum err address_parse(const char *text, union address *out, struct errinfo *ei)
{
    const char *colon = strrchr(text, ':');
    bool v6 = text[0] == '[', good;
    char host[128];
    size_t len;
    int port;

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
    good = v6 ? parse_v6(host, &out->v6) : parse_v4(host, &out->v4);
    *(v6 ? &out->v6.sin6_port : &out->v4.sin_port) = htons((uint16_t)port);
    return good ? ERR_OK : malformed(v6 ? text - 1 : text, ei);
}

const char *address_format_host(const union address *a, char *text, size_t size)
{
    if (a->any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &a->v6.sin6_addr, text, (socklen_t)size);
    else
        inet_ntop(AF_INET, &a->v4.sin_addr, text, (socklen_t)size);
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
