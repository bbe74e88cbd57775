#include "store/clearing.h"

#include <string.h>

#include "store/column.h"
#include "store/db.h"

/* ---- writing ---- */

static void bind_text(sqlite3_stmt *st, int i, const char *text)
{
    sqlite3_bind_text(st, i, text == NULL ? "" : text, -1, SQLITE_STATIC);
}

static enum err add_key(struct store *s, const struct store_clearing_grant *g, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_ADD_CLEARING_KEY];

    bind_text(st, 1, g->key);
    bind_text(st, 2, g->group);
    sqlite3_bind_int64(st, 3, g->hosts);
    sqlite3_bind_int64(st, 4, g->per_host);
    return db_write(s, SQL_ADD_CLEARING_KEY, ei);
}

static enum err add_host(struct store *s, const struct store_clearing_grant *g, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_ADD_CLEARING_HOST];

    bind_text(st, 1, g->key);
    sqlite3_bind_int(st, 2, g->kind);
    sqlite3_bind_int64(st, 3, g->binding);
    bind_text(st, 4, g->name);
    bind_text(st, 5, g->pid);
    sqlite3_bind_int64(st, 6, g->when);
    return db_write(s, SQL_ADD_CLEARING_HOST, ei);
}

static enum err add_grant(struct store *s, const struct store_clearing_grant *g, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_ADD_GRANT];

    sqlite3_bind_int64(st, 1, g->when);
    bind_text(st, 2, g->key);
    sqlite3_bind_int(st, 3, g->kind);
    sqlite3_bind_int64(st, 4, g->binding);
    sqlite3_bind_int(st, 5, g->phone);
    bind_text(st, 6, g->peer);
    return db_write(s, SQL_ADD_GRANT, ei);
}

enum err store_add_grant(struct store *s, const struct store_clearing_grant *g, struct errinfo *ei)
{
    enum err e = add_key(s, g, ei);

    if (e == ERR_OK)
        e = add_host(s, g, ei);
    return e == ERR_OK ? add_grant(s, g, ei) : e;
}

enum err store_put_clearing_key(struct store *s, const struct store_clearing_key *k,
                                struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_PUT_CLEARING_KEY];

    bind_text(st, 1, k->key);
    bind_text(st, 2, k->group);
    sqlite3_bind_int64(st, 3, k->hosts);
    sqlite3_bind_int64(st, 4, k->per_host);
    sqlite3_bind_int(st, 5, k->blocked);
    sqlite3_bind_int64(st, 6, k->pool);
    sqlite3_bind_int(st, 7, k->extended);
    sqlite3_bind_int64(st, 8, k->issued_at);
    return db_write(s, SQL_PUT_CLEARING_KEY, ei);
}

/* ---- reading ---- */

static void read_key(sqlite3_stmt *st, struct store_clearing_key *k)
{
    column_copy(st, 0, k->key, sizeof(k->key));
    column_copy(st, 1, k->group, sizeof(k->group));
    k->hosts = (uint32_t)sqlite3_column_int64(st, 2);
    k->per_host = (uint32_t)sqlite3_column_int64(st, 3);
    k->blocked = sqlite3_column_int(st, 4) != 0;
    k->pool = (uint32_t)sqlite3_column_int64(st, 5);
    k->extended = sqlite3_column_int(st, 6) != 0;
    k->issued_at = sqlite3_column_int64(st, 7);
    k->hosts_used = (uint32_t)sqlite3_column_int64(st, 8);
    k->granted = (uint64_t)sqlite3_column_int64(st, 9);
}

static void read_host(sqlite3_stmt *st, struct store_clearing_host *h)
{
    column_copy(st, 0, h->key, sizeof(h->key));
    h->kind = sqlite3_column_int(st, 1);
    h->binding = (uint32_t)sqlite3_column_int64(st, 2);
    column_copy(st, 3, h->name, sizeof(h->name));
    column_copy(st, 4, h->pid, sizeof(h->pid));
    h->used = (uint32_t)sqlite3_column_int64(st, 5);
    h->first_at = sqlite3_column_int64(st, 6);
    h->last_at = sqlite3_column_int64(st, 7);
}

/* The first row of a bound statement goes on being read by the caller; the caller resets it. */
static enum err first_row(struct store *s, enum db_sql sql, struct errinfo *ei)
{
    int rc = sqlite3_step(s->stmt[sql]);

    if (rc == SQLITE_ROW)
        return ERR_OK;
    return rc == SQLITE_DONE ? ERR_NOTFOUND : db_fail(s, "read", ei);
}

enum err store_clearing_key(struct store *s, const char *key, struct store_clearing_key *out,
                            struct errinfo *ei)
{
    sqlite3_stmt *st;
    enum err e;

    if (s->db == NULL)
        return db_not_now(s, ei);
    st = s->stmt[SQL_CLEARING_KEY];
    bind_text(st, 1, key);
    e = first_row(s, SQL_CLEARING_KEY, ei);
    if (e == ERR_OK)
        read_key(st, out);
    sqlite3_reset(st);
    return e;
}

enum err store_clearing_host(struct store *s, const char *key, int kind, uint32_t binding,
                             struct store_clearing_host *out, struct errinfo *ei)
{
    sqlite3_stmt *st;
    enum err e;

    if (s->db == NULL)
        return db_not_now(s, ei);
    st = s->stmt[SQL_CLEARING_HOST];
    bind_text(st, 1, key);
    sqlite3_bind_int(st, 2, kind);
    sqlite3_bind_int64(st, 3, binding);
    e = first_row(s, SQL_CLEARING_HOST, ei);
    if (e == ERR_OK)
        read_host(st, out);
    sqlite3_reset(st);
    return e;
}

enum err store_each_clearing_key(struct store *s, store_clearing_key_fn *each, void *arg,
                                 struct errinfo *ei)
{
    struct store_clearing_key k;
    sqlite3_stmt *st;
    enum err e = ERR_OK;
    int rc = SQLITE_DONE;

    if (s->db == NULL)
        return db_not_now(s, ei);
    st = s->stmt[SQL_EACH_CLEARING_KEY];
    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        read_key(st, &k);
        e = each(arg, &k);
    }
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}

enum err store_each_clearing_host(struct store *s, const char *key, store_clearing_host_fn *each,
                                  void *arg, struct errinfo *ei)
{
    struct store_clearing_host h;
    sqlite3_stmt *st;
    enum err e = ERR_OK;
    int rc = SQLITE_DONE;

    if (s->db == NULL)
        return db_not_now(s, ei);
    st = s->stmt[SQL_EACH_CLEARING_HOST];
    bind_text(st, 1, key);
    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        read_host(st, &h);
        e = each(arg, &h);
    }
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}
