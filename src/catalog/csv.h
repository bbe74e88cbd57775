/* csv: reads tables in RFC 4180's format: quoted fields, doubled quotes, line breaks inside
 * quotes; a line may end in LF or CRLF. UTF-8 passes through (a byte order mark at the start is
 * skipped). Blank lines are skipped. Bytes in, fields out: no files here.
 *
 * Every failure reads "file:line: cause"; the line is where the record in question starts. */
#ifndef ADBAD_CATALOG_CSV_H
#define ADBAD_CATALOG_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define CSV_COLUMNS_MAX 32

struct csv {
    const char *file; /* for messages */
    const char *pos, *end;
    unsigned next_line; /* of pos */
    unsigned line;      /* of the record read last */
    struct arena *mem;
    size_t count; /* fields in the record read last */
    const char *fields[CSV_COLUMNS_MAX];
    size_t width;                   /* fields in the header */
    size_t columns;                 /* asked for by csv_header */
    size_t column[CSV_COLUMNS_MAX]; /* where each of them is; CSV_COLUMNS_MAX: nowhere */
};

/* Reads from len bytes. file and bytes must stay while c is in use; the fields that are read
 * live in mem. */
void csv_init(struct csv *c, const char *file, const void *bytes, size_t len, struct arena *mem);

/* Reads the next record into c->fields, whatever its width. *got is false at the end.
 * ERR_TRUNCATED if a quoted field is still open at the end, ERR_MALFORMED for other breaches of
 * the format, ERR_LIMIT beyond CSV_COLUMNS_MAX fields. */
MUST_CHECK enum err csv_record(struct csv *c, bool *got, struct errinfo *ei);

/* Reads the header and finds n named columns in it, in any order and among others. */
MUST_CHECK enum err csv_header(struct csv *c, const char *const *names, size_t n,
                               struct errinfo *ei);

/* As csv_header, but only the first needed ones of the n columns must be there: what is missing
 * reads as empty. */
MUST_CHECK enum err csv_header_some(struct csv *c, const char *const *names, size_t n,
                                    size_t needed, struct errinfo *ei);

/* The next record's values for the columns that csv_header was asked for, in that order. A record
 * as wide as the header, else ERR_MALFORMED. */
MUST_CHECK enum err csv_row(struct csv *c, const char **values, bool *got, struct errinfo *ei);

/* Reports what is wrong with the record read last: puts "file:line: " before the text. */
MUST_CHECK enum err csv_fail(const struct csv *c, struct errinfo *ei, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
