#include <stdlib.h>
#include <string.h>

#include "catalog/internal.h"

/* A code may have several rows, one per source that speaks of it: of each column the first value
 * that is not empty counts. */
static void fill(const char **value, const char *more)
{
    if (*value == NULL || **value == '\0')
        *value = more;
}

static enum err parse(const struct csv *c, const char *text, const char *prefix, int base,
                      uint32_t *out, struct errinfo *ei)
{
    size_t skip = strlen(prefix);
    const char *digits = base == 16 ? "0123456789abcdefABCDEF" : "0123456789";
    size_t len;

    if (strncmp(text, prefix, skip) != 0)
        return csv_fail(c, ei, "\"%s\" does not start with %s", text, prefix);
    len = strspn(text + skip, digits);
    if (len == 0 || len > 8 || text[skip + len] != '\0')
        return csv_fail(c, ei, "\"%s\" is not a number of up to eight digits", text);
    *out = (uint32_t)strtoul(text + skip, NULL, base);
    return ERR_OK;
}

enum { E_CODE, E_NAME, E_REMEDY, E_COLUMNS };

static enum err error_row(struct catalog *cat, const struct csv *c, const char **v,
                          struct errinfo *ei)
{
    uint32_t code = 0;
    struct cat_error *row = NULL;
    enum err e = parse(c, v[E_CODE], "0x", 16, &code, ei);

    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < cat->errors.count && row == NULL; i++)
        if (VEC_AT(cat->errors, struct cat_error, i)->code == code)
            row = VEC_AT(cat->errors, struct cat_error, i);
    if (row == NULL)
        row = vec_add(&cat->errors, sizeof(*row));
    if (row == NULL)
        return err_nomem(ei);
    row->code = code;
    fill(&row->name, v[E_NAME]);
    fill(&row->remedy, v[E_REMEDY]);
    return ERR_OK;
}

enum err cat_read_errors(struct catalog *cat, struct csv *c, struct errinfo *ei)
{
    static const char *const columns[E_COLUMNS] = {"code", "name", "remedy"};
    const char *v[E_COLUMNS];
    bool got = true;
    enum err e = csv_header(c, columns, E_COLUMNS, ei);

    while (e == ERR_OK) {
        e = csv_row(c, v, &got, ei);
        if (e != ERR_OK || !got)
            break;
        e = error_row(cat, c, v, ei);
    }
    return e;
}

enum { V_ID, V_MEANING, V_FIELDS, V_COLUMNS };

static enum err event_row(struct catalog *cat, const struct csv *c, const char **v,
                          struct errinfo *ei)
{
    uint32_t id = 0;
    struct cat_event *row = NULL;
    enum err e = parse(c, v[V_ID], "", 10, &id, ei);

    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < cat->events.count && row == NULL; i++)
        if (VEC_AT(cat->events, struct cat_event, i)->id == id)
            row = VEC_AT(cat->events, struct cat_event, i);
    if (row == NULL)
        row = vec_add(&cat->events, sizeof(*row));
    if (row == NULL)
        return err_nomem(ei);
    row->id = id;
    fill(&row->meaning, v[V_MEANING]);
    fill(&row->fields, v[V_FIELDS]);
    return ERR_OK;
}

enum err cat_read_events(struct catalog *cat, struct csv *c, struct errinfo *ei)
{
    static const char *const columns[V_COLUMNS] = {"event_id", "meaning", "fields"};
    const char *v[V_COLUMNS];
    bool got = true;
    enum err e = csv_header(c, columns, V_COLUMNS, ei);

    while (e == ERR_OK) {
        e = csv_row(c, v, &got, ei);
        if (e != ERR_OK || !got)
            break;
        e = event_row(cat, c, v, ei);
    }
    return e;
}
