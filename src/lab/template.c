#include <string.h>

#include "lab/internal.h"

static const char *value_of(const char *name, size_t len, const struct lab_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(pairs[i].name) == len && memcmp(pairs[i].name, name, len) == 0)
            return pairs[i].value;
    return NULL;
}

enum err lab_expand(const char *text, const struct lab_pair *pairs, size_t n, struct buf *out,
                    struct errinfo *ei)
{
    for (;;) {
        const char *at = strchr(text, '@');
        const char *end = at == NULL ? NULL : strchr(at + 1, '@');
        const char *value;

        if (end == NULL)
            break;
        value = value_of(at + 1, (size_t)(end - at - 1), pairs, n);
        if (value == NULL)
            return err_fail(ei, ERR_INTERNAL, "a template asks for \"%.*s\"", (int)(end - at - 1),
                            at + 1);
        buf_add(out, text, (size_t)(at - text));
        buf_add_str(out, value);
        text = end + 1;
    }
    buf_add_str(out, text);
    return out->err == ERR_OK ? ERR_OK : err_nomem(ei);
}
