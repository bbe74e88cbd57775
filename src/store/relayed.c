#include "store/relayed.h"

#include "store/column.h"
#include "store/db.h"

static void bind_text(sqlite3_stmt *st, int i, const char *text)
{
    sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

enum err store_add_relayed(struct store *s, const struct store_relayed *r, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_ADD_RELAYED];

    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    sqlite3_bind_int64(st, 1, r->when);
    bind_text(st, 2, r->peer);
    sqlite3_bind_int(st, 3, r->version);
    sqlite3_bind_int64(st, 4, r->size);
    sqlite3_bind_blob(st, 5, r->activation_id.b, sizeof(r->activation_id.b), SQLITE_STATIC);
    sqlite3_bind_blob(st, 6, r->client_id.b, sizeof(r->client_id.b), SQLITE_STATIC);
    bind_text(st, 7, r->workstation);
    bind_text(st, 8, r->upstream);
    sqlite3_bind_int(st, 9, r->fault ? 1 : 0);
    sqlite3_bind_int64(st, 10, r->status);
    sqlite3_bind_int64(st, 11, r->answer_size);
    sqlite3_bind_int64(st, 12, r->elapsed_us);
    return db_write(s, SQL_ADD_RELAYED, ei);
}

static void read_row(sqlite3_stmt *st, struct store_relayed *r)
{
    *r = (struct store_relayed){
        .id = sqlite3_column_int64(st, 0),
        .when = sqlite3_column_int64(st, 1),
        .version = (uint16_t)sqlite3_column_int(st, 3),
        .size = (uint32_t)sqlite3_column_int64(st, 4),
        .activation_id = column_guid(st, 5),
        .client_id = column_guid(st, 6),
        .fault = sqlite3_column_int(st, 9) != 0,
        .status = (uint32_t)sqlite3_column_int64(st, 10),
        .answer_size = (uint32_t)sqlite3_column_int64(st, 11),
        .elapsed_us = (uint32_t)sqlite3_column_int64(st, 12),
    };
    column_copy(st, 2, r->peer, sizeof(r->peer));
    column_copy(st, 7, r->workstation, sizeof(r->workstation));
    column_copy(st, 8, r->upstream, sizeof(r->upstream));
}

enum err store_each_relayed(struct store *s, int64_t since, uint32_t limit, store_relayed_fn *each,
                            void *arg, struct errinfo *ei)
{
    struct store_relayed r;
    enum err e = ERR_OK;
    sqlite3_stmt *st;
    int rc = SQLITE_DONE;

    if (s->db == NULL)
        return db_not_now(s, ei);
    st = s->stmt[SQL_EACH_RELAYED];
    sqlite3_bind_int64(st, 1, since);
    sqlite3_bind_int64(st, 2, limit == 0 ? -1 : (int64_t)limit);
    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        read_row(st, &r);
        e = each(arg, &r);
    }
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}
