#include "base/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 96 /* of the prefix ::ffff:0:0/96 */

static enum err malformed(const char *text, struct errinfo *ei)
{
    return err_fail(ei, ERR_CONFIG,
                    "\"%s\": expected ADDRESS or ADDRESS/BITS, for example 192.0.2.0/24 or "
                    "2001:db8::/32",
                    text);
}

/* Number of bits behind the slash; -1: not a number up to max. */
static int parse_bits(const char *text, int max)
{
    int bits = 0;

    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || (bits = bits * 10 + (*text - '0')) > max)
            return -1;
    }
    return bits;
}

static bool parse_address(const char *host, union address *a)
{
    memset(a, 0, sizeof(*a));
    a->any.sa_family = AF_INET;
    if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1)
        return true;
    a->any.sa_family = AF_INET6;
    return inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1;
}

/* Bit i of an address, the highest is 0. */
static bool bit(const uint8_t address[16], unsigned i)
{
    return (address[i / 8] >> (7 - i % 8) & 1) != 0;
}

static bool only_prefix(const struct cidr *c)
{
    for (unsigned i = c->bits; i < 128; i++) {
        if (bit(c->prefix, i))
            return false;
    }
    return true;
}

enum err cidr_parse(const char *text, struct cidr *out, struct errinfo *ei)
{
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    char host[INET6_ADDRSTRLEN];
    union address a;
    int max, bits;

    if (len >= sizeof(host))
        return malformed(text, ei);
    memcpy(host, text, len);
    host[len] = '\0';
    if (!parse_address(host, &a))
        return malformed(text, ei);
    max = a.any.sa_family == AF_INET ? 32 : 128;
    bits = slash == NULL ? max : parse_bits(slash + 1, max);
    if (bits < 0)
        return malformed(text, ei);
    address_key(&a, out->prefix);
    out->v4 = a.any.sa_family == AF_INET;
    out->bits = (uint8_t)(out->v4 ? bits + V4_BITS : bits);
    if (!only_prefix(out))
        return err_fail(ei, ERR_CONFIG, "\"%s\": bits are set behind the first %d", text, bits);
    return ERR_OK;
}

enum err cidr_set_parse(const struct conf_list *list, const char *setting, struct cidr_set *out,
                        struct errinfo *ei)
{
    size_t n = list == NULL ? 0 : list->n;

    *out = (struct cidr_set){.v = n == 0 ? NULL : calloc(n, sizeof(*out->v))};
    if (n > 0 && out->v == NULL)
        return err_nomem(ei);
    for (; out->n < n; out->n++) {
        if (cidr_parse(list->v[out->n], &out->v[out->n], ei) != ERR_OK) {
            cidr_set_fini(out);
            return err_context(ei, "%s", setting);
        }
    }
    return ERR_OK;
}

void cidr_set_fini(struct cidr_set *set)
{
    free(set->v);
    *set = (struct cidr_set){0};
}

static bool covers(const struct cidr *c, const uint8_t key[16])
{
    size_t whole = c->bits / 8;
    unsigned rest = c->bits % 8;

    if (memcmp(c->prefix, key, whole) != 0)
        return false;
    return rest == 0 || ((c->prefix[whole] ^ key[whole]) >> (8 - rest)) == 0;
}

bool cidr_set_has(const struct cidr_set *set, const union address *a)
{
    uint8_t key[16];

    if (set->n == 0)
        return false;
    address_key(a, key);
    for (size_t i = 0; i < set->n; i++) {
        if (set->v[i].v4 == (a->any.sa_family == AF_INET) && covers(&set->v[i], key))
            return true;
    }
    return false;
}
