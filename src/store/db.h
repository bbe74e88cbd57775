/* db: the open database behind a struct store; private to this room. */
#ifndef ADBAD_STORE_DB_H
#define ADBAD_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>

#include "store/store.h"

#define DB_APPLICATION_ID 0x41444241 /* "ADBA" */

enum db_sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_ADD_ACTIVATION,
    SQL_ADD_REFUSAL,
    SQL_ADD_TOTALS,
    SQL_EACH_ACTIVATION,
    SQL_EACH_RECENT,
    SQL_EACH_REFUSAL,
    SQL_TOTALS,
    SQL_COUNT
};

struct store {
    char *path; /* owned */
    bool writable;
    int lock;    /* -1 when read-only */
    sqlite3 *db; /* NULL after a failed store_reopen */
    sqlite3_stmt *stmt[SQL_COUNT];
    bool in_transaction;
    bool broken;                 /* a commit failed: no writes before store_reopen */
    struct store_totals pending; /* what the open transaction adds to the totals */
};

/* The text of each statement (store.c). */
extern const char *const db_sql_text[SQL_COUNT];

/* Translates the last failure of s->db, with SQLite's own words, after "what ledger PATH". */
enum err db_fail(struct store *s, const char *what, struct errinfo *ei);

#endif
