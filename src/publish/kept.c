#include "publish/kept.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/dnsname.h"
#include "base/file.h"

#define KEPT_MAX    (256u * 1024)
#define FOLDER      "dns"
#define FORMER_FILE "dns.json"

void publish_kept_fini(struct publish_kept *k)
{
    free(k->v);
    *k = (struct publish_kept){0};
}

static enum err append(struct publish_kept *k, const struct publish_kept_one *one,
                       struct errinfo *ei)
{
    struct publish_kept_one *grown = realloc(k->v, (k->n + 1) * sizeof(*grown));

    if (grown == NULL)
        return err_nomem(ei);
    k->v = grown;
    k->v[k->n++] = *one;
    return ERR_OK;
}

enum err publish_kept_add(struct publish_kept *k, const char *domain,
                          const struct publish_record *r, struct errinfo *ei)
{
    struct publish_kept_one one = {.record = *r};

    for (size_t i = 0; i < k->n; i++)
        if (publish_name_same(k->v[i].domain, domain) && publish_record_same(&k->v[i].record, r))
            return ERR_OK;
    snprintf(one.domain, sizeof(one.domain), "%s", domain);
    return append(k, &one, ei);
}

static bool holds(const struct publish_record *all, size_t n, const struct publish_record *r)
{
    for (size_t i = 0; i < n; i++)
        if (publish_record_same(&all[i], r))
            return true;
    return false;
}

void publish_kept_trim(struct publish_kept *k, const char *domain,
                       const struct publish_record *left, size_t n)
{
    size_t stay = 0;

    for (size_t i = 0; i < k->n; i++)
        if (!publish_name_same(k->v[i].domain, domain) || holds(left, n, &k->v[i].record))
            k->v[stay++] = k->v[i];
    k->n = stay;
}

enum err publish_kept_of(const struct publish_kept *k, const char *domain,
                         struct publish_record **out, size_t *n, struct errinfo *ei)
{
    *n = 0;
    *out = calloc(k->n + 1, sizeof(**out));
    if (*out == NULL)
        return err_nomem(ei);
    for (size_t i = 0; i < k->n; i++)
        if (publish_name_same(k->v[i].domain, domain))
            (*out)[(*n)++] = k->v[i].record;
    return ERR_OK;
}

/* ---- the file ---- */

static enum err path_of(const char *state_dir, const char *name, char path[4096],
                        struct errinfo *ei)
{
    if (snprintf(path, 4096, "%s/%s", state_dir, name) >= 4096)
        return err_fail(ei, ERR_LIMIT, "state folder %s: the path is too long", state_dir);
    return ERR_OK;
}

static bool read_number(const json_t *from, const char *name, uint16_t *out)
{
    const json_t *v = json_object_get(from, name);

    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > UINT16_MAX)
        return false;
    *out = (uint16_t)json_integer_value(v);
    return true;
}

static bool read_name(const json_t *from, const char *name, char out[256])
{
    const char *text = json_string_value(json_object_get(from, name));

    if (text == NULL || !dnsname_is_valid(text))
        return false;
    snprintf(out, 256, "%s", text);
    return true;
}

static enum err parse(const json_t *root, struct publish_kept *out, struct errinfo *ei)
{
    const json_t *records = json_object_get(root, "records"), *j;
    enum err e = json_is_array(records) ? ERR_OK : ERR_MALFORMED;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)records, i, j)
    {
        struct publish_kept_one one = {0};

        if (!read_name(j, "domain", one.domain) || !read_name(j, "host", one.record.host) ||
            !read_number(j, "priority", &one.record.priority) ||
            !read_number(j, "weight", &one.record.weight) ||
            !read_number(j, "port", &one.record.port))
            e = ERR_MALFORMED;
        if (e == ERR_OK)
            e = publish_kept_add(out, one.domain, &one.record, ei);
        if (e != ERR_OK)
            break;
    }
    return e;
}

/* Adds what a file lists. */
static enum err load(const char *state_dir, const char *name, struct publish_kept *out,
                     struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    char path[4096];
    json_t *root = NULL;
    enum err e = path_of(state_dir, name, path, ei);

    if (e == ERR_OK)
        e = file_read(path, KEPT_MAX, &text, ei);
    if (e == ERR_OK) {
        root = json_loadb((const char *)text.data, text.len, 0, NULL);
        e = parse(root, out, ei);
        if (e == ERR_MALFORMED)
            err_fail(ei, e,
                     "%s: it is not the list of SRV records that adbad published; remove it, and "
                     "what it listed is no longer withdrawn",
                     path);
    }
    json_decref(root);
    buf_fini(&text);
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err publish_kept_load(const char *state_dir, struct publish_kept *out, struct errinfo *ei)
{
    enum err e;

    *out = (struct publish_kept){0};
    e = load(state_dir, PUBLISH_KEPT_FILE, out, ei);
    if (e == ERR_OK)
        e = load(state_dir, FORMER_FILE, out, ei);
    if (e != ERR_OK)
        publish_kept_fini(out);
    return e;
}

static json_t *one_json(const struct publish_kept_one *o)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:i}", "domain", o->domain, "host", o->record.host,
                     "priority", o->record.priority, "weight", o->record.weight, "port",
                     o->record.port);
}

enum err publish_kept_save(const char *state_dir, const struct publish_kept *k, struct errinfo *ei)
{
    json_t *records = json_array(), *root = json_pack("{s:o}", "records", records);
    char path[4096], *text;
    enum err e = path_of(state_dir, PUBLISH_KEPT_FILE, path, ei);

    for (size_t i = 0; i < k->n; i++)
        if (json_array_append_new(records, one_json(&k->v[i])) != 0 && e == ERR_OK)
            e = err_nomem(ei);
    text = json_dumps(root, JSON_INDENT(2));
    if (e == ERR_OK)
        e = text == NULL ? err_nomem(ei) : file_write_atomic(path, text, strlen(text), 0600, ei);
    free(text);
    json_decref(root);
    return e;
}

/* Removed only once all that it lists is on the disk in the other place. */
static enum err move_former(const char *state_dir, const char *former, struct errinfo *ei)
{
    struct publish_kept all;
    enum err e;

    if (publish_kept_load(state_dir, &all, NULL) != ERR_OK)
        return ERR_OK; /* each round tells what it has */
    e = publish_kept_save(state_dir, &all, ei);
    publish_kept_fini(&all);
    if (e == ERR_OK && unlink(former) != 0)
        e = err_fail_errno(ei, errno, "remove %s", former);
    return e == ERR_OK ? file_sync_folder(former, ei) : e;
}

enum err publish_kept_open(const char *state_dir, struct errinfo *ei)
{
    char folder[4096], former[4096];
    enum err e = path_of(state_dir, FOLDER, folder, ei);

    if (e == ERR_OK)
        e = path_of(state_dir, FORMER_FILE, former, ei);
    if (e == ERR_OK)
        e = file_make_folder(folder, 0700, ei);
    return e == ERR_OK && access(former, F_OK) == 0 ? move_former(state_dir, former, ei) : e;
}
