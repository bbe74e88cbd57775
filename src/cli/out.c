#include "cli/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/csvcell.h"

void json_rows_begin(struct json_rows *r, const char *name)
{
    r->any = false;
    printf("{\n  \"%s\": [", name);
}

enum err json_rows_add(struct json_rows *r, json_t *row)
{
    if (row == NULL)
        return ERR_NOMEM;
    fputs(r->any ? ",\n    " : "\n    ", stdout);
    json_dumpf(row, stdout, JSON_COMPACT);
    json_decref(row);
    r->any = true;
    return ERR_OK;
}

void json_rows_end(struct json_rows *r)
{
    puts(r->any ? "\n  ]\n}" : "]\n}");
}

void csv_cell(struct csv *c, const char *fmt, ...)
{
    struct buf cell = BUF_INIT;
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (c->begun)
        putchar(',');
    c->begun = true;
    csvcell_add(&cell, text);
    if (cell.len > 0)
        fwrite(cell.data, 1, cell.len, stdout);
    buf_fini(&cell);
}

void csv_end(struct csv *c)
{
    putchar('\n');
    c->begun = false;
}

void csv_head(struct csv *c, const char *const names[])
{
    for (size_t i = 0; names[i] != NULL; i++)
        csv_cell(c, "%s", names[i]);
    csv_end(c);
}

const char *out_paint(enum out_paint p)
{
    static const char *const codes[] = {"\033[0m", "\033[1m", "\033[32m", "\033[31m"};
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if (!isatty(STDOUT_FILENO) || (no_color != NULL && no_color[0] != '\0') || term == NULL ||
        strcmp(term, "dumb") == 0)
        return "";
    return codes[p];
}
