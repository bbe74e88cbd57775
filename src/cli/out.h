/* out: rows that go to stdout one by one, so that their number costs no memory. */
#ifndef ADBAD_CLI_OUT_H
#define ADBAD_CLI_OUT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/* ---- {"NAME": [row, …]} ---- */

struct json_rows {
    bool any;
};

void json_rows_begin(struct json_rows *r, const char *name);
/* One line; drops the reference. ERR_NOMEM if row is NULL. */
MUST_CHECK enum err json_rows_add(struct json_rows *r, json_t *row);
void json_rows_end(struct json_rows *r);

/* ---- CSV (base/csvcell.h; lines end with LF as everywhere here) ---- */

struct csv {
    bool begun; /* the line has a cell */
};

void csv_cell(struct csv *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
void csv_end(struct csv *c);
/* The first line; NULL ends the names. */
void csv_head(struct csv *c, const char *const names[]);

/* ---- terminals ---- */

enum out_paint { PAINT_NONE, PAINT_BOLD, PAINT_GOOD, PAINT_BAD };

/* What to print before text, and "" or its end after it (PAINT_NONE): nothing unless stdout is a
 * terminal, NO_COLOR is unset and TERM is not "dumb". */
const char *out_paint(enum out_paint p);

#endif
