#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "ldap/dir.h"

#define DEPTH_MAX 32

/* Every byte that is not a plain ASCII letter, digit or harmless mark goes as \xx: RFC 4515
 * section 3 asks for less and allows this, and bytes that are not UTF-8 need it. */
static bool plain(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr(" -_.,:/@=+$", c) != NULL);
}

static void add_value(struct buf *out, const void *value, size_t len)
{
    const uint8_t *p = value;

    for (size_t i = 0; i < len; i++) {
        if (plain(p[i])) {
            buf_add(out, &p[i], 1);
        } else {
            buf_add(out, "\\", 1);
            buf_add_hex(out, &p[i], 1);
        }
    }
}

static bool add_filter(struct buf *out, const struct dir_filter *f, int depth);

static bool add_list(struct buf *out, char op, const struct dir_filter *const *sub, int depth)
{
    bool ok = sub != NULL && (op != '!' || (sub[0] != NULL && sub[1] == NULL));

    buf_add(out, &op, 1);
    for (size_t i = 0; ok && sub[i] != NULL; i++)
        ok = add_filter(out, sub[i], depth + 1);
    return ok;
}

static bool add_item(struct buf *out, const struct dir_filter *f)
{
    if (f->attr == NULL || f->attr[0] == '\0')
        return false;
    buf_add_str(out, f->attr);
    buf_add_str(out, f->op == DIR_GE ? ">=" : "=");
    if (f->op == DIR_PRESENT)
        buf_add_str(out, "*");
    else
        add_value(out, f->value, f->len);
    return true;
}

static bool add_filter(struct buf *out, const struct dir_filter *f, int depth)
{
    bool ok = false;

    if (depth >= DEPTH_MAX)
        return false;
    buf_add_str(out, "(");
    switch (f->op) {
    case DIR_EQ:
    case DIR_GE:
    case DIR_PRESENT:
        ok = add_item(out, f);
        break;
    case DIR_AND:
        ok = add_list(out, '&', f->sub, depth);
        break;
    case DIR_OR:
        ok = add_list(out, '|', f->sub, depth);
        break;
    case DIR_NOT:
        ok = add_list(out, '!', f->sub, depth);
        break;
    }
    buf_add_str(out, ")");
    return ok;
}

char *dir_filter_text(const struct dir_filter *f)
{
    struct buf out = BUF_INIT;
    char *text = NULL;

    if (add_filter(&out, f, 0) && buf_str(&out) != NULL)
        text = strdup(buf_str(&out));
    buf_fini(&out);
    return text;
}

/* RFC 4514 section 2.4: a leading blank or '#', a trailing blank, and the specials. */
char *dir_dn_escape(const char *value)
{
    size_t len = strlen(value);
    char *out = malloc(3 * len + 1);
    char *at = out;

    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        char c = value[i];
        bool edge = (c == ' ' && (i == 0 || i == len - 1)) || (c == '#' && i == 0);

        if (edge || strchr("\"+,;<>\\=", c) != NULL)
            *at++ = '\\';
        *at++ = c;
    }
    *at = '\0';
    return out;
}
