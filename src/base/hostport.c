#include "base/hostport.h"

#include <string.h>

#define PORT_DIGITS 5

static bool read_port(const char *text, size_t len, uint16_t *out)
{
    uint32_t n = 0;

    if (len > PORT_DIGITS)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        n = n * 10 + (uint32_t)(text[i] - '0');
    }
    *out = (uint16_t)n;
    return n > 0 && n <= UINT16_MAX;
}

bool hostport_parse(const char *text, size_t len, struct hostport *out)
{
    const char *end = text + len, *host = text, *host_end = memchr(text, ':', len), *rest;
    struct hostport h = {.port = 0};
    size_t n;

    if (len > 0 && text[0] == '[') {
        host = text + 1;
        host_end = memchr(text, ']', len);
        if (host_end == NULL || host_end == host)
            return false;
        rest = host_end + 1;
    } else {
        if (host_end == NULL || memchr(host_end + 1, ':', (size_t)(end - host_end) - 1) != NULL)
            host_end = end; /* a bare IPv6 address has several colons */
        rest = host_end;
    }
    n = (size_t)(host_end - host);
    if (n >= sizeof(h.host))
        return false;
    memcpy(h.host, host, n);
    if (rest != end && (*rest != ':' || !read_port(rest + 1, (size_t)(end - rest) - 1, &h.port)))
        return false;
    if (n == 0 && h.port == 0)
        return false;
    *out = h;
    return true;
}
