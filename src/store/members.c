#include "store/members.h"

#include <string.h>

#include "store/column.h"
#include "store/db.h"

/* A NULL pointer of length 0 would bind SQL NULL. */
static void bind_bytes(sqlite3_stmt *st, int i, const void *data, size_t len)
{
    if (len == 0)
        sqlite3_bind_zeroblob(st, i, 0);
    else
        sqlite3_bind_blob64(st, i, data, len, SQLITE_STATIC);
}

static const char *column_text(sqlite3_stmt *st, int i)
{
    const char *text = (const char *)sqlite3_column_text(st, i);

    return text == NULL ? "" : text;
}

/* ---- writing ---- */

enum err store_put_member(struct store *s, const struct store_member *m, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_PUT_MEMBER];

    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    bind_bytes(st, 1, m->id.b, sizeof(m->id.b));
    bind_bytes(st, 2, m->guid.b, sizeof(m->guid.b));
    sqlite3_bind_text(st, 3, m->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 4, m->dns_name, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 5, m->dn, -1, SQLITE_STATIC);
    bind_bytes(st, 6, m->sid, m->sid_len);
    sqlite3_bind_int(st, 7, m->enabled);
    return db_write(s, SQL_PUT_MEMBER, ei);
}

enum err store_drop_member(struct store *s, const struct guid *id, struct errinfo *ei)
{
    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    bind_bytes(s->stmt[SQL_DROP_MEMBER], 1, id->b, sizeof(id->b));
    return db_write(s, SQL_DROP_MEMBER, ei);
}

enum err store_set_member_sync(struct store *s, const struct store_member_sync *m,
                               struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_SET_MEMBER_SYNC];

    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    bind_bytes(st, 1, m->cookie, m->cookie_len);
    sqlite3_bind_int64(st, 2, m->synced_at);
    sqlite3_bind_int64(st, 3, m->listed_at);
    sqlite3_bind_int(st, 4, m->full);
    sqlite3_bind_int64(st, 5, (int64_t)m->entries);
    bind_bytes(st, 6, m->origin, sizeof(m->origin));
    return db_write(s, SQL_SET_MEMBER_SYNC, ei);
}

enum err store_drop_other_member_sync(struct store *s, const uint8_t origin[STORE_ORIGIN_LEN],
                                      struct errinfo *ei)
{
    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    bind_bytes(s->stmt[SQL_DROP_OTHER_MEMBER_SYNC], 1, origin, STORE_ORIGIN_LEN);
    return db_write(s, SQL_DROP_OTHER_MEMBER_SYNC, ei);
}

/* ---- reading ---- */

enum err store_each_member(struct store *s, store_member_fn *each, void *arg, struct errinfo *ei)
{
    enum err e = ERR_OK;
    sqlite3_stmt *st;
    int rc = SQLITE_DONE;

    if (s->db == NULL)
        return db_not_now(s, ei);
    st = s->stmt[SQL_EACH_MEMBER];
    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_member m = {.id = column_guid(st, 0),
                                 .guid = column_guid(st, 1),
                                 .name = column_text(st, 2),
                                 .dns_name = column_text(st, 3),
                                 .dn = column_text(st, 4),
                                 .sid = sqlite3_column_blob(st, 5),
                                 .sid_len = (size_t)sqlite3_column_bytes(st, 5),
                                 .enabled = sqlite3_column_int(st, 6) != 0};

        e = each(arg, &m);
    }
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}

enum err store_member_sync(struct store *s, store_member_sync_fn *each, void *arg,
                           struct errinfo *ei)
{
    enum err e = ERR_OK;
    sqlite3_stmt *st;
    int rc;

    if (s->db == NULL)
        return db_not_now(s, ei);
    st = s->stmt[SQL_MEMBER_SYNC];
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        struct store_member_sync m = {.cookie = sqlite3_column_blob(st, 0),
                                      .cookie_len = (size_t)sqlite3_column_bytes(st, 0),
                                      .synced_at = sqlite3_column_int64(st, 1),
                                      .listed_at = sqlite3_column_int64(st, 2),
                                      .full = sqlite3_column_int(st, 3) != 0,
                                      .entries = (uint64_t)sqlite3_column_int64(st, 4)};

        if (sqlite3_column_bytes(st, 5) == STORE_ORIGIN_LEN)
            memcpy(m.origin, sqlite3_column_blob(st, 5), STORE_ORIGIN_LEN);
        e = each(arg, &m);
    } else if (rc != SQLITE_DONE) {
        e = db_fail(s, "read", ei);
    }
    sqlite3_reset(st);
    return e;
}
