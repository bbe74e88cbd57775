#include "store/refused.h"

#include "store/column.h"
#include "store/db.h"

/* Rows that leave together, so that few requests pay for it. */
#define TRIM_ROWS 256

static void bind_guid(sqlite3_stmt *st, int i, const struct guid *g)
{
    sqlite3_bind_blob(st, i, g->b, sizeof(g->b), SQLITE_STATIC);
}

/* ---- refused requests ---- */

static void bind_refused(sqlite3_stmt *st, const struct store_refused *r)
{
    const struct store_activation *a = &r->request;

    sqlite3_bind_int64(st, 1, a->when);
    sqlite3_bind_text(st, 2, a->peer, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 3, r->reason, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 4, r->hresult);
    sqlite3_bind_int(st, 5, a->version);
    bind_guid(st, 6, &a->application_id);
    bind_guid(st, 7, &a->activation_id);
    bind_guid(st, 8, &a->kms_id);
    bind_guid(st, 9, &a->client_id);
    bind_guid(st, 10, &a->previous_client_id);
    sqlite3_bind_int64(st, 11, a->required_count);
    sqlite3_bind_int64(st, 12, a->licence_status);
    sqlite3_bind_int64(st, 13, a->minutes_left);
    sqlite3_bind_int(st, 14, a->is_virtual);
    sqlite3_bind_text(st, 15, a->workstation, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 16, a->client_when);
}

void db_read_refused(sqlite3_stmt *st, struct store_refused *r)
{
    struct store_activation *a = &r->request;

    *r = (struct store_refused){0};
    a->id = sqlite3_column_int64(st, 0);
    a->when = sqlite3_column_int64(st, 1);
    column_copy(st, 2, a->peer, sizeof(a->peer));
    column_copy(st, 3, r->reason, sizeof(r->reason));
    r->hresult = (uint32_t)sqlite3_column_int64(st, 4);
    a->version = (uint16_t)sqlite3_column_int(st, 5);
    a->application_id = column_guid(st, 6);
    a->activation_id = column_guid(st, 7);
    a->kms_id = column_guid(st, 8);
    a->client_id = column_guid(st, 9);
    a->previous_client_id = column_guid(st, 10);
    a->required_count = (uint32_t)sqlite3_column_int64(st, 11);
    a->licence_status = (uint32_t)sqlite3_column_int64(st, 12);
    a->minutes_left = (uint32_t)sqlite3_column_int64(st, 13);
    a->is_virtual = sqlite3_column_int(st, 14) != 0;
    column_copy(st, 15, a->workstation, sizeof(a->workstation));
    a->client_when = sqlite3_column_int64(st, 16);
}

/* Those that are too many are summed up and leave. */
static enum err trim(struct store *s, int64_t newest, struct errinfo *ei)
{
    enum err e;

    sqlite3_bind_int64(s->stmt[SQL_SUM_REFUSED], 1, newest - STORE_REFUSED_MAX);
    sqlite3_bind_int64(s->stmt[SQL_TRIM_REFUSED], 1, newest - STORE_REFUSED_MAX);
    e = db_write(s, SQL_SUM_REFUSED, ei);
    return e == ERR_OK ? db_write(s, SQL_TRIM_REFUSED, ei) : e;
}

enum err store_add_refused(struct store *s, const struct store_refused *r, struct errinfo *ei)
{
    int64_t id;
    enum err e;

    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    bind_refused(s->stmt[SQL_ADD_REFUSED], r);
    e = db_write(s, SQL_ADD_REFUSED, ei);
    if (e != ERR_OK)
        return e;
    s->pending.refused++;
    id = sqlite3_last_insert_rowid(s->db);
    return id > STORE_REFUSED_MAX && id % TRIM_ROWS == 0 ? trim(s, id, ei) : ERR_OK;
}

enum err store_each_refused(struct store *s, int64_t since, int64_t after, store_refused_fn *each,
                            void *arg, struct errinfo *ei)
{
    enum err e = ERR_OK;
    int rc = SQLITE_DONE;
    sqlite3_stmt *st;

    if (s->db == NULL)
        return db_not_now(s, ei);
    st = s->stmt[SQL_EACH_REFUSED];
    sqlite3_bind_int64(st, 1, since);
    sqlite3_bind_int64(st, 2, after);
    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_refused r;

        db_read_refused(st, &r);
        e = each(arg, &r);
    }
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}

/* ---- events of the host ---- */

enum err store_add_host_event(struct store *s, const struct store_host_event *h, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_ADD_HOST_EVENT];
    enum err e;

    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    sqlite3_bind_int64(st, 1, h->when);
    sqlite3_bind_int64(st, 2, h->event_id);
    sqlite3_bind_int64(st, 3, h->hresult);
    sqlite3_bind_text(st, 4, h->text, -1, SQLITE_STATIC);
    e = db_write(s, SQL_ADD_HOST_EVENT, ei);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(s->stmt[SQL_TRIM_HOST_EVENTS], 1, STORE_HOST_EVENTS_MAX);
    return db_write(s, SQL_TRIM_HOST_EVENTS, ei);
}

void db_read_host_event(sqlite3_stmt *st, struct store_host_event *h)
{
    h->id = sqlite3_column_int64(st, 0);
    h->when = sqlite3_column_int64(st, 1);
    h->event_id = (uint32_t)sqlite3_column_int64(st, 2);
    h->hresult = (uint32_t)sqlite3_column_int64(st, 3);
    column_copy(st, 4, h->text, sizeof(h->text));
}
