#include "ldap/changes.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ldap/changes_internal.h"

/* A cookie is these four bytes, which reader it came from, what was asked of whom (a hash), and
 * the reader's own part. */
#define MAGIC      "adc1"
#define MAGIC_LEN  4
#define HEADER_LEN (MAGIC_LEN + 1 + 8)

enum reader { BY_USN = 'u', BY_SYNC = 's', IN_FULL = 'f' };

static enum reader reader_of(const struct dir *d)
{
    if (d->facts.ad_ds)
        return BY_USN;
    return d->facts.tells_changes && d->ops->changes != NULL ? BY_SYNC : IN_FULL;
}

/* FNV-1a; a NUL after each part keeps "a" "bc" from being "ab" "c". */
static void hash_add(uint64_t *h, const char *text)
{
    const uint8_t *p = (const uint8_t *)(text == NULL ? "" : text);

    do {
        *h = (*h ^ *p) * UINT64_C(0x100000001b3);
    } while (*p++ != '\0');
}

/* What a cookie stands for: another question, or another directory, makes it void. */
static enum err hash_query(const struct dir *d, const struct dir_changes_query *q, uint64_t *out,
                           struct errinfo *ei)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    char *filter = q->filter == NULL ? NULL : dir_filter_text(q->filter);

    if (q->filter != NULL && filter == NULL)
        return err_fail(ei, ERR_INTERNAL, "read %s: the filter can't be expressed", q->base);
    hash_add(&h, d->facts.forest);
    hash_add(&h, d->facts.domain_sid);
    hash_add(&h, q->base);
    hash_add(&h, filter);
    for (size_t i = 0; q->attrs[i] != NULL; i++)
        hash_add(&h, q->attrs[i]);
    free(filter);
    *out = h;
    return ERR_OK;
}

static void header_write(enum reader r, uint64_t hash, uint8_t out[HEADER_LEN])
{
    memcpy(out, MAGIC, MAGIC_LEN);
    out[MAGIC_LEN] = (uint8_t)r;
    for (int i = 0; i < 8; i++)
        out[MAGIC_LEN + 1 + i] = (uint8_t)(hash >> (8 * i));
}

/* ---- what the readers share ---- */

struct search_ctx {
    const struct changes_search *s;
    dir_change_fn *each;
    void *arg;
};

static bool id_of(const struct dir_entry *e, const char *attr, struct guid *id)
{
    const struct dir_val *v = dir_entry_val(e, attr);

    if (v == NULL)
        return false;
    if (v->len == sizeof(id->b)) {
        memcpy(id->b, v->data, sizeof(id->b));
        return true;
    }
    return guid_parse((const char *)v->data, id);
}

static enum err on_found(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    const struct search_ctx *c = arg;
    struct guid id;

    if (!id_of(e, c->s->id_attr, &id))
        return err_fail(ei, ERR_SCHEMA, "read %s: the directory shows no %s", e->dn, c->s->id_attr);
    return c->each(c->arg, c->s->what, &id, c->s->what == DIR_GONE ? NULL : e, ei);
}

enum err changes_search(struct dir *d, const struct changes_search *s, dir_change_fn *each,
                        void *arg, struct errinfo *ei)
{
    struct search_ctx c = {.s = s, .each = each, .arg = arg};
    const struct dir_query q = {.base = s->base,
                                .scope = s->scope,
                                .filter = s->filter,
                                .attrs = s->attrs,
                                .deleted = s->deleted};

    return dir_search(d, &q, on_found, &c, ei);
}

const char **changes_attrs(const char *const *attrs, const char *more)
{
    const char **all;
    size_t n = 0;
    bool has = false;

    for (; attrs[n] != NULL; n++)
        has = has || strcasecmp(attrs[n], more) == 0;
    all = calloc(n + 2, sizeof(*all));
    if (all == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        all[i] = attrs[i];
    if (!has)
        all[n] = more;
    return all;
}

enum err changes_list(struct dir *d, const struct dir_changes_query *q, const char *id_attr,
                      dir_change_fn *each, void *arg, struct errinfo *ei)
{
    const char *const attrs[] = {id_attr, NULL};
    const struct changes_search s = {.base = q->base,
                                     .scope = DIR_SUB,
                                     .filter = q->filter,
                                     .attrs = attrs,
                                     .id_attr = id_attr,
                                     .what = DIR_SAME};

    return changes_search(d, &s, each, arg, ei);
}

/* ---- servers that tell no changes ---- */

static enum err read_in_full(struct dir *d, const struct dir_changes_query *q, dir_change_fn *each,
                             void *arg, struct dir_changes *out, struct errinfo *ei)
{
    static const char id_attr[] = "entryUUID";
    const char **attrs = changes_attrs(q->attrs, id_attr);
    const struct changes_search s = {.base = q->base,
                                     .scope = DIR_SUB,
                                     .filter = q->filter,
                                     .attrs = attrs,
                                     .id_attr = id_attr,
                                     .what = DIR_PUT};
    enum err e = attrs == NULL ? err_nomem(ei) : changes_search(d, &s, each, arg, ei);

    free(attrs);
    out->full = true;
    out->why_full = "the directory tells no changes";
    out->complete = true;
    return e;
}

static enum err read_by_sync(struct dir *d, const struct dir_changes_query *q, dir_change_fn *each,
                             void *arg, struct dir_changes *out, struct errinfo *ei)
{
    struct dir_changes_query again = *q;
    enum err e = d->ops->changes(d, &again, each, arg, out, ei);

    if (e == ERR_EXPIRED && q->cookie != NULL) {
        again.cookie = NULL;
        again.cookie_len = 0;
        buf_clear(&out->cookie);
        out->why_full = "the directory can't go on from where it was";
        e = d->ops->changes(d, &again, each, arg, out, ei);
    }
    out->full = again.cookie == NULL;
    out->complete = out->complete || out->full;
    if (e == ERR_OK && q->list && !out->complete) {
        e = changes_list(d, q, "entryUUID", each, arg, ei);
        out->complete = true;
    }
    return e;
}

/* ---- the facade ---- */

struct counting {
    dir_change_fn *each;
    void *arg;
    uint64_t *entries;
};

static enum err count(void *arg, enum dir_change what, const struct guid *id,
                      const struct dir_entry *e, struct errinfo *ei)
{
    const struct counting *c = arg;

    if (what == DIR_PUT)
        ++*c->entries;
    return c->each(c->arg, what, id, e, ei);
}

static enum err read_changes(struct dir *d, enum reader reader, const struct dir_changes_query *q,
                             dir_change_fn *each, void *arg, struct dir_changes *out,
                             struct errinfo *ei)
{
    struct counting c = {.each = each, .arg = arg, .entries = &out->entries};

    switch (reader) {
    case BY_USN:
        return changes_by_usn(d, q, count, &c, out, ei);
    case BY_SYNC:
        return read_by_sync(d, q, count, &c, out, ei);
    case IN_FULL:
        return read_in_full(d, q, count, &c, out, ei);
    }
    return err_fail(ei, ERR_INTERNAL, "read %s: no such reader", q->base);
}

enum err dir_changes(struct dir *d, const struct dir_changes_query *q, dir_change_fn *each,
                     void *arg, struct dir_changes *out, struct errinfo *ei)
{
    enum reader reader = reader_of(d);
    struct dir_changes_query inner = *q;
    struct dir_changes got = {.why_full = "it is the first reading"};
    struct buf cookie = BUF_INIT;
    uint8_t header[HEADER_LEN];
    uint64_t hash = 0;
    enum err e;

    if (q->base == NULL || q->attrs == NULL || each == NULL)
        return err_fail(ei, ERR_INTERNAL, "read changes: no base, attributes or callback given");
    e = hash_query(d, q, &hash, ei);
    if (e != ERR_OK)
        return e;
    header_write(reader, hash, header);
    inner.cookie = NULL;
    inner.cookie_len = 0;
    if (q->cookie_len > HEADER_LEN && memcmp(q->cookie, header, HEADER_LEN) == 0) {
        inner.cookie = (const uint8_t *)q->cookie + HEADER_LEN;
        inner.cookie_len = q->cookie_len - HEADER_LEN;
    } else if (q->cookie_len > 0) {
        got.why_full = "another directory, or another question, than last time";
    }
    e = read_changes(d, reader, &inner, each, arg, &got, ei);
    if (e == ERR_OK) {
        buf_add(&cookie, header, sizeof(header));
        buf_add(&cookie, got.cookie.data, got.cookie.len);
        e = cookie.err == ERR_OK && got.cookie.err == ERR_OK ? ERR_OK : err_nomem(ei);
    }
    buf_fini(&got.cookie);
    if (e != ERR_OK) {
        buf_fini(&cookie);
        return e;
    }
    *out = got;
    out->cookie = cookie;
    if (!out->full)
        out->why_full = NULL;
    return ERR_OK;
}
