#include "base/guid.h"

#include <stdio.h>

/* Text and network order list the bytes in this order of the wire's. */
static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

void guid_to_network(const struct guid *g, uint8_t out[16])
{
    for (int i = 0; i < 16; i++)
        out[i] = g->b[order[i]];
}

void guid_from_network(const uint8_t in[16], struct guid *out)
{
    for (int i = 0; i < 16; i++)
        out->b[order[i]] = in[i];
}

static bool dash_before(int byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

const char *guid_format(const struct guid *g, char text[GUID_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";
    char *p = text;

    for (int i = 0; i < 16; i++) {
        if (dash_before(i))
            *p++ = '-';
        *p++ = digits[g->b[order[i]] >> 4];
        *p++ = digits[g->b[order[i]] & 15];
    }
    *p = '\0';
    return text;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool guid_parse(const char *text, struct guid *out)
{
    struct guid g;
    bool brace = *text == '{';

    text += brace;
    for (int i = 0; i < 16; i++) {
        if (dash_before(i) && *text++ != '-')
            return false;
        if (digit(text[0]) < 0 || digit(text[1]) < 0)
            return false;
        g.b[order[i]] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
        text += 2;
    }
    if (brace && *text++ != '}')
        return false;
    if (*text != '\0')
        return false;
    *out = g;
    return true;
}

struct guid guid_from_random(const uint8_t random[16])
{
    uint8_t net[16];
    struct guid g;

    memcpy(net, random, 16);
    net[6] = (uint8_t)((net[6] & 0x0f) | 0x40);
    net[8] = (uint8_t)((net[8] & 0x3f) | 0x80);
    guid_from_network(net, &g);
    return g;
}
