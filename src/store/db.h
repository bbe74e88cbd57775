/* db: the open database behind a struct store; private to this room. */
#ifndef ADBAD_STORE_DB_H
#define ADBAD_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>

#include "store/refused.h"
#include "store/store.h"
#include "store/tally.h"

#define DB_APPLICATION_ID 0x41444241 /* "ADBA" */
#define DB_AUTOCHECKPOINT 1000       /* pages, without a checkpointer */

enum db_sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_ADD_ACTIVATION,
    SQL_ADD_REFUSAL,
    SQL_ADD_TOTALS,
    SQL_EACH_ACTIVATION,
    SQL_EACH_AFTER,
    SQL_EACH_RECENT,
    SQL_EACH_FROM,
    SQL_EACH_REFUSAL,
    SQL_EACH_REFUSAL_BACK,
    SQL_EACH_ALL_REFUSALS,
    SQL_ADD_REFUSED,
    SQL_SUM_REFUSED,
    SQL_TRIM_REFUSED,
    SQL_EACH_REFUSED,
    SQL_EACH_REFUSED_BACK,
    SQL_ADD_HOST_EVENT,
    SQL_TRIM_HOST_EVENTS,
    SQL_EACH_HOST_EVENT,
    SQL_EACH_HOST_EVENT_BACK,
    SQL_TOTALS,
    SQL_NEWEST,
    SQL_CLEAR_COUNT,
    SQL_ADD_COUNT,
    SQL_SET_COUNT_MARK,
    SQL_COUNT_MARK,
    SQL_EACH_COUNT,
    SQL_EXPIRE_ACTIVATIONS,
    SQL_EXPIRE_REFUSALS,
    SQL_EXPIRE_REFUSED,
    SQL_EXPIRE_HOST_EVENTS,
    SQL_GROW_TALLY,
    SQL_ADD_TALLY,
    SQL_COUNT_TALLIES,
    SQL_MOVE_TALLY_MARK,
    SQL_UNTALLIED,
    SQL_EACH_TALLY,
    SQL_PUT_STRAGGLER,
    SQL_TRIM_STRAGGLERS,
    SQL_EACH_STRAGGLER,
    SQL_ADD_RELAYED,
    SQL_EACH_RELAYED,
    SQL_EXPIRE_RELAYED,
    SQL_ADD_SELF_REPORT,
    SQL_EACH_SELF_REPORT,
    SQL_EACH_SELF_REPORT_BACK,
    SQL_EXPIRE_SELF_REPORTS,
    SQL_PUT_MEMBER,
    SQL_DROP_MEMBER,
    SQL_SET_MEMBER_SYNC,
    SQL_DROP_OTHER_MEMBER_SYNC,
    SQL_EACH_MEMBER,
    SQL_MEMBER_SYNC,
    SQL_ADD_CLEARING_KEY,
    SQL_PUT_CLEARING_KEY,
    SQL_ADD_CLEARING_HOST,
    SQL_ADD_GRANT,
    SQL_CLEARING_KEY,
    SQL_CLEARING_HOST,
    SQL_EACH_CLEARING_KEY,
    SQL_EACH_CLEARING_HOST,
    SQL_COUNT
};

/* Half of them are used: more products and states than most realms have. */
#define TALLY_SLOTS 1024

/* What committed activations add to the tallies, since their mark moved; and those of the open
 * transaction, since a failed one loses it all (lost: the rows after the mark have to tell). */
struct tally {
    struct store_tally slots[TALLY_SLOTS]; /* answered 0: free */
    size_t used;
    uint32_t rows;
    bool lost;
    int64_t known; /* rows of the table; -1: not counted yet */
};

struct store {
    char *path; /* owned */
    dev_t dev;  /* what it named when it was opened */
    ino_t ino;
    bool writable;
    int lock;    /* -1 when read-only */
    sqlite3 *db; /* NULL after a failed store_reopen */
    sqlite3_stmt *stmt[SQL_COUNT];
    bool in_transaction;
    bool broken;                             /* a commit failed: no writes before store_reopen */
    bool in_doubt;                           /* and may stand in the log all the same (wal.h) */
    struct store_totals pending;             /* what the open transaction adds to the totals */
    struct store_checkpointer *checkpointer; /* NULL: SQLite moves the log by itself */
    uint64_t rows_read;
    int64_t read_until; /* ms; store_limit */
    struct tally tally;
};

/* The text of each statement (store.c). */
extern const char *const db_sql_text[SQL_COUNT];

/* A connection to a ledger that s of the same path has open: as its own, with the log in use. To be
 * closed with sqlite3_close, also on failure. */
int db_connect(const char *path, int flags, sqlite3 **out);

/* What a result of SQLite's means, and the errno behind it (0: none). */
enum err db_code(int rc, int sys);
/* Translates the last failure of s->db, with SQLite's own words, after "what ledger PATH". */
enum err db_fail(struct store *s, const char *what, struct errinfo *ei);

/* Runs a bound statement that returns no rows, in the open transaction. On failure the transaction
 * is rolled back and the store is broken, as store_commit says. */
enum err db_write(struct store *s, enum db_sql sql, struct errinfo *ei);
/* What db_write does on failure. */
enum err db_abandon(struct store *s, struct errinfo *ei);
/* The id of the newest activation; 0 if there is none. */
enum err db_newest(struct store *s, int64_t *id, struct errinfo *ei);

/* For the checkpointer, on the writer's thread: before a transaction begins; after the database was
 * opened again; before it is closed for that. */
void checkpointer_before_transaction(struct store_checkpointer *c);
void checkpointer_attach(struct store_checkpointer *c);
void checkpointer_settle(struct store_checkpointer *c);

/* The write-ahead log's file; NULL if there is none. */
sqlite3_file *db_log_file(struct store *s);
/* ERR_NOTFOUND: the file lost its name while it was in use. */
enum err db_removed(const struct store *s, struct errinfo *ei);
/* ERR_NOT_NOW with its text. */
enum err db_not_now(const struct store *s, struct errinfo *ei);

/* A row of each kind: those but of refusals begin with id and at. */
void db_read_activation(sqlite3_stmt *st, struct store_activation *a);
void db_read_refusal(sqlite3_stmt *st, struct store_refusal *r);
void db_read_refused(sqlite3_stmt *st, struct store_refused *r);
void db_read_host_event(sqlite3_stmt *st, struct store_host_event *h);

#define STATUS_COUNT (sizeof(((struct store_totals *)NULL)->by_status) / sizeof(uint64_t))

static inline uint32_t db_big_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The first second of its minute. */
static inline int64_t db_minute(int64_t when)
{
    return when - when % 60;
}

/* tally.c: an activation of the open transaction; a transaction that failed; and in one that is
 * open, writes the tallies if so many rows are not in them (an SQLite result). */
void tally_add(struct tally *t, const struct store_activation *a);
void tally_lose(struct tally *t);
int tally_flush(struct store *s, uint32_t rows);

#endif
