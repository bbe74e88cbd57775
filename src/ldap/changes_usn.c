/* Active Directory: every object carries uSNChanged, a number that its own domain controller gave
 * at the last change, so it means something at that domain controller alone (its invocationId).
 * highestCommittedUSN is read before the search: what changes meanwhile is told twice, never
 * missed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ldap/changes_internal.h"

#define ID_ATTR         "objectGUID"
#define DELETED_OBJECTS "CN=Deleted Objects,"

/* What this reader's part of a cookie holds. */
struct usn_cookie {
    struct guid invocation; /* of the domain controller's database */
    uint64_t usn;           /* everything up to it was told */
};
#define COOKIE_LEN (16 + 8)

static void cookie_write(const struct usn_cookie *c, struct buf *out)
{
    uint8_t *p;

    buf_add(out, c->invocation.b, sizeof(c->invocation.b));
    p = buf_grow(out, 8);
    for (int i = 0; p != NULL && i < 8; i++)
        p[i] = (uint8_t)(c->usn >> (8 * i));
}

static bool cookie_read(const uint8_t *data, size_t len, struct usn_cookie *out)
{
    if (data == NULL || len != COOKIE_LEN)
        return false;
    memcpy(out->invocation.b, data, sizeof(out->invocation.b));
    out->usn = 0;
    for (int i = 0; i < 8; i++)
        out->usn |= (uint64_t)data[16 + i] << (8 * i);
    return true;
}

/* ---- where the domain controller stands now ---- */

static enum err read_invocation(struct dir *d, const char *settings_dn, struct guid *out,
                                struct errinfo *ei)
{
    static const char *const attrs[] = {"invocationId", NULL};
    struct dir_entry *settings = NULL;
    const struct dir_val *v;
    enum err e = dir_get(d, settings_dn, attrs, &settings, ei);

    if (e != ERR_OK)
        return err_context(ei, "tell which domain controller this is");
    v = dir_entry_val(settings, "invocationId");
    if (v == NULL || v->len != sizeof(out->b))
        e = err_fail(ei, ERR_SCHEMA, "read %s: it shows no invocationId", settings_dn);
    else
        memcpy(out->b, v->data, sizeof(out->b));
    dir_entry_free(settings);
    return e;
}

static enum err read_position(struct dir *d, struct usn_cookie *out, struct errinfo *ei)
{
    static const char *const attrs[] = {"highestCommittedUSN", "dsServiceName", NULL};
    struct dir_entry *root = NULL;
    const char *usn, *settings;
    char *end = NULL;
    enum err e = dir_get(d, "", attrs, &root, ei);

    if (e != ERR_OK)
        return e;
    usn = dir_entry_str(root, "highestCommittedUSN");
    settings = dir_entry_str(root, "dsServiceName");
    if (usn != NULL)
        out->usn = strtoull(usn, &end, 10);
    if (usn == NULL || *usn == '\0' || *end != '\0' || settings == NULL)
        e = err_fail(ei, ERR_SCHEMA,
                     "read the rootDSE: it shows no highestCommittedUSN or "
                     "dsServiceName, as a domain controller does");
    else
        e = read_invocation(d, settings, &out->invocation, ei);
    dir_entry_free(root);
    return e;
}

/* ---- reading ---- */

/* extra AND (uSNChanged >= from), as much of it as is given. */
static enum err search_from(struct dir *d, const struct changes_search *how, uint64_t from,
                            dir_change_fn *each, void *arg, struct errinfo *ei)
{
    char number[24];
    int len = snprintf(number, sizeof(number), "%" PRIu64, from);
    const struct dir_filter since = {
        .op = DIR_GE, .attr = "uSNChanged", .value = number, .len = (size_t)len};
    const struct dir_filter *const both[] = {&since, how->filter, NULL};
    const struct dir_filter all = {.op = DIR_AND, .sub = both};
    struct changes_search s = *how;

    s.filter = &all;
    return changes_search(d, &s, each, arg, ei);
}

static bool ends_with(const char *dn, const char *suffix)
{
    size_t len = strlen(dn), n = suffix == NULL ? SIZE_MAX : strlen(suffix);

    return n <= len && strcasecmp(dn + len - n, suffix) == 0;
}

/* Every naming context keeps its own tombstones. */
static const char *context_of(const struct dir *d, const char *dn)
{
    const struct dir_facts *f = &d->facts;

    if (ends_with(dn, f->config_nc))
        return f->config_nc;
    return f->default_nc != NULL ? f->default_nc : dn;
}

static enum err stop_at_first(void *arg, const struct dir_entry *e, struct errinfo *ei)
{
    (void)e;
    *(bool *)arg = true;
    return err_fail(ei, ERR_LIMIT, "one is enough");
}

static const struct dir_filter is_deleted = {
    .op = DIR_EQ, .attr = "isDeleted", .value = "TRUE", .len = 4};

/* Only those who were granted it see tombstones. Windows hides the container from others, Samba
 * shows it empty: who sees none at all is taken for one who sees none. */
static enum err probe_deleted(struct dir *d, const char *container, bool *seen, struct errinfo *ei)
{
    static const char *const attrs[] = {ID_ATTR, NULL};
    const struct dir_query q = {.base = container,
                                .scope = DIR_ONE,
                                .filter = &is_deleted,
                                .attrs = attrs,
                                .page_size = 1,
                                .deleted = true};
    enum err e;

    *seen = false;
    e = dir_search(d, &q, stop_at_first, seen, ei);
    return *seen || e == ERR_NOTFOUND || e == ERR_DENIED ? ERR_OK : e;
}

/* from 0: only finds out whether tombstones can be seen. */
static enum err read_deleted(struct dir *d, const char *base, uint64_t from, dir_change_fn *each,
                             void *arg, bool *seen, struct errinfo *ei)
{
    static const char *const attrs[] = {ID_ATTR, NULL};
    struct changes_search s = {.scope = DIR_ONE,
                               .filter = &is_deleted,
                               .attrs = attrs,
                               .id_attr = ID_ATTR,
                               .deleted = true,
                               .what = DIR_GONE};
    char *container;
    enum err e;

    if (asprintf(&container, DELETED_OBJECTS "%s", context_of(d, base)) < 0)
        return err_nomem(ei);
    s.base = container;
    e = probe_deleted(d, container, seen, ei);
    if (e == ERR_OK && *seen && from > 0)
        e = search_from(d, &s, from, each, arg, ei);
    free(container);
    return e;
}

/* Why the cookie can't be gone on from; NULL if it can. */
static const char *why_not(bool given, const struct usn_cookie *had, const struct usn_cookie *now)
{
    if (!given)
        return "it is the first reading";
    if (!guid_equal(&had->invocation, &now->invocation))
        return "another domain controller than last time, or its database was restored";
    if (had->usn > now->usn)
        return "the domain controller went back in time";
    return NULL;
}

static enum err read_all(struct dir *d, const struct changes_search *s, dir_change_fn *each,
                         void *arg, struct dir_changes *out, struct errinfo *ei)
{
    enum err e = read_deleted(d, s->base, 0, each, arg, &out->tells_deletions, ei);

    out->full = true;
    out->complete = true;
    return e == ERR_OK ? changes_search(d, s, each, arg, ei) : e;
}

static enum err read_since(struct dir *d, const struct changes_search *s,
                           const struct dir_changes_query *q, uint64_t from, dir_change_fn *each,
                           void *arg, struct dir_changes *out, struct errinfo *ei)
{
    enum err e = search_from(d, s, from, each, arg, ei);

    if (e == ERR_OK)
        e = read_deleted(d, s->base, from, each, arg, &out->tells_deletions, ei);
    if (e == ERR_OK && q->list)
        e = changes_list(d, q, ID_ATTR, each, arg, ei);
    out->complete = q->list;
    return e;
}

enum err changes_by_usn(struct dir *d, const struct dir_changes_query *q, dir_change_fn *each,
                        void *arg, struct dir_changes *out, struct errinfo *ei)
{
    struct usn_cookie had = {0}, now = {0};
    bool given = cookie_read(q->cookie, q->cookie_len, &had);
    const char **attrs = changes_attrs(q->attrs, ID_ATTR);
    const struct changes_search s = {.base = q->base,
                                     .scope = DIR_SUB,
                                     .filter = q->filter,
                                     .attrs = attrs,
                                     .id_attr = ID_ATTR,
                                     .what = DIR_PUT};
    const char *why;
    enum err e = attrs == NULL ? err_nomem(ei) : read_position(d, &now, ei);

    if (e != ERR_OK)
        goto out;
    why = why_not(given, &had, &now);
    if (why != NULL && given)
        out->why_full = why;
    e = why != NULL ? read_all(d, &s, each, arg, out, ei)
                    : read_since(d, &s, q, had.usn + 1, each, arg, out, ei);
    if (e == ERR_OK)
        cookie_write(&now, &out->cookie);
out:
    free(attrs);
    return e;
}
