#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ldap/dir.h"

struct dir_entry *dir_entry_new(const char *dn)
{
    struct dir_entry *e = calloc(1, sizeof(*e));

    if (e != NULL && (e->dn = strdup(dn)) == NULL) {
        free(e);
        e = NULL;
    }
    return e;
}

static void attr_fini(struct dir_attr *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->vals[i].data);
    free(a->vals);
    free(a->name);
}

void dir_entry_free(struct dir_entry *e)
{
    if (e == NULL)
        return;
    for (size_t i = 0; i < e->n; i++)
        attr_fini(&e->attrs[i]);
    free(e->attrs);
    free(e->dn);
    free(e);
}

static struct dir_attr *attr_of(const struct dir_entry *e, const char *name)
{
    for (size_t i = 0; i < e->n; i++)
        if (strcasecmp(e->attrs[i].name, name) == 0)
            return &e->attrs[i];
    return NULL;
}

static struct dir_attr *attr_append(struct dir_entry *e, const char *name)
{
    struct dir_attr *grown = realloc(e->attrs, (e->n + 1) * sizeof(*grown));
    char *copy = strdup(name);

    if (grown != NULL)
        e->attrs = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return NULL;
    }
    e->attrs[e->n] = (struct dir_attr){.name = copy};
    return &e->attrs[e->n++];
}

enum err dir_entry_add(struct dir_entry *e, const char *name, const void *data, size_t len)
{
    struct dir_attr *a = attr_of(e, name);
    uint8_t *copy = malloc(len + 1);
    struct dir_val *grown;

    if (a == NULL)
        a = attr_append(e, name);
    grown = a == NULL ? NULL : realloc(a->vals, (a->n + 1) * sizeof(*grown));
    if (grown != NULL)
        a->vals = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return ERR_NOMEM;
    }
    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = '\0';
    a->vals[a->n++] = (struct dir_val){.len = len, .data = copy};
    return ERR_OK;
}

enum err dir_entry_add_str(struct dir_entry *e, const char *name, const char *text)
{
    return dir_entry_add(e, name, text, strlen(text));
}

const struct dir_attr *dir_entry_attr(const struct dir_entry *e, const char *name)
{
    return attr_of(e, name);
}

const struct dir_val *dir_entry_val(const struct dir_entry *e, const char *name)
{
    const struct dir_attr *a = attr_of(e, name);

    return a == NULL || a->n == 0 ? NULL : &a->vals[0];
}

const char *dir_entry_str(const struct dir_entry *e, const char *name)
{
    const struct dir_val *v = dir_entry_val(e, name);

    if (v == NULL || memchr(v->data, '\0', v->len) != NULL)
        return NULL;
    return (const char *)v->data;
}
