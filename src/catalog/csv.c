#include "catalog/csv.h"

#include <stdio.h>
#include <string.h>

static enum err PRINTF_LIKE(4, 0)
    vfail(const struct csv *c, enum err code, struct errinfo *ei, const char *fmt, va_list ap)
{
    char text[ERR_TEXT_MAX];

    vsnprintf(text, sizeof(text), fmt, ap);
    return err_fail(ei, code, "%s:%u: %s", c->file, c->line, text);
}

static enum err PRINTF_LIKE(4, 5)
    fail(const struct csv *c, enum err code, struct errinfo *ei, const char *fmt, ...)
{
    va_list ap;
    enum err e;

    va_start(ap, fmt);
    e = vfail(c, code, ei, fmt, ap);
    va_end(ap);
    return e;
}

enum err csv_fail(const struct csv *c, struct errinfo *ei, const char *fmt, ...)
{
    va_list ap;
    enum err e;

    va_start(ap, fmt);
    e = vfail(c, ERR_MALFORMED, ei, fmt, ap);
    va_end(ap);
    return e;
}

void csv_init(struct csv *c, const char *file, const void *bytes, size_t len, struct arena *mem)
{
    static const char mark[] = "\xef\xbb\xbf";

    *c = (struct csv){.file = file, .next_line = 1, .mem = mem};
    if (len == 0) /* bytes may then be NULL, which takes no arithmetic */
        return;
    c->pos = bytes;
    c->end = c->pos + len;
    if (len >= 3 && memcmp(bytes, mark, 3) == 0)
        c->pos += 3;
}

/* The length of the line break at pos; 0 if there is none. */
static size_t line_break(const struct csv *c)
{
    if (c->pos != c->end && *c->pos == '\n')
        return 1;
    if (c->end - c->pos >= 2 && c->pos[0] == '\r' && c->pos[1] == '\n')
        return 2;
    return 0;
}

static enum err keep(struct csv *c, const char *text, size_t len, struct errinfo *ei)
{
    const char *copy;

    if (c->count == CSV_COLUMNS_MAX)
        return fail(c, ERR_LIMIT, ei, "more than %d fields", CSV_COLUMNS_MAX);
    if (memchr(text, '\0', len) != NULL)
        return fail(c, ERR_MALFORMED, ei, "field %zu holds a NUL byte", c->count + 1);
    copy = arena_strndup(c->mem, text, len);
    if (copy == NULL)
        return err_nomem(ei);
    c->fields[c->count++] = copy;
    return ERR_OK;
}

static enum err bare_field(struct csv *c, struct errinfo *ei)
{
    const char *start = c->pos;

    while (c->pos != c->end && *c->pos != ',' && line_break(c) == 0) {
        if (*c->pos == '"')
            return fail(c, ERR_MALFORMED, ei,
                        "field %zu has a quote in its middle; quote the whole field and double "
                        "the quotes inside",
                        c->count + 1);
        if (*c->pos == '\r')
            return fail(c, ERR_MALFORMED, ei, "field %zu has a carriage return in its middle",
                        c->count + 1);
        c->pos++;
    }
    return keep(c, start, (size_t)(c->pos - start), ei);
}

/* Moves past the closing quote. */
static enum err skip_quoted(struct csv *c, struct errinfo *ei)
{
    for (c->pos++; c->pos != c->end; c->pos++) {
        if (*c->pos == '\n')
            c->next_line++;
        if (*c->pos != '"')
            continue;
        if (c->end - c->pos < 2 || c->pos[1] != '"')
            break;
        c->pos++;
    }
    if (c->pos == c->end)
        return fail(c, ERR_TRUNCATED, ei, "field %zu opens a quote that nothing closes",
                    c->count + 1);
    c->pos++;
    if (c->pos != c->end && *c->pos != ',' && line_break(c) == 0)
        return fail(c, ERR_MALFORMED, ei, "field %zu goes on after its closing quote",
                    c->count + 1);
    return ERR_OK;
}

static enum err quoted_field(struct csv *c, struct errinfo *ei)
{
    const char *start = c->pos + 1;
    enum err e = skip_quoted(c, ei);
    char *text;
    size_t len = 0;

    if (e != ERR_OK)
        return e;
    text = arena_strndup(c->mem, start, (size_t)(c->pos - 1 - start));
    if (text == NULL)
        return err_nomem(ei);
    for (const char *p = start; p != c->pos - 1; p++) {
        text[len++] = *p;
        p += *p == '"';
    }
    return keep(c, text, len, ei);
}

static void skip_blank_lines(struct csv *c)
{
    for (size_t n = line_break(c); n != 0; n = line_break(c)) {
        c->pos += n;
        c->next_line++;
    }
}

enum err csv_record(struct csv *c, bool *got, struct errinfo *ei)
{
    enum err e;

    skip_blank_lines(c);
    c->line = c->next_line;
    c->count = 0;
    *got = c->pos != c->end;
    if (!*got)
        return ERR_OK;
    for (;;) {
        bool quoted = c->pos != c->end && *c->pos == '"';

        e = quoted ? quoted_field(c, ei) : bare_field(c, ei);
        if (e != ERR_OK)
            return e;
        if (c->pos == c->end || *c->pos != ',')
            break;
        c->pos++;
    }
    if (c->pos != c->end) {
        c->pos += line_break(c);
        c->next_line++;
    }
    return ERR_OK;
}

static bool find_column(const struct csv *c, const char *name, size_t *at)
{
    for (*at = 0; *at < c->count; ++*at)
        if (strcmp(c->fields[*at], name) == 0)
            return true;
    return false;
}

enum err csv_header(struct csv *c, const char *const *names, size_t n, struct errinfo *ei)
{
    return csv_header_some(c, names, n, n, ei);
}

enum err csv_header_some(struct csv *c, const char *const *names, size_t n, size_t needed,
                         struct errinfo *ei)
{
    bool got;
    size_t at;
    enum err e = csv_record(c, &got, ei);

    if (e != ERR_OK)
        return e;
    if (n > CSV_COLUMNS_MAX)
        return fail(c, ERR_INTERNAL, ei, "%zu columns asked for", n);
    for (size_t i = 0; i < c->count; i++)
        if (find_column(c, c->fields[i], &at) && at != i)
            return csv_fail(c, ei, "the column \"%s\" is there twice", c->fields[i]);
    for (size_t i = 0; i < n; i++) {
        if (find_column(c, names[i], &c->column[i]))
            continue;
        if (i < needed)
            return csv_fail(c, ei, "the column \"%s\" is missing", names[i]);
        c->column[i] = CSV_COLUMNS_MAX;
    }
    c->width = c->count;
    c->columns = n;
    return ERR_OK;
}

enum err csv_row(struct csv *c, const char **values, bool *got, struct errinfo *ei)
{
    enum err e = csv_record(c, got, ei);

    if (e != ERR_OK || !*got)
        return e;
    if (c->count != c->width)
        return csv_fail(c, ei, "has %zu fields where the header has %zu", c->count, c->width);
    for (size_t i = 0; i < c->columns; i++)
        values[i] = c->column[i] < c->count ? c->fields[c->column[i]] : "";
    return ERR_OK;
}
