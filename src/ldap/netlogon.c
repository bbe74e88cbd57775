#include "ldap/netlogon.h"

#include <stdbool.h>
#include <string.h>

#define RESPONSE_EX         23 /* LOGON_SAM_LOGON_RESPONSE_EX */
#define RESPONSE_EX_UNKNOWN 25 /* LOGON_SAM_USER_UNKNOWN_EX: the same layout */

/* One name in the form of DNS messages (RFC 1035 4.1.4): labels, or a pointer to labels that stand
 * before it. *at moves behind the name; UTF-8, so nothing is converted. */
static enum err take_name(const uint8_t *data, size_t len, size_t *at, char out[NETLOGON_NAME_MAX])
{
    size_t pos = *at, used = 0, limit = *at;
    bool jumped = false;

    for (;;) {
        uint8_t n;

        if (pos >= len)
            return ERR_TRUNCATED;
        n = data[pos];
        if (n >= 0xc0) {
            size_t target;

            if (pos + 1 >= len)
                return ERR_TRUNCATED;
            target = (size_t)(n & 0x3f) << 8 | data[pos + 1];
            if (target >= limit) /* only ever backwards, so it ends */
                return ERR_MALFORMED;
            if (!jumped)
                *at = pos + 2;
            jumped = true;
            pos = limit = target;
            continue;
        }
        if (n > 63)
            return ERR_MALFORMED;
        if (n == 0)
            break;
        if (pos + 1 + n > len)
            return ERR_TRUNCATED;
        if (used + n + 2 > NETLOGON_NAME_MAX || memchr(data + pos + 1, 0, n) != NULL)
            return ERR_MALFORMED;
        if (used > 0)
            out[used++] = '.';
        memcpy(out + used, data + pos + 1, n);
        used += n;
        pos += 1u + n;
    }
    out[used] = '\0';
    if (!jumped)
        *at = pos + 1;
    return ERR_OK;
}

enum err netlogon_parse(const void *data, size_t len, struct netlogon *out)
{
    struct netlogon r = {0};
    char unused[NETLOGON_NAME_MAX];
    char *const names[] = {r.forest, r.domain, r.host,    unused,
                           unused,   unused,   r.dc_site, r.client_site};
    const uint8_t *p = data;
    size_t at = 24; /* opcode, padding, flags, the domain's GUID */
    unsigned opcode;

    if (len < at)
        return ERR_TRUNCATED;
    opcode = (unsigned)p[0] | (unsigned)p[1] << 8;
    if (opcode != RESPONSE_EX && opcode != RESPONSE_EX_UNKNOWN)
        return ERR_VERSION;
    r.flags = (uint32_t)p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 24;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        enum err e = take_name(p, len, &at, names[i]);

        if (e != ERR_OK)
            return e;
    }
    if (len - at < 8) /* NtVersion and two tokens */
        return ERR_TRUNCATED;
    *out = r;
    return ERR_OK;
}
