/* column: what the readers of this room share; private to it. */
#ifndef ADBAD_STORE_COLUMN_H
#define ADBAD_STORE_COLUMN_H

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/guid.h"

/* Zero for anything but 16 bytes. */
static inline struct guid column_guid(sqlite3_stmt *st, int i)
{
    struct guid g = {0};

    if (sqlite3_column_bytes(st, i) == (int)sizeof(g.b))
        memcpy(g.b, sqlite3_column_blob(st, i), sizeof(g.b));
    return g;
}

static inline void column_copy(sqlite3_stmt *st, int i, char *out, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(st, i);

    /* Most are empty, and a start may read millions of rows. */
    if (text == NULL || *text == '\0')
        *out = '\0';
    else
        snprintf(out, size, "%s", text);
}

#endif
