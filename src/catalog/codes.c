#include <stdlib.h>
#include <string.h>

#include "catalog/internal.h"

/* A code may have several rows, one for each publication that speaks of it: of each column the
 * first value that is not empty counts. What an overlay says counts instead. */
static void fill(const char **value, const char *more, bool replace)
{
    if (*value == NULL || **value == '\0' || (replace && *more != '\0'))
        *value = more;
}

/* Where the row of that number is: the first member of items is the number. NULL: out of memory.
 * *replace: it was there, from an earlier source. */
static void *take(struct catalog *cat, struct vec *items, size_t size, struct vec *sources,
                  uint32_t number, bool *replace)
{
    unsigned *source;
    uint32_t *item;

    *replace = false;
    for (size_t i = 0; i < items->count; i++) {
        item = (uint32_t *)(void *)((char *)items->items + i * size);
        source = VEC_AT(*sources, unsigned, i);
        if (*item != number)
            continue;
        *replace = *source != cat->source;
        return item;
    }
    item = vec_add(items, size);
    source = vec_add(sources, sizeof(*source));
    if (item == NULL || source == NULL)
        return NULL;
    *item = number;
    *source = cat->source;
    return item;
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

enum { E_CODE, E_NAME, E_REMEDY, E_NEEDED, E_MEANING = E_NEEDED, E_ADVICE, E_SOURCE, E_COLUMNS };

static enum err error_row(struct catalog *cat, const struct csv *c, const char **v,
                          struct errinfo *ei)
{
    uint32_t code = 0;
    struct cat_error *row;
    bool replace;
    enum err e = parse(c, v[E_CODE], "0x", 16, &code, ei);

    if (e != ERR_OK)
        return e;
    row = take(cat, &cat->errors, sizeof(*row), &cat->error_rows, code, &replace);
    if (row == NULL)
        return err_nomem(ei);
    fill(&row->name, v[E_NAME], replace);
    fill(&row->remedy, v[E_REMEDY], replace);
    fill(&row->meaning, v[E_MEANING], replace);
    fill(&row->advice, v[E_ADVICE], replace);
    fill(&row->source, v[E_SOURCE], replace);
    return ERR_OK;
}

enum err cat_read_errors(struct catalog *cat, struct csv *c, struct errinfo *ei)
{
    static const char *const columns[E_COLUMNS] = {"code",    "name",   "remedy",
                                                   "meaning", "advice", "source"};
    const char *v[E_COLUMNS];
    bool got = true;
    enum err e = csv_header_some(c, columns, E_COLUMNS, E_NEEDED, ei);

    while (e == ERR_OK) {
        e = csv_row(c, v, &got, ei);
        if (e != ERR_OK || !got)
            break;
        e = error_row(cat, c, v, ei);
    }
    return e;
}

enum {
    V_ID,
    V_MEANING,
    V_FIELDS,
    V_NEEDED,
    V_LOG = V_NEEDED,
    V_WHERE,
    V_EXPLANATION,
    V_ADVICE,
    V_REFERENCE,
    V_COLUMNS
};

static enum err event_row(struct catalog *cat, const struct csv *c, const char **v,
                          struct errinfo *ei)
{
    uint32_t id = 0;
    struct cat_event *row;
    bool replace;
    enum err e = parse(c, v[V_ID], "", 10, &id, ei);

    if (e != ERR_OK)
        return e;
    row = take(cat, &cat->events, sizeof(*row), &cat->event_rows, id, &replace);
    if (row == NULL)
        return err_nomem(ei);
    fill(&row->meaning, v[V_MEANING], replace);
    fill(&row->fields, v[V_FIELDS], replace);
    fill(&row->log, v[V_LOG], replace);
    fill(&row->where, v[V_WHERE], replace);
    fill(&row->explanation, v[V_EXPLANATION], replace);
    fill(&row->advice, v[V_ADVICE], replace);
    fill(&row->reference, v[V_REFERENCE], replace);
    return ERR_OK;
}

enum err cat_read_events(struct catalog *cat, struct csv *c, struct errinfo *ei)
{
    static const char *const columns[V_COLUMNS] = {
        "event_id", "meaning", "fields", "log", "where", "explanation", "advice", "reference"};
    const char *v[V_COLUMNS];
    bool got = true;
    enum err e = csv_header_some(c, columns, V_COLUMNS, V_NEEDED, ei);

    while (e == ERR_OK) {
        e = csv_row(c, v, &got, ei);
        if (e != ERR_OK || !got)
            break;
        e = event_row(cat, c, v, ei);
    }
    return e;
}
