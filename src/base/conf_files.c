/* conf_files: what stood in configuration files, as bytes and back. */
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"

void conf_files_free(struct conf_files *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->v[i].path);
        buf_fini(&f->v[i].text);
    }
    free(f->v);
    *f = (struct conf_files){0};
}

/* Each path and each text: its length (of this machine), then its bytes. */
static void put(struct buf *out, const void *data, uint64_t n)
{
    buf_add(out, &n, sizeof(n));
    buf_add(out, data, n);
}

void conf_files_pack(const struct conf_files *f, struct buf *out)
{
    for (size_t i = 0; i < f->n; i++) {
        put(out, f->v[i].path, strlen(f->v[i].path));
        put(out, f->v[i].text.data, f->v[i].text.len);
    }
}

struct rest {
    const uint8_t *data;
    size_t len;
};

static bool get(struct rest *from, struct rest *out)
{
    uint64_t n;

    if (from->len < sizeof(n))
        return false;
    memcpy(&n, from->data, sizeof(n));
    if (n > from->len - sizeof(n))
        return false;
    *out = (struct rest){from->data + sizeof(n), (size_t)n};
    from->data += sizeof(n) + n;
    from->len -= sizeof(n) + (size_t)n;
    return true;
}

static enum err take(struct conf_files *f, const struct rest *path, const struct rest *text,
                     struct errinfo *ei)
{
    struct conf_text *v = realloc(f->v, (f->n + 1) * sizeof(*v));

    if (v == NULL)
        return err_nomem(ei);
    f->v = v;
    v[f->n] = (struct conf_text){.path = strndup((const char *)path->data, path->len)};
    buf_add(&v[f->n].text, text->data, text->len);
    f->n++;
    return v[f->n - 1].path == NULL || buf_str(&v[f->n - 1].text) == NULL ? err_nomem(ei) : ERR_OK;
}

enum err conf_files_unpack(const uint8_t *data, size_t len, struct conf_files *out,
                           struct errinfo *ei)
{
    struct rest left = {data, len}, path, text;
    enum err e = ERR_OK;

    *out = (struct conf_files){0};
    while (e == ERR_OK && left.len > 0) {
        if (!get(&left, &path) || !get(&left, &text) || memchr(path.data, '\0', path.len) != NULL)
            e = err_fail(ei, ERR_MALFORMED, "what should be configuration files is none");
        else
            e = take(out, &path, &text, ei);
    }
    if (e != ERR_OK)
        conf_files_free(out);
    return e;
}
