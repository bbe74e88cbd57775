#include "store/stragglers.h"

#include <stdio.h>

#include "store/column.h"
#include "store/db.h"

static void bind_guid(sqlite3_stmt *st, int i, const struct guid *g)
{
    sqlite3_bind_blob(st, i, g->b, sizeof(g->b), SQLITE_STATIC);
}

enum err store_put_straggler(struct store *s, const struct store_straggler *who, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_PUT_STRAGGLER];
    enum err e;

    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    bind_guid(st, 1, &who->client_id);
    bind_guid(st, 2, &who->activation_id);
    bind_guid(st, 3, &who->application_id);
    sqlite3_bind_text(st, 4, who->workstation, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 5, who->source, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 6, who->last);
    e = db_write(s, SQL_PUT_STRAGGLER, ei);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(s->stmt[SQL_TRIM_STRAGGLERS], 1, STORE_STRAGGLERS_MAX);
    return db_write(s, SQL_TRIM_STRAGGLERS, ei);
}

static void read_row(sqlite3_stmt *st, struct store_straggler *w)
{
    *w = (struct store_straggler){.client_id = column_guid(st, 0),
                                  .activation_id = column_guid(st, 1),
                                  .application_id = column_guid(st, 2),
                                  .first = sqlite3_column_int64(st, 5),
                                  .last = sqlite3_column_int64(st, 6),
                                  .times = (uint64_t)sqlite3_column_int64(st, 7)};
    snprintf(w->workstation, sizeof(w->workstation), "%s",
             (const char *)sqlite3_column_text(st, 3));
    snprintf(w->source, sizeof(w->source), "%s", (const char *)sqlite3_column_text(st, 4));
}

enum err store_each_straggler(struct store *s, int64_t since, uint32_t limit,
                              store_straggler_fn *each, void *arg, struct errinfo *ei)
{
    struct store_straggler w;
    enum err e = ERR_OK;
    sqlite3_stmt *st;
    int rc = SQLITE_DONE;

    if (s->db == NULL)
        return db_not_now(s, ei);
    st = s->stmt[SQL_EACH_STRAGGLER];
    sqlite3_bind_int64(st, 1, since);
    sqlite3_bind_int64(st, 2, limit == 0 ? -1 : (int64_t)limit);
    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        read_row(st, &w);
        e = each(arg, &w);
    }
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}
