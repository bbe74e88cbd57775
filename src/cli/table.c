#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"

struct table {
    const char *const *headers;
    size_t columns;
    size_t cells;
    struct buf text; /* every cell, NUL-terminated, one after the other */
};

struct table *table_new(const char *const *headers)
{
    struct table *t = calloc(1, sizeof(*t));

    if (t == NULL)
        abort();
    t->headers = headers;
    while (headers[t->columns] != NULL)
        t->columns++;
    return t;
}

void text_without_controls(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f)
            *p = '?';
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            *p = p[1] = '?';
    }
}

static void PRINTF_LIKE(2, 0) add_text(struct buf *b, const char *fmt, va_list ap)
{
    char text[1024];

    vsnprintf(text, sizeof(text), fmt, ap);
    text_without_controls(text);
    buf_add(b, text, strlen(text) + 1);
    if (b->err != ERR_OK)
        abort();
}

void table_cell(struct table *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_text(&t->text, fmt, ap);
    va_end(ap);
    t->cells++;
}

/* Characters, not bytes: UTF-8 continuation bytes take no column. */
static size_t width(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static bool right_aligned(const char *header)
{
    return header[0] == '>';
}

static const char *title(const char *header)
{
    return header + right_aligned(header);
}

static void print_cell(const struct table *t, size_t column, const char *text, const size_t *widths)
{
    int gap = (int)(widths[column] - width(text));
    bool last = column + 1 == t->columns;

    if (right_aligned(t->headers[column]))
        printf("%*s%s", gap, "", text);
    else
        printf("%s%*s", text, last ? 0 : gap, "");
    fputs(last ? "\n" : "  ", stdout);
}

void table_print(struct table *t)
{
    size_t *widths = calloc(t->columns, sizeof(*widths));
    const char *cell = (const char *)t->text.data;

    if (widths == NULL)
        abort();
    for (size_t i = 0; i < t->columns; i++)
        widths[i] = width(title(t->headers[i]));
    for (size_t i = 0; i < t->cells; i++, cell += strlen(cell) + 1) {
        if (width(cell) > widths[i % t->columns])
            widths[i % t->columns] = width(cell);
    }
    for (size_t i = 0; i < t->columns; i++)
        print_cell(t, i, title(t->headers[i]), widths);
    cell = (const char *)t->text.data;
    for (size_t i = 0; i < t->cells; i++, cell += strlen(cell) + 1)
        print_cell(t, i % t->columns, cell, widths);
    free(widths);
    table_free(t);
}

void table_free(struct table *t)
{
    if (t == NULL)
        return;
    buf_fini(&t->text);
    free(t);
}

struct facts {
    struct buf names, values;
    size_t n, widest;
};

struct facts *facts_new(void)
{
    struct facts *f = calloc(1, sizeof(*f));

    if (f == NULL)
        abort();
    return f;
}

void facts_add(struct facts *f, const char *name, const char *fmt, ...)
{
    va_list ap;

    buf_add(&f->names, name, strlen(name) + 1);
    if (f->names.err != ERR_OK)
        abort();
    va_start(ap, fmt);
    add_text(&f->values, fmt, ap);
    va_end(ap);
    if (width(name) > f->widest)
        f->widest = width(name);
    f->n++;
}

void facts_print(struct facts *f)
{
    const char *name = (const char *)f->names.data;
    const char *value = (const char *)f->values.data;

    for (size_t i = 0; i < f->n; i++) {
        printf("%s:%*s %s\n", name, (int)(f->widest - width(name)), "", value);
        name += strlen(name) + 1;
        value += strlen(value) + 1;
    }
    buf_fini(&f->names);
    buf_fini(&f->values);
    free(f);
}
