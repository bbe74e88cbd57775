#include "fakedir.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "ldap/changes.h"

/* What a directory knows about an entry beside its attributes. */
struct meta {
    struct guid id;
    uint64_t usn; /* of its last change */
    bool deleted; /* a tombstone, below CN=Deleted Objects */
};

struct fakedir {
    struct dir base;
    struct dir_entry **entries;
    struct meta *metas; /* one for each entry */
    size_t n;
    struct meta *gone; /* deleted entries, for content synchronization */
    size_t gone_n;
    uint64_t usn;     /* of the last change to anything */
    uint64_t horizon; /* cookies below it are refused */
    uint32_t ids;     /* given so far */
    bool usn_mode;
    enum fakedir_deleted deleted_shown;
    fakedir_hook *hook;
    void *hook_arg;
    const char *fail_op;
    enum err fail_code;
};

static struct fakedir *fake(struct dir *d)
{
    return (struct fakedir *)d;
}

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

/* ---- names ---- */

/* Lower case, no blanks around separators, one way of escaping: equal names become equal text. */
static char *dn_normal(const char *dn)
{
    struct buf out = BUF_INIT;
    size_t keep = 0; /* up to here blanks at the end are part of the value */
    char *text;

    for (const char *p = dn; *p != '\0'; p++) {
        char c = *p;

        if (c == '\\' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2])) {
            char hex[3] = {p[1], p[2], '\0'};

            c = (char)strtoul(hex, NULL, 16);
            p += 2;
            buf_add_fmt(&out, "\\%02x", (unsigned char)tolower((unsigned char)c));
            keep = out.len;
        } else if (c == '\\' && p[1] != '\0') {
            p++;
            buf_add_fmt(&out, "\\%02x", (unsigned char)*p);
            keep = out.len;
        } else if (c == ',' || c == '=') {
            while (out.len > keep && out.data[out.len - 1] == ' ')
                out.len--;
            buf_add(&out, &c, 1);
            keep = out.len;
            while (p[1] == ' ')
                p++;
        } else {
            c = (char)tolower((unsigned char)c);
            buf_add(&out, &c, 1);
        }
    }
    while (out.len > keep && out.data[out.len - 1] == ' ')
        out.len--;
    text = must(strdup(must((void *)(uintptr_t)buf_str(&out))));
    buf_fini(&out);
    return text;
}

/* What follows the first unescaped comma; NULL for a name of one part. */
static const char *dn_parent(const char *dn)
{
    for (; *dn != '\0'; dn++) {
        if (*dn == '\\' && dn[1] != '\0')
            dn++;
        else if (*dn == ',')
            return dn + 1;
    }
    return NULL;
}

/* How dn stands to base: 0 the same, n levels below, -1 elsewhere. */
static int depth_below(const char *dn, const char *base)
{
    char *at = dn_normal(dn);
    char *top = dn_normal(base);
    int depth = 0;
    const char *p = at;

    while (p != NULL && strcmp(p, top) != 0) {
        p = dn_parent(p);
        depth++;
    }
    free(at);
    free(top);
    return p == NULL ? -1 : depth;
}

static size_t find(const struct fakedir *f, const char *dn)
{
    size_t i = 0;

    while (i < f->n && depth_below(f->entries[i]->dn, dn) != 0)
        i++;
    return i;
}

/* ---- values ---- */

/* Octet strings compare byte by byte; everything else here is text without case. */
static bool is_octets(const char *attr)
{
    static const char *const octets[] = {"msSPP-KMSIds",         "msSPP-CSVLKSkuId",
                                         "msSPP-OnlineLicense",  "msSPP-PhoneLicense",
                                         "msSPP-ConfigLicense",  "msSPP-IssuanceLicense",
                                         "objectGUID",           "objectSid",
                                         "userPassword",         "invocationId",
                                         "nTSecurityDescriptor", "tokenGroups"};

    for (size_t i = 0; i < sizeof(octets) / sizeof(octets[0]); i++)
        if (strcasecmp(attr, octets[i]) == 0)
            return true;
    return false;
}

static bool val_equal(const char *attr, const struct dir_val *a, const void *data, size_t len)
{
    if (a->len != len)
        return false;
    if (is_octets(attr))
        return memcmp(a->data, data, len) == 0;
    for (size_t i = 0; i < len; i++)
        if (tolower(a->data[i]) != tolower(((const uint8_t *)data)[i]))
            return false;
    return true;
}

static size_t val_find(const struct dir_attr *a, const void *data, size_t len)
{
    size_t i = 0;

    while (i < a->n && !val_equal(a->name, &a->vals[i], data, len))
        i++;
    return i;
}

static void attr_remove(struct dir_entry *e, struct dir_attr *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->vals[i].data);
    free(a->vals);
    free(a->name);
    *a = e->attrs[--e->n];
}

static struct dir_entry *entry_copy(const struct dir_entry *e, const char *const *attrs)
{
    struct dir_entry *copy = must(dir_entry_new(e->dn));

    for (size_t i = 0; i < e->n; i++) {
        bool wanted = attrs == NULL;

        for (size_t k = 0; !wanted && attrs[k] != NULL; k++)
            wanted = strcasecmp(attrs[k], e->attrs[i].name) == 0 || strcmp(attrs[k], "*") == 0;
        for (size_t k = 0; wanted && k < e->attrs[i].n; k++)
            if (dir_entry_add(copy, e->attrs[i].name, e->attrs[i].vals[k].data,
                              e->attrs[i].vals[k].len) != ERR_OK)
                abort();
    }
    return copy;
}

/* ---- filters ---- */

static bool val_at_least(const struct dir_val *a, const struct dir_filter *f)
{
    char *end;
    char *want = must(strndup(f->value, f->len));
    long long have_n = strtoll((const char *)a->data, &end, 10);
    long long want_n = strtoll(want, NULL, 10);
    bool yes = *end == '\0' ? have_n >= want_n : strcasecmp((const char *)a->data, want) >= 0;

    free(want);
    return yes;
}

static bool match(const struct dir_entry *e, const struct dir_filter *f)
{
    const struct dir_attr *a = f->attr == NULL ? NULL : dir_entry_attr(e, f->attr);
    size_t i = 0;

    switch (f->op) {
    case DIR_PRESENT:
        return a != NULL;
    case DIR_EQ:
        return a != NULL && val_find(a, f->value, f->len) < a->n;
    case DIR_GE:
        while (a != NULL && i < a->n && !val_at_least(&a->vals[i], f))
            i++;
        return a != NULL && i < a->n;
    case DIR_NOT:
        return !match(e, f->sub[0]);
    case DIR_AND:
        while (f->sub[i] != NULL && match(e, f->sub[i]))
            i++;
        return f->sub[i] == NULL;
    case DIR_OR:
        while (f->sub[i] != NULL && !match(e, f->sub[i]))
            i++;
        return f->sub[i] != NULL;
    }
    return false;
}

/* ---- operations ---- */

static enum err before(struct fakedir *f, const char *op, const char *dn, struct errinfo *ei)
{
    if (f->fail_code != ERR_OK && (f->fail_op == NULL || strcmp(f->fail_op, op) == 0)) {
        enum err e = f->fail_code;

        f->fail_code = ERR_OK;
        return err_fail(ei, e, "%s %s: failure asked for by the test", op, dn);
    }
    return f->hook == NULL ? ERR_OK : f->hook(f->hook_arg, op, dn, ei);
}

static enum err not_found(const char *op, const char *dn, struct errinfo *ei)
{
    return err_fail(ei, ERR_NOTFOUND, "%s %s: No such object", op, dn);
}

static bool is_deleted_container(const char *dn)
{
    return strncasecmp(dn, "CN=Deleted Objects,", 19) == 0;
}

static bool visible(const struct fakedir *f, size_t i, bool deleted)
{
    if (f->metas[i].deleted)
        return deleted && f->deleted_shown == FAKEDIR_DELETED_SHOWN;
    if (is_deleted_container(f->entries[i]->dn))
        return deleted && f->deleted_shown != FAKEDIR_DELETED_HIDDEN;
    return true;
}

/* As AD shows them: objectGUID and uSNChanged are attributes like others. */
static struct dir_entry *with_operational(const struct fakedir *f, size_t i)
{
    struct dir_entry *e = entry_copy(f->entries[i], NULL);
    char usn[24], text[GUID_TEXT_MAX];

    if (!f->usn_mode) { /* OpenLDAP shows them to those who ask by name */
        if (dir_entry_add_str(e, "entryUUID", guid_format(&f->metas[i].id, text)) != ERR_OK)
            abort();
        return e;
    }
    snprintf(usn, sizeof(usn), "%llu", (unsigned long long)f->metas[i].usn);
    if (dir_entry_add(e, "objectGUID", f->metas[i].id.b, 16) != ERR_OK ||
        dir_entry_add_str(e, "uSNChanged", usn) != ERR_OK)
        abort();
    return e;
}

static bool in_scope(const struct dir_entry *e, const struct dir_query *q)
{
    int depth = depth_below(e->dn, q->base);

    return depth >= 0 && (q->scope == DIR_SUB || depth == (q->scope == DIR_ONE ? 1 : 0));
}

static enum err search(struct dir *d, const struct dir_query *q, dir_each_fn *each, void *arg,
                       struct errinfo *ei)
{
    struct fakedir *f = fake(d);
    enum err e = before(f, "search", q->base, ei);
    struct dir_entry **found;
    size_t n = 0;

    if (e != ERR_OK)
        return e;
    if (find(f, q->base) == f->n || !visible(f, find(f, q->base), q->deleted))
        return not_found("search", q->base, ei);
    found = must(calloc(f->n, sizeof(*found))); /* copies: each() may change the directory */
    for (size_t i = 0; i < f->n; i++) {
        struct dir_entry *whole;

        if (!in_scope(f->entries[i], q) || !visible(f, i, q->deleted))
            continue;
        whole = with_operational(f, i);
        if (q->filter == NULL || match(whole, q->filter))
            found[n++] =
                entry_copy(q->attrs == NULL && !f->usn_mode ? f->entries[i] : whole, q->attrs);
        dir_entry_free(whole);
    }
    for (size_t i = 0; i < n; i++) {
        if (e == ERR_OK)
            e = each(arg, found[i], ei);
        dir_entry_free(found[i]);
    }
    free(found);
    return e;
}

/* As real directories do, the naming attribute becomes one of the entry's. */
static void add_rdn(struct dir_entry *e)
{
    size_t name_len = strcspn(e->dn, "=");
    char *name = must(strndup(e->dn, name_len));
    char *value = must(calloc(1, strlen(e->dn) + 1));
    const struct dir_attr *a = dir_entry_attr(e, name);
    size_t n = 0;

    for (const char *p = e->dn + name_len + (e->dn[name_len] == '='); *p != '\0' && *p != ',';
         p++) {
        if (*p == '\\' && p[1] != '\0')
            p++;
        value[n++] = *p;
    }
    if (a == NULL || val_find(a, value, n) == a->n)
        if (dir_entry_add(e, name, value, n) != ERR_OK)
            abort();
    free(name);
    free(value);
}

/* In AD the rootDSE counts along; it is an entry of ours. */
static void touch(struct fakedir *f, size_t i)
{
    size_t root = f->usn_mode ? find(f, "") : f->n;
    char usn[24];

    f->metas[i].usn = ++f->usn;
    if (root == f->n)
        return;
    snprintf(usn, sizeof(usn), "%llu", (unsigned long long)f->usn);
    fakedir_set(&f->base, "", "highestCommittedUSN", usn, strlen(usn));
}

static void store(struct fakedir *f, struct dir_entry *e)
{
    struct meta m = {.id = {{0xfa, 0xce, 0xd1}}};

    f->ids++;
    memcpy(m.id.b + 12, &f->ids, sizeof(f->ids));
    f->entries = must(realloc(f->entries, (f->n + 1) * sizeof(struct dir_entry *)));
    f->metas = must(realloc(f->metas, (f->n + 1) * sizeof(*f->metas)));
    f->metas[f->n] = m;
    f->entries[f->n++] = e;
    if (e->dn[0] != '\0')
        add_rdn(e);
    touch(f, f->n - 1);
}

/* The one class whose rules matter to callers. */
static bool fits_schema(const struct dir_facts *facts, const struct dir_entry *e)
{
    static const char *const required[] = {"msSPP-KMSIds", "msSPP-CSVLKSkuId",
                                           "msSPP-CSVLKPartialProductKey", "msSPP-CSVLKPid"};
    const struct dir_attr *class = dir_entry_attr(e, "objectClass");

    if (class == NULL)
        return false;
    if (val_find(class, "msSPP-ActivationObject", 22) == class->n)
        return true;
    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
        if (dir_entry_attr(e, required[i]) == NULL)
            return false;
    return facts->has_ao_class;
}

static enum err add(struct dir *d, const struct dir_entry *entry, struct errinfo *ei)
{
    struct fakedir *f = fake(d);
    enum err e = before(f, "add", entry->dn, ei);
    const char *parent = dn_parent(entry->dn);

    if (e != ERR_OK)
        return e;
    if (find(f, entry->dn) < f->n)
        return err_fail(ei, ERR_EXISTS, "add %s: Already exists", entry->dn);
    if (parent == NULL || find(f, parent) == f->n)
        return not_found("add", entry->dn, ei);
    if (!fits_schema(&d->facts, entry))
        return err_fail(ei, ERR_SCHEMA, "add %s: Object class violation", entry->dn);
    store(f, entry_copy(entry, NULL));
    return ERR_OK;
}

static bool delete_value(struct dir_entry *e, const char *attr, const struct dir_val *v)
{
    struct dir_attr *a = (struct dir_attr *)(uintptr_t)dir_entry_attr(e, attr);
    size_t i = a == NULL ? 0 : val_find(a, v->data, v->len);

    if (a == NULL || i == a->n)
        return false;
    free(a->vals[i].data);
    a->vals[i] = a->vals[--a->n];
    if (a->n == 0)
        attr_remove(e, a);
    return true;
}

static bool add_value(struct dir_entry *e, const char *attr, const struct dir_val *v)
{
    const struct dir_attr *a = dir_entry_attr(e, attr);

    if (a != NULL && val_find(a, v->data, v->len) < a->n)
        return false;
    if (dir_entry_add(e, attr, v->data, v->len) != ERR_OK)
        abort();
    return true;
}

static bool apply(struct dir_entry *e, const struct dir_mod *m)
{
    struct dir_attr *a = (struct dir_attr *)(uintptr_t)dir_entry_attr(e, m->attr);
    bool ok = true;

    if (m->op == DIR_MOD_DELETE && m->n == 0 && a == NULL)
        return false;
    if (a != NULL && (m->op == DIR_MOD_REPLACE || (m->op == DIR_MOD_DELETE && m->n == 0)))
        attr_remove(e, a);
    for (size_t i = 0; ok && i < m->n; i++)
        ok = m->op == DIR_MOD_DELETE ? delete_value(e, m->attr, &m->vals[i])
                                     : add_value(e, m->attr, &m->vals[i]);
    return ok;
}

static enum err modify(struct dir *d, const char *dn, const struct dir_mod *mods, size_t n,
                       struct errinfo *ei)
{
    struct fakedir *f = fake(d);
    enum err e = before(f, "modify", dn, ei);
    size_t at = find(f, dn);
    struct dir_entry *next;

    if (e != ERR_OK)
        return e;
    if (at == f->n)
        return not_found("change", dn, ei);
    next = entry_copy(f->entries[at], NULL);
    for (size_t i = 0; i < n; i++) {
        if (!apply(next, &mods[i])) {
            dir_entry_free(next);
            return err_fail(ei, ERR_CONFLICT, "change %s: %s: %s", dn, mods[i].attr,
                            mods[i].op == DIR_MOD_DELETE ? "No such attribute"
                                                         : "Type or value exists");
        }
    }
    dir_entry_free(f->entries[at]);
    f->entries[at] = next;
    touch(f, at);
    return ERR_OK;
}

/* AD keeps what it deletes for a while, nearly empty, under another name. */
static void bury(struct fakedir *f, size_t at)
{
    struct dir_entry *grave;
    char dn[512], text[GUID_TEXT_MAX];

    snprintf(
        dn, sizeof(dn), "CN=x\\0ADEL:%s,CN=Deleted Objects,%s", guid_format(&f->metas[at].id, text),
        depth_below(f->entries[at]->dn, f->base.facts.config_nc) >= 0 ? f->base.facts.config_nc
                                                                      : f->base.facts.default_nc);
    grave = must(dir_entry_new(dn));
    if (dir_entry_add_str(grave, "isDeleted", "TRUE") != ERR_OK)
        abort();
    dir_entry_free(f->entries[at]);
    f->entries[at] = grave;
    f->metas[at].deleted = true;
    touch(f, at);
}

static void erase(struct fakedir *f, size_t at)
{
    if (f->usn_mode) {
        bury(f, at);
        return;
    }
    f->gone = must(realloc(f->gone, (f->gone_n + 1) * sizeof(*f->gone)));
    f->metas[at].usn = ++f->usn;
    f->gone[f->gone_n++] = f->metas[at];
    dir_entry_free(f->entries[at]);
    f->entries[at] = f->entries[--f->n];
    f->metas[at] = f->metas[f->n];
}

static enum err del(struct dir *d, const char *dn, struct errinfo *ei)
{
    struct fakedir *f = fake(d);
    enum err e = before(f, "delete", dn, ei);
    size_t at = find(f, dn);

    if (e != ERR_OK)
        return e;
    if (at == f->n)
        return not_found("delete", dn, ei);
    for (size_t i = 0; i < f->n; i++)
        if (depth_below(f->entries[i]->dn, dn) > 0)
            return err_fail(ei, ERR_NOT_NOW, "delete %s: Operation not allowed on non-leaf", dn);
    erase(f, at);
    return ERR_OK;
}

/* ---- content synchronization ---- */

/* Whatever is not told as put is told as gone if it changed: it may have matched before. */
static enum err tell(struct fakedir *f, size_t i, const struct dir_changes_query *q, bool first,
                     dir_change_fn *each, void *arg, struct errinfo *ei)
{
    const struct dir_query as_search = {.base = q->base, .scope = DIR_SUB};
    bool matches = in_scope(f->entries[i], &as_search) &&
                   (q->filter == NULL || match(f->entries[i], q->filter));
    struct guid id = f->metas[i].id;
    struct dir_entry *copy;
    enum err e;

    if (!matches)
        return first ? ERR_OK : each(arg, DIR_GONE, &id, NULL, ei);
    copy = entry_copy(f->entries[i], q->attrs);
    e = each(arg, DIR_PUT, &id, copy, ei);
    dir_entry_free(copy);
    return e;
}

static enum err changes(struct dir *d, const struct dir_changes_query *q, dir_change_fn *each,
                        void *arg, struct dir_changes *out, struct errinfo *ei)
{
    struct fakedir *f = fake(d);
    uint64_t since = 0, now = f->usn;
    enum err e = before(f, "changes", q->base, ei);

    if (q->cookie_len == sizeof(since))
        memcpy(&since, q->cookie, sizeof(since));
    if (e != ERR_OK)
        return e;
    if (find(f, q->base) == f->n)
        return not_found("read changes of", q->base, ei);
    if (q->cookie != NULL &&
        (q->cookie_len != sizeof(since) || since < f->horizon || since > f->usn))
        return err_fail(ei, ERR_EXPIRED, "read changes of %s: cookie too old", q->base);
    for (size_t i = 0; e == ERR_OK && i < f->n; i++)
        if (f->metas[i].usn > since)
            e = tell(f, i, q, q->cookie == NULL, each, arg, ei);
    for (size_t i = 0; e == ERR_OK && q->cookie != NULL && i < f->gone_n; i++)
        if (f->gone[i].usn > since)
            e = each(arg, DIR_GONE, &f->gone[i].id, NULL, ei);
    out->tells_deletions = true;
    buf_add(&out->cookie, &now, sizeof(now));
    return e;
}

static void end(struct dir *d)
{
    struct fakedir *f = fake(d);

    for (size_t i = 0; i < f->n; i++)
        dir_entry_free(f->entries[i]);
    free(f->entries);
    free(f->metas);
    free(f->gone);
}

static const struct dir_ops fake_ops = {.name = "fake",
                                        .search = search,
                                        .add = add,
                                        .modify = modify,
                                        .del = del,
                                        .changes = changes,
                                        .close = end};

/* ---- set-up ---- */

static char *suffix_of(const char *forest)
{
    struct buf out = BUF_INIT;
    char *text;

    buf_add_str(&out, "DC=");
    for (const char *p = forest; *p != '\0'; p++) {
        if (*p == '.')
            buf_add_str(&out, ",DC=");
        else
            buf_add(&out, p, 1);
    }
    text = must(strdup(must((void *)(uintptr_t)buf_str(&out))));
    buf_fini(&out);
    return text;
}

static void put(struct fakedir *f, const char *class, const char *rdn, const char *suffix)
{
    char dn[512];
    struct dir_entry *e;

    snprintf(dn, sizeof(dn), "%s%s", rdn, suffix);
    e = must(dir_entry_new(dn));
    if (dir_entry_add_str(e, "objectClass", "top") != ERR_OK ||
        dir_entry_add_str(e, "objectClass", class) != ERR_OK)
        abort();
    store(f, e);
}

static char *joined(const char *a, const char *b)
{
    char *text = must(malloc(strlen(a) + strlen(b) + 1));

    strcpy(text, a);
    return strcat(text, b);
}

struct dir *fakedir_new(const char *forest, const char *lab_forest)
{
    struct fakedir *f = must(calloc(1, sizeof(*f)));
    char *suffix = suffix_of(forest);

    f->base.ops = &fake_ops;
    f->base.lab_forest = lab_forest == NULL ? NULL : must(strdup(lab_forest));
    f->base.facts = (struct dir_facts){
        .lab_marked = true,
        .schema_version = 88,
        .has_ao_class = true,
        .tells_changes = true,
        .default_nc = must(strdup(suffix)),
        .root_domain_nc = must(strdup(suffix)),
        .config_nc = joined("CN=Configuration,", suffix),
        .schema_nc = joined("CN=Schema,CN=Configuration,", suffix),
        .forest = must(strdup(forest)),
        .domain = must(strdup(forest)),
        .domain_sid = must(strdup(FAKEDIR_DOMAIN_SID)),
        .dns_host_name = joined("dc1.", forest),
    };
    put(f, "domainDNS", "", suffix);
    put(f, "container", "CN=Computers,", suffix);
    put(f, "container", "CN=Users,", suffix);
    put(f, "configuration", "CN=Configuration,", suffix);
    put(f, "dMD", "CN=Schema,CN=Configuration,", suffix);
    fakedir_set(&f->base, f->base.facts.schema_nc, "objectVersion", "88", 2);
    put(f, "container", "CN=Services,CN=Configuration,", suffix);
    put(f, "container", "CN=Microsoft SPP,CN=Services,CN=Configuration,", suffix);
    put(f, "msSPP-ActivationObjectsContainer",
        "CN=Activation Objects,CN=Microsoft SPP,CN=Services,CN=Configuration,", suffix);
    free(suffix);
    return &f->base;
}

struct dir_facts *fakedir_facts(struct dir *d)
{
    return &d->facts;
}

struct dir_entry *fakedir_entry(struct dir *d, const char *dn)
{
    size_t at = find(fake(d), dn);

    return at == fake(d)->n ? NULL : fake(d)->entries[at];
}

void fakedir_set(struct dir *d, const char *dn, const char *attr, const void *data, size_t len)
{
    struct dir_entry *e = must(fakedir_entry(d, dn));
    struct dir_attr *a = (struct dir_attr *)(uintptr_t)dir_entry_attr(e, attr);

    if (a != NULL)
        attr_remove(e, a);
    if (dir_entry_add(e, attr, data, len) != ERR_OK)
        abort();
    if (dn[0] != '\0')
        touch(fake(d), find(fake(d), dn));
}

void fakedir_rename(struct dir *d, const char *dn, const char *new_dn)
{
    struct fakedir *f = fake(d);
    size_t at = find(f, dn);
    char *copy = must(strdup(new_dn));

    if (at == f->n)
        abort();
    free(f->entries[at]->dn);
    f->entries[at]->dn = copy;
    touch(f, at);
}

void fakedir_forget_changes(struct dir *d)
{
    fake(d)->horizon = fake(d)->usn + 1;
}

static void put_root(struct fakedir *f, const char *settings)
{
    struct dir_entry *root = must(dir_entry_new(""));

    if (dir_entry_add_str(root, "dsServiceName", settings) != ERR_OK ||
        dir_entry_add_str(root, "highestCommittedUSN", "0") != ERR_OK)
        abort();
    store(f, root);
}

static void put_deleted_objects(struct fakedir *f, const char *context)
{
    char dn[256];
    struct dir_entry *e;

    snprintf(dn, sizeof(dn), "CN=Deleted Objects,%s", context);
    e = must(dir_entry_new(dn));
    if (dir_entry_add_str(e, "isDeleted", "TRUE") != ERR_OK)
        abort();
    store(f, e);
}

void fakedir_become_ad(struct dir *d, const char *invocation)
{
    struct fakedir *f = fake(d);
    char settings[256];

    snprintf(settings, sizeof(settings), "CN=NTDS Settings,CN=Services,%s", d->facts.config_nc);
    if (!f->usn_mode) {
        struct dir_entry *ntds = must(dir_entry_new(settings));
        f->usn_mode = true;
        d->facts.ad_ds = true;
        d->facts.lab_marked = false;
        d->facts.tells_changes = false;
        put_root(f, settings);
        if (dir_entry_add_str(ntds, "objectClass", "nTDSDSA") != ERR_OK)
            abort();
        store(f, ntds);
        put_deleted_objects(f, d->facts.default_nc);
        put_deleted_objects(f, d->facts.config_nc);
    }
    fakedir_set(d, settings, "invocationId", invocation, 16);
}

void fakedir_show_deleted(struct dir *d, enum fakedir_deleted shown)
{
    fake(d)->deleted_shown = shown;
}

size_t fakedir_count(const struct dir *d)
{
    return ((const struct fakedir *)d)->n;
}

void fakedir_on(struct dir *d, fakedir_hook *hook, void *arg)
{
    fake(d)->hook = hook;
    fake(d)->hook_arg = arg;
}

void fakedir_fail_next(struct dir *d, const char *op, enum err code)
{
    fake(d)->fail_op = op;
    fake(d)->fail_code = code;
}
