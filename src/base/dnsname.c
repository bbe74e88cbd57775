#include "base/dnsname.h"

#include <stddef.h>
#include <string.h>

#define LABEL_MAX 63
#define NAME_MAX  253

static bool is_label_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool dnsname_is_valid(const char *name)
{
    size_t label = 0, len = strlen(name);

    if (len == 0 || len > NAME_MAX || name[len - 1] == '.')
        return false;
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '.' ? label == 0 : !is_label_character(*c) || label == LABEL_MAX)
            return false;
        label = *c == '.' ? 0 : label + 1;
    }
    return true;
}
