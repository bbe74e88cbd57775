#include "base/csvcell.h"

#include <string.h>

static bool is_formula(const char *text)
{
    if (text[0] == '\0' || strchr("=+-@\t\r\n", text[0]) == NULL)
        return false;
    return text[0] != '-' || text[1] == '\0' || text[1 + strspn(text + 1, "0123456789")] != '\0';
}

void csvcell_add(struct buf *b, const char *text)
{
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;

    if (quoted)
        buf_add_str(b, "\"");
    if (is_formula(text))
        buf_add_str(b, "'");
    for (; *text != '\0'; text++) {
        if (*text == '"')
            buf_add_str(b, "\"");
        buf_add(b, text, 1);
    }
    if (quoted)
        buf_add_str(b, "\"");
}
