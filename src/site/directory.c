#include "site/directory.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SCHEMA_FIRST   48 /* objectVersion that brings the classes */
#define SCHEMA_DEFAULT 88 /* Windows Server 2019 and 2022 */
#define CONFIG         "CN=Configuration,"

struct kept {
    struct dir_entry *entry;
    int64_t since; /* seen from then on */
};

struct memory {
    struct dir base;
    const int64_t *now;
    int64_t lag;
    struct kept *kept;
    size_t n;
};

static struct memory *memory(struct dir *d)
{
    return (struct memory *)d;
}

/* ---- names and filters ---- */

/* Whether dn is base, one level below it or further, as the scope asks. */
static bool in_scope(const char *dn, const char *base, enum dir_scope scope)
{
    size_t dn_len = strlen(dn), base_len = strlen(base);
    size_t above;

    if (strcasecmp(dn, base) == 0)
        return scope != DIR_ONE;
    if (scope == DIR_BASE || dn_len <= base_len + 1)
        return false;
    above = dn_len - base_len;
    if (dn[above - 1] != ',' || strcasecmp(dn + above, base) != 0)
        return false;
    for (size_t i = 0; scope == DIR_ONE && i < above - 1; i++) {
        if (dn[i] == ',' && (i == 0 || dn[i - 1] != '\\'))
            return false;
    }
    return true;
}

/* What activation objects have of their own are octets; everything else is text without case. */
static bool equal(const struct dir_val *v, const struct dir_filter *f)
{
    const uint8_t *want = f->value;

    if (v->len != f->len)
        return false;
    if (strncasecmp(f->attr, "msSPP-", 6) == 0)
        return memcmp(v->data, want, v->len) == 0;
    for (size_t i = 0; i < v->len; i++) {
        if (tolower(v->data[i]) != tolower(want[i]))
            return false;
    }
    return true;
}

static bool has_value(const struct dir_attr *a, const struct dir_filter *f)
{
    for (size_t i = 0; a != NULL && i < a->n; i++) {
        if (equal(&a->vals[i], f))
            return true;
    }
    return false;
}

static bool matches(const struct dir_entry *e, const struct dir_filter *f)
{
    size_t i = 0;

    switch (f->op) {
    case DIR_PRESENT:
        return dir_entry_attr(e, f->attr) != NULL;
    case DIR_EQ:
        return has_value(dir_entry_attr(e, f->attr), f);
    case DIR_NOT:
        return !matches(e, f->sub[0]);
    case DIR_AND:
        while (f->sub[i] != NULL && matches(e, f->sub[i]))
            i++;
        return f->sub[i] == NULL;
    case DIR_OR:
        while (f->sub[i] != NULL && !matches(e, f->sub[i]))
            i++;
        return f->sub[i] != NULL;
    default: /* nobody asks this of activation objects */
        return false;
    }
}

/* ---- operations ---- */

static bool seen(const struct memory *m, const struct kept *k)
{
    return k->since <= *m->now;
}

static struct kept *find(struct memory *m, const char *dn)
{
    for (size_t i = 0; i < m->n; i++) {
        if (strcasecmp(m->kept[i].entry->dn, dn) == 0)
            return &m->kept[i];
    }
    return NULL;
}

static enum err search(struct dir *d, const struct dir_query *q, dir_each_fn *each, void *arg,
                       struct errinfo *ei)
{
    struct memory *m = memory(d);
    struct kept *base = find(m, q->base);
    enum err e = ERR_OK;

    if (base == NULL || !seen(m, base))
        return err_fail(ei, ERR_NOTFOUND, "search %s: there is no such entry", q->base);
    for (size_t i = 0; i < m->n && e == ERR_OK; i++) {
        const struct dir_entry *entry = m->kept[i].entry;

        if (seen(m, &m->kept[i]) && in_scope(entry->dn, q->base, q->scope) &&
            (q->filter == NULL || matches(entry, q->filter)))
            e = each(arg, entry, ei);
    }
    return e;
}

static struct dir_entry *copy(const struct dir_entry *e)
{
    struct dir_entry *c = dir_entry_new(e->dn);

    for (size_t i = 0; c != NULL && i < e->n; i++) {
        for (size_t k = 0; k < e->attrs[i].n; k++) {
            const struct dir_val *v = &e->attrs[i].vals[k];

            if (dir_entry_add(c, e->attrs[i].name, v->data, v->len) == ERR_OK)
                continue;
            dir_entry_free(c);
            return NULL;
        }
    }
    return c;
}

static enum err add(struct dir *d, const struct dir_entry *e, struct errinfo *ei)
{
    struct memory *m = memory(d);
    struct dir_entry *mine;
    struct kept *grown;

    if (find(m, e->dn) != NULL)
        return err_fail(ei, ERR_EXISTS, "add %s: it is there already", e->dn);
    grown = realloc(m->kept, (m->n + 1) * sizeof(*grown));
    if (grown == NULL)
        return err_nomem(ei);
    m->kept = grown;
    mine = copy(e);
    if (mine == NULL)
        return err_nomem(ei);
    m->kept[m->n++] = (struct kept){.entry = mine, .since = *m->now + m->lag};
    return ERR_OK;
}

static enum err modify(struct dir *d, const char *dn, const struct dir_mod *mods, size_t n,
                       struct errinfo *ei)
{
    (void)d;
    (void)mods;
    (void)n;
    return err_fail(ei, ERR_INTERNAL, "change %s: a simulated directory changes no entries", dn);
}

static enum err del(struct dir *d, const char *dn, struct errinfo *ei)
{
    struct memory *m = memory(d);
    struct kept *k = find(m, dn);

    if (k == NULL)
        return err_fail(ei, ERR_NOTFOUND, "delete %s: there is no such entry", dn);
    dir_entry_free(k->entry);
    *k = m->kept[--m->n];
    return ERR_OK;
}

static void release(struct dir *d)
{
    struct memory *m = memory(d);

    for (size_t i = 0; i < m->n; i++)
        dir_entry_free(m->kept[i].entry);
    free(m->kept);
}

static const struct dir_ops ops = {.name = "simulated",
                                   .search = search,
                                   .add = add,
                                   .modify = modify,
                                   .del = del,
                                   .close = release};

/* ---- a forest ---- */

/* "lab.example" to "DC=lab,DC=example", behind prefix. */
static char *naming_context(const char *prefix, const char *forest)
{
    char dn[1024];
    int at = snprintf(dn, sizeof(dn), "%s", prefix);

    for (const char *p = forest; *p != '\0' && at < 900;) {
        int len = (int)strcspn(p, ".");

        at += snprintf(dn + at, sizeof(dn) - (size_t)at, "%sDC=%.*s", p == forest ? "" : ",",
                       len > 64 ? 64 : len, p);
        p += len;
        p += *p == '.';
    }
    return strdup(dn);
}

static bool fill_facts(struct dir *d, const char *forest)
{
    struct dir_facts *f = &d->facts;

    f->lab_marked = true;
    f->has_ao_class = true;
    f->schema_version = SCHEMA_DEFAULT;
    f->default_nc = naming_context("", forest);
    f->config_nc = naming_context(CONFIG, forest);
    f->schema_nc = naming_context("CN=Schema," CONFIG, forest);
    f->root_domain_nc = naming_context("", forest);
    f->forest = strdup(forest);
    f->domain = strdup(forest);
    f->dns_host_name = strdup("dc1");
    d->lab_forest = strdup(forest);
    return f->default_nc != NULL && f->config_nc != NULL && f->schema_nc != NULL &&
           f->root_domain_nc != NULL && f->forest != NULL && f->domain != NULL &&
           f->dns_host_name != NULL && d->lab_forest != NULL;
}

struct dir *directory_new(const char *forest, const int64_t *now)
{
    struct memory *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->base.ops = &ops;
    m->now = now;
    if (fill_facts(&m->base, forest))
        return &m->base;
    dir_close(&m->base);
    return NULL;
}

void directory_set_lag(struct dir *d, int64_t seconds)
{
    memory(d)->lag = seconds;
}

void directory_set_schema(struct dir *d, int version)
{
    d->facts.schema_version = version;
    d->facts.has_ao_class = version >= SCHEMA_FIRST;
}

void directory_set_read_only(struct dir *d, bool read_only)
{
    d->facts.read_only = read_only;
}

/* The name that an entry of the other forest has in this one. The caller frees. */
static char *moved(const char *dn, const struct dir *to, const struct dir *from)
{
    size_t len = strlen(dn), tail = strlen(from->facts.config_nc);
    size_t room = len + strlen(to->facts.config_nc) + 1;
    char *out = len >= tail ? malloc(room) : NULL;

    if (out != NULL)
        snprintf(out, room, "%.*s%s", (int)(len - tail), dn, to->facts.config_nc);
    return out;
}

enum err directory_copy(struct dir *to, const struct dir *from, struct errinfo *ei)
{
    const struct memory *source = (const struct memory *)from;
    enum err e = ERR_OK;

    for (size_t i = 0; i < source->n && e == ERR_OK; i++) {
        struct dir_entry *c = copy(source->kept[i].entry);
        char *dn = c != NULL ? moved(c->dn, to, from) : NULL;

        if (dn == NULL) {
            dir_entry_free(c);
            return err_nomem(ei);
        }
        free(c->dn);
        c->dn = dn;
        e = add(to, c, ei);
        dir_entry_free(c);
        e = e == ERR_EXISTS ? ERR_OK : e;
    }
    return e;
}
