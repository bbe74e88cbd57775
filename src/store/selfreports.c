#include "store/selfreports.h"

#include "store/column.h"
#include "store/db.h"

static void bind_guid(sqlite3_stmt *st, int i, const struct guid *g)
{
    sqlite3_bind_blob(st, i, g->b, sizeof(g->b), SQLITE_STATIC);
}

static void bind_text(sqlite3_stmt *st, int i, const char *text)
{
    sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

enum err store_add_self_report(struct store *s, const struct store_self_report *r,
                               struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_ADD_SELF_REPORT];

    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    sqlite3_bind_int64(st, 1, r->when);
    bind_text(st, 2, r->peer);
    sqlite3_bind_int64(st, 3, r->event_id);
    bind_guid(st, 4, &r->client_id);
    bind_guid(st, 5, &r->application_id);
    bind_guid(st, 6, &r->activation_id);
    bind_guid(st, 7, &r->kms_id);
    bind_guid(st, 8, &r->object_sku_id);
    bind_text(st, 9, r->key);
    bind_text(st, 10, r->workstation);
    bind_text(st, 11, r->account);
    bind_text(st, 12, r->domain);
    bind_text(st, 13, r->sid);
    bind_text(st, 14, r->object_name);
    bind_text(st, 15, r->object_dn);
    sqlite3_bind_int64(st, 16, r->activated_at);
    sqlite3_bind_int64(st, 17, r->expires);
    sqlite3_bind_int64(st, 18, r->client_when);
    return db_write(s, SQL_ADD_SELF_REPORT, ei);
}

static void read_row(sqlite3_stmt *st, struct store_self_report *r)
{
    *r = (struct store_self_report){
        .id = sqlite3_column_int64(st, 0),
        .when = sqlite3_column_int64(st, 1),
        .event_id = (uint32_t)sqlite3_column_int64(st, 3),
        .client_id = column_guid(st, 4),
        .application_id = column_guid(st, 5),
        .activation_id = column_guid(st, 6),
        .kms_id = column_guid(st, 7),
        .object_sku_id = column_guid(st, 8),
        .activated_at = sqlite3_column_int64(st, 16),
        .expires = sqlite3_column_int64(st, 17),
        .client_when = sqlite3_column_int64(st, 18),
    };
    column_copy(st, 2, r->peer, sizeof(r->peer));
    column_copy(st, 9, r->key, sizeof(r->key));
    column_copy(st, 10, r->workstation, sizeof(r->workstation));
    column_copy(st, 11, r->account, sizeof(r->account));
    column_copy(st, 12, r->domain, sizeof(r->domain));
    column_copy(st, 13, r->sid, sizeof(r->sid));
    column_copy(st, 14, r->object_name, sizeof(r->object_name));
    column_copy(st, 15, r->object_dn, sizeof(r->object_dn));
}

/* Of a statement whose two parameters are bound. */
static enum err each_row(struct store *s, enum db_sql sql, store_self_report_fn *each, void *arg,
                         struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[sql];
    struct store_self_report r;
    enum err e = ERR_OK;
    int rc = SQLITE_DONE;

    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        read_row(st, &r);
        e = each(arg, &r);
    }
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}

enum err store_each_self_report(struct store *s, int64_t since, int64_t after,
                                store_self_report_fn *each, void *arg, struct errinfo *ei)
{
    if (s->db == NULL)
        return db_not_now(s, ei);
    sqlite3_bind_int64(s->stmt[SQL_EACH_SELF_REPORT], 1, since);
    sqlite3_bind_int64(s->stmt[SQL_EACH_SELF_REPORT], 2, after);
    return each_row(s, SQL_EACH_SELF_REPORT, each, arg, ei);
}

enum err store_each_self_report_back(struct store *s, int64_t since, uint32_t limit,
                                     store_self_report_fn *each, void *arg, struct errinfo *ei)
{
    if (s->db == NULL)
        return db_not_now(s, ei);
    sqlite3_bind_int64(s->stmt[SQL_EACH_SELF_REPORT_BACK], 1, since);
    sqlite3_bind_int64(s->stmt[SQL_EACH_SELF_REPORT_BACK], 2, limit == 0 ? -1 : (int64_t)limit);
    return each_row(s, SQL_EACH_SELF_REPORT_BACK, each, arg, ei);
}
