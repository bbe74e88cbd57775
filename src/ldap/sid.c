#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ldap/dir.h"

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool dir_sid_format(const void *data, size_t len, char text[DIR_SID_TEXT_MAX])
{
    const uint8_t *p = data;
    uint64_t authority = 0;
    size_t at;

    if (len < 8 || p[0] != 1 || p[1] > 15 || len != 8 + 4 * (size_t)p[1])
        return false;
    for (int i = 2; i < 8; i++)
        authority = authority << 8 | p[i];
    at = (size_t)snprintf(text, DIR_SID_TEXT_MAX, "S-1-%" PRIu64, authority);
    for (size_t i = 0; i < p[1]; i++)
        at += (size_t)snprintf(text + at, DIR_SID_TEXT_MAX - at, "-%" PRIu32, le32(p + 8 + 4 * i));
    return true;
}
