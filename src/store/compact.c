#include "store/compact.h"

#include <assert.h>

#include "store/db.h"

#define PROGRESS_OPS 1000000 /* SQLite's instructions between two calls */

struct progress {
    store_progress_fn *fn;
    void *arg;
};

static int on_progress(void *arg)
{
    const struct progress *p = arg;

    p->fn(p->arg);
    return 0;
}

enum err store_compact(struct store *s, store_progress_fn *progress, void *arg, struct errinfo *ei)
{
    struct progress p = {progress, arg};
    enum err e = ERR_OK;

    assert(s->writable && !s->in_transaction);
    if (s->broken)
        return db_not_now(s, ei);
    if (progress != NULL)
        sqlite3_progress_handler(s->db, PROGRESS_OPS, on_progress, &p);
    /* The copy may be larger than memory. */
    if (sqlite3_exec(s->db, "PRAGMA temp_store=FILE; VACUUM", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL) != SQLITE_OK)
        e = db_fail(s, "compact", ei);
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    (void)sqlite3_exec(s->db, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
    return e;
}
