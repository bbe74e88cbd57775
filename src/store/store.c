#include "store/store.h"

#include <assert.h>
#include <string.h>

#include "store/column.h"
#include "store/db.h"
#include "store/wal.h"

#define ACTIVATION_COLUMNS                                                                         \
    "at, channel, peer, version, application_id, activation_id, kms_id, client_id, "               \
    "previous_client_id, required_count, licence_status, minutes_left, is_virtual, count, "        \
    "workstation, client_at, principal, sid"
#define REFUSAL_COLUMNS "minute, source, reason, hresult, times"
#define REFUSED_COLUMNS                                                                            \
    "at, source, reason, hresult, version, application_id, activation_id, kms_id, client_id, "     \
    "previous_client_id, required_count, licence_status, minutes_left, is_virtual, workstation, "  \
    "client_at"
#define HOST_EVENT_COLUMNS "at, event_id, hresult, text"
#define CLEARING_KEY_COLUMNS                                                                       \
    "k.key, k.grp, k.hosts, k.per_host, k.blocked, k.pool, k.extended, k.issued_at, count(h.key)," \
    " ifnull(sum(h.used), 0)"                                                                      \
    " FROM clearing_keys k LEFT JOIN clearing_hosts h ON h.key = k.key"
#define CLEARING_HOST_COLUMNS "key, kind, binding, name, pid, used, first_at, last_at"

#define RELAYED_COLUMNS                                                                            \
    "at, peer, version, size, activation_id, client_id, workstation, upstream, fault, status, "    \
    "answer_size, elapsed_us"
#define SELF_REPORT_COLUMNS                                                                        \
    "at, peer, event_id, client_id, application_id, activation_id, kms_id, object_sku_id, key, "   \
    "workstation, account, domain, sid, object_name, object_dn, activated_at, expires_at, "        \
    "client_at"
#define MEMBER_COLUMNS "id, guid, name, dns_name, dn, sid, enabled"
#define SYNC_COLUMNS   "cookie, synced_at, listed_at, full, entries, origin"

const char *const db_sql_text[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_ADD_ACTIVATION] = "INSERT INTO activations (" ACTIVATION_COLUMNS
                           ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_ADD_REFUSAL] =
        "INSERT INTO refusals (" REFUSAL_COLUMNS ") VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET times = times + excluded.times, hresult = excluded.hresult",
    [SQL_ADD_TOTALS] = "UPDATE totals SET answered = answered + ?, refused = refused + ?,"
                       " status_0 = status_0 + ?, status_1 = status_1 + ?, status_2 = status_2 + ?,"
                       " status_3 = status_3 + ?, status_4 = status_4 + ?, status_5 = status_5 + ?,"
                       " status_6 = status_6 + ?",
    [SQL_EACH_ACTIVATION] = "SELECT id, " ACTIVATION_COLUMNS
                            " FROM activations WHERE at >= ? AND channel = 0 ORDER BY id",
    [SQL_EACH_AFTER] = "SELECT id, " ACTIVATION_COLUMNS
                       " FROM activations WHERE id > ? AND channel = 0 ORDER BY id",
    [SQL_EACH_RECENT] =
        "SELECT id, " ACTIVATION_COLUMNS " FROM activations WHERE at >= ? ORDER BY id DESC LIMIT ?",
    [SQL_EACH_FROM] =
        "SELECT id, " ACTIVATION_COLUMNS " FROM activations WHERE at >= ? AND id > ? ORDER BY id",
    [SQL_EACH_REFUSAL] = "SELECT " REFUSAL_COLUMNS ", had_rows FROM refusals"
                         " WHERE minute >= ? ORDER BY minute, source, reason",
    [SQL_EACH_REFUSAL_BACK] = "SELECT " REFUSAL_COLUMNS ", had_rows FROM refusals"
                              " WHERE minute >= ?"
                              " ORDER BY minute DESC, source DESC, reason DESC",
    [SQL_EACH_ALL_REFUSALS] = "SELECT " REFUSAL_COLUMNS ", 0 FROM all_refusals"
                              " WHERE minute >= ? ORDER BY minute, source, reason",
    [SQL_ADD_REFUSED] = "INSERT INTO refused_requests (" REFUSED_COLUMNS
                        ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_SUM_REFUSED] = "INSERT INTO refusals (" REFUSAL_COLUMNS ", had_rows)"
                        " SELECT at - at % 60, source, reason, max(hresult), count(*), count(*)"
                        " FROM refused_requests WHERE id <= ? GROUP BY 1, 2, 3"
                        " ON CONFLICT DO UPDATE SET times = times + excluded.times,"
                        " had_rows = had_rows + excluded.had_rows, hresult = excluded.hresult",
    [SQL_TRIM_REFUSED] = "DELETE FROM refused_requests WHERE id <= ?",
    [SQL_EACH_REFUSED] =
        "SELECT id, " REFUSED_COLUMNS " FROM refused_requests WHERE at >= ? AND id > ? ORDER BY id",
    [SQL_EACH_REFUSED_BACK] =
        "SELECT id, " REFUSED_COLUMNS " FROM refused_requests WHERE at >= ? ORDER BY id DESC",
    [SQL_ADD_HOST_EVENT] = "INSERT INTO host_events (" HOST_EVENT_COLUMNS ") VALUES (?, ?, ?, ?)",
    [SQL_TRIM_HOST_EVENTS] =
        "DELETE FROM host_events WHERE id <= (SELECT max(id) FROM host_events) - ?",
    [SQL_EACH_HOST_EVENT] =
        "SELECT id, " HOST_EVENT_COLUMNS " FROM host_events WHERE at >= ? AND id > ? ORDER BY id",
    [SQL_EACH_HOST_EVENT_BACK] =
        "SELECT id, " HOST_EVENT_COLUMNS " FROM host_events WHERE at >= ? ORDER BY id DESC",
    [SQL_TOTALS] = "SELECT answered, refused, status_0, status_1, status_2, status_3, status_4,"
                   " status_5, status_6 FROM all_totals",
    [SQL_NEWEST] = "SELECT ifnull(max(id), 0) FROM activations",
    [SQL_CLEAR_COUNT] = "DELETE FROM count_applications",
    [SQL_ADD_COUNT] = "INSERT INTO count_applications (application_id, room, newest, clients)"
                      " VALUES (?, ?, ?, ?)",
    [SQL_SET_COUNT_MARK] = "INSERT OR REPLACE INTO count_mark (only, covers, applications,"
                           " checksum) VALUES (1, ?, ?, ?)",
    [SQL_COUNT_MARK] = "SELECT covers, applications, checksum FROM count_mark",
    [SQL_EACH_COUNT] = "SELECT application_id, room, newest, clients FROM count_applications"
                       " ORDER BY application_id",
    [SQL_EXPIRE_ACTIVATIONS] =
        "DELETE FROM activations WHERE at < ?1 AND id IN (SELECT id FROM activations"
        " WHERE id < (SELECT max(id) FROM activations)"
        " AND id <= (SELECT covers FROM count_mark) AND id <= (SELECT upto FROM tally_mark)"
        " ORDER BY id LIMIT ?2)",
    [SQL_EXPIRE_REFUSALS] =
        "DELETE FROM refusals WHERE minute < ?1 AND (minute, source, reason) IN"
        " (SELECT minute, source, reason FROM refusals ORDER BY minute, source, reason LIMIT ?2)",
    /* Not the newest, so that ids go on rising. */
    [SQL_EXPIRE_REFUSED] =
        "DELETE FROM refused_requests WHERE at < ?1 AND id IN (SELECT id FROM refused_requests"
        " WHERE id < (SELECT max(id) FROM refused_requests) ORDER BY id LIMIT ?2)",
    [SQL_EXPIRE_HOST_EVENTS] =
        "DELETE FROM host_events WHERE at < ?1 AND id IN (SELECT id FROM host_events"
        " WHERE id < (SELECT max(id) FROM host_events) ORDER BY id LIMIT ?2)",
    [SQL_GROW_TALLY] = "UPDATE tallies SET answered = answered + ?1, last_at = max(last_at, ?2)"
                       " WHERE activation_id = ?3 AND application_id = ?4 AND licence_status = ?5",
    [SQL_ADD_TALLY] = "INSERT INTO tallies (answered, last_at, activation_id, application_id,"
                      " licence_status) VALUES (?, ?, ?, ?, ?)",
    [SQL_COUNT_TALLIES] = "SELECT count(*) FROM tallies",
    [SQL_MOVE_TALLY_MARK] =
        "UPDATE tally_mark SET upto = ifnull((SELECT max(id) FROM activations), upto)",
    [SQL_UNTALLIED] =
        "SELECT application_id, activation_id, licence_status, count(*), max(at) FROM activations"
        " WHERE id > (SELECT upto FROM tally_mark) GROUP BY 1, 2, 3",
    [SQL_EACH_TALLY] =
        "SELECT application_id, activation_id, licence_status, sum(n), max(last) FROM ("
        "SELECT application_id, activation_id, licence_status, answered AS n, last_at AS last"
        " FROM tallies UNION ALL "
        "SELECT application_id, activation_id, licence_status, 1, at FROM activations"
        " WHERE id > (SELECT upto FROM tally_mark)) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    [SQL_PUT_STRAGGLER] =
        "INSERT INTO stragglers (client_id, activation_id, application_id, workstation, source,"
        " first_at, last_at, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1)"
        " ON CONFLICT DO UPDATE SET application_id = excluded.application_id,"
        " workstation = excluded.workstation, source = excluded.source,"
        " last_at = max(last_at, excluded.last_at), times = times + 1",
    [SQL_TRIM_STRAGGLERS] =
        "DELETE FROM stragglers WHERE id <= (SELECT max(id) FROM stragglers) - ?",
    [SQL_EACH_STRAGGLER] =
        "SELECT client_id, activation_id, application_id, workstation, source, first_at, last_at,"
        " times FROM stragglers WHERE last_at >= ? ORDER BY last_at DESC, id DESC LIMIT ?",
    [SQL_ADD_RELAYED] =
        "INSERT INTO relayed (" RELAYED_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_EACH_RELAYED] =
        "SELECT id, " RELAYED_COLUMNS " FROM relayed WHERE at >= ? ORDER BY id DESC LIMIT ?",
    [SQL_EXPIRE_RELAYED] = "DELETE FROM relayed WHERE at < ?1 AND id IN"
                           " (SELECT id FROM relayed ORDER BY id LIMIT ?2)",
    [SQL_ADD_SELF_REPORT] = "INSERT INTO self_reports (" SELF_REPORT_COLUMNS
                            ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                            " ON CONFLICT DO NOTHING",
    [SQL_EACH_SELF_REPORT] =
        "SELECT id, " SELF_REPORT_COLUMNS " FROM self_reports WHERE at >= ? AND id > ? ORDER BY id",
    [SQL_EACH_SELF_REPORT_BACK] = "SELECT id, " SELF_REPORT_COLUMNS
                                  " FROM self_reports WHERE at >= ? ORDER BY id DESC LIMIT ?",
    /* Not the newest, so that ids go on rising. */
    [SQL_EXPIRE_SELF_REPORTS] =
        "DELETE FROM self_reports WHERE at < ?1 AND id IN (SELECT id FROM self_reports"
        " WHERE id < (SELECT max(id) FROM self_reports) ORDER BY id LIMIT ?2)",
    [SQL_PUT_MEMBER] =
        "INSERT OR REPLACE INTO members (" MEMBER_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)",
    [SQL_DROP_MEMBER] = "DELETE FROM members WHERE id = ?",
    [SQL_SET_MEMBER_SYNC] =
        "INSERT OR REPLACE INTO member_sync (only, " SYNC_COLUMNS ") VALUES (1, ?, ?, ?, ?, ?, ?)",
    [SQL_DROP_OTHER_MEMBER_SYNC] = "DELETE FROM member_sync WHERE origin <> ?",
    [SQL_EACH_MEMBER] = "SELECT " MEMBER_COLUMNS " FROM members",
    [SQL_MEMBER_SYNC] = "SELECT " SYNC_COLUMNS " FROM member_sync",
    [SQL_ADD_CLEARING_KEY] = "INSERT INTO clearing_keys (key, grp, hosts, per_host)"
                             " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    [SQL_PUT_CLEARING_KEY] =
        "INSERT INTO clearing_keys"
        " (key, grp, hosts, per_host, blocked, pool, extended, issued_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET grp = excluded.grp, hosts = excluded.hosts,"
        " per_host = excluded.per_host, blocked = excluded.blocked, pool = excluded.pool,"
        " extended = excluded.extended",
    [SQL_ADD_CLEARING_HOST] =
        "INSERT INTO clearing_hosts (key, kind, binding, name, pid, used, first_at, last_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6)"
        " ON CONFLICT DO UPDATE SET used = used + 1, last_at = excluded.last_at,"
        " name = iif(excluded.name = '', name, excluded.name),"
        " pid = iif(excluded.pid = '', pid, excluded.pid)",
    [SQL_ADD_GRANT] = "INSERT INTO clearing_grants (at, key, kind, binding, phone, peer)"
                      " VALUES (?, ?, ?, ?, ?, ?)",
    [SQL_CLEARING_KEY] = "SELECT " CLEARING_KEY_COLUMNS " WHERE k.key = ? GROUP BY k.key",
    [SQL_CLEARING_HOST] = "SELECT " CLEARING_HOST_COLUMNS
                          " FROM clearing_hosts WHERE key = ? AND kind = ? AND binding = ?",
    [SQL_EACH_CLEARING_KEY] =
        "SELECT " CLEARING_KEY_COLUMNS " GROUP BY k.key ORDER BY k.grp, k.key",
    [SQL_EACH_CLEARING_HOST] =
        "SELECT " CLEARING_HOST_COLUMNS
        " FROM clearing_hosts WHERE key = ? ORDER BY first_at, kind, binding",
};

enum err db_not_now(const struct store *s, struct errinfo *ei)
{
    return err_fail(ei, ERR_NOT_NOW, "ledger %s: not in use since a failure; it must be reopened",
                    s->path);
}

/* Steps a statement that returns no rows and resets it. */
static int step(struct store *s, enum db_sql sql)
{
    int rc = sqlite3_step(s->stmt[sql]);

    sqlite3_reset(s->stmt[sql]);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- writing ---- */

/* Whoever removes the file takes the name from it, not the file from us: what we wrote into it now
 * would be gone with the process. */
static bool removed(struct store *s)
{
    int moved = 0;

    return sqlite3_file_control(s->db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved != 0;
}

enum err store_look(struct store *s, struct errinfo *ei)
{
    assert(!s->in_transaction);
    if (s->broken)
        return db_not_now(s, ei);
    if (!removed(s))
        return ERR_OK;
    s->broken = true;
    return db_removed(s, ei);
}

enum err store_begin(struct store *s, struct errinfo *ei)
{
    enum err e;

    assert(s->writable);
    e = store_look(s, ei);
    if (e != ERR_OK)
        return e;
    if (s->checkpointer != NULL)
        checkpointer_before_transaction(s->checkpointer);
    if (step(s, SQL_BEGIN) != SQLITE_OK) {
        s->broken = true;
        return db_fail(s, "write", ei);
    }
    memset(&s->pending, 0, sizeof(s->pending));
    s->in_transaction = true;
    return ERR_OK;
}

/* Keeps the error of the failed statement, since rolling back replaces it. */
enum err db_abandon(struct store *s, struct errinfo *ei)
{
    enum err e = db_fail(s, "write", ei);

    store_rollback(s);
    s->broken = true;
    return e;
}

enum err db_write(struct store *s, enum db_sql sql, struct errinfo *ei)
{
    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    return step(s, sql) == SQLITE_OK ? ERR_OK : db_abandon(s, ei);
}

static void bind_guid(sqlite3_stmt *st, int i, const struct guid *g)
{
    sqlite3_bind_blob(st, i, g->b, sizeof(g->b), SQLITE_STATIC);
}

enum err store_add_activation(struct store *s, const struct store_activation *a, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_ADD_ACTIVATION];

    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    /* Binding static memory of the right count of parameters cannot fail. */
    sqlite3_bind_int64(st, 1, a->when);
    sqlite3_bind_int(st, 2, (int)a->channel);
    sqlite3_bind_text(st, 3, a->peer, -1, SQLITE_STATIC);
    sqlite3_bind_int(st, 4, a->version);
    bind_guid(st, 5, &a->application_id);
    bind_guid(st, 6, &a->activation_id);
    bind_guid(st, 7, &a->kms_id);
    bind_guid(st, 8, &a->client_id);
    bind_guid(st, 9, &a->previous_client_id);
    sqlite3_bind_int64(st, 10, a->required_count);
    sqlite3_bind_int64(st, 11, a->licence_status);
    sqlite3_bind_int64(st, 12, a->minutes_left);
    sqlite3_bind_int(st, 13, a->is_virtual);
    sqlite3_bind_int64(st, 14, a->count);
    sqlite3_bind_text(st, 15, a->workstation, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 16, a->client_when);
    sqlite3_bind_text(st, 17, a->principal, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 18, a->sid, -1, SQLITE_STATIC);
    if (step(s, SQL_ADD_ACTIVATION) != SQLITE_OK)
        return db_abandon(s, ei);
    tally_add(&s->tally, a);
    return ERR_OK;
}

enum err store_add_refusal(struct store *s, const struct store_refusal *r, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_ADD_REFUSAL];
    uint64_t times = r->times == 0 ? 1 : r->times;

    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    sqlite3_bind_int64(st, 1, db_minute(r->when));
    sqlite3_bind_text(st, 2, r->source, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 3, r->reason, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 4, r->hresult);
    sqlite3_bind_int64(st, 5, (int64_t)times);
    if (step(s, SQL_ADD_REFUSAL) != SQLITE_OK)
        return db_abandon(s, ei);
    s->pending.refused += times;
    return ERR_OK;
}

/* Nearly always there is nothing: a page less for the log. */
static int add_totals(struct store *s)
{
    sqlite3_stmt *st = s->stmt[SQL_ADD_TOTALS];

    if (s->pending.answered == 0 && s->pending.refused == 0)
        return SQLITE_OK;
    sqlite3_bind_int64(st, 1, (int64_t)s->pending.answered);
    sqlite3_bind_int64(st, 2, (int64_t)s->pending.refused);
    for (size_t i = 0; i < STATUS_COUNT; i++)
        sqlite3_bind_int64(st, 3 + (int)i, (int64_t)s->pending.by_status[i]);
    return step(s, SQL_ADD_TOTALS);
}

enum err store_commit(struct store *s, struct errinfo *ei)
{
    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    if (tally_flush(s, TALLY_ROWS) != SQLITE_OK || add_totals(s) != SQLITE_OK)
        return db_abandon(s, ei);
    if (step(s, SQL_COMMIT) != SQLITE_OK) {
        enum err e = db_abandon(s, ei);

        s->in_doubt = true;
        wal_undo(s, NULL); /* else store_reopen does it */
        return e;
    }
    s->in_transaction = false;
    return ERR_OK;
}

void store_rollback(struct store *s)
{
    if (!s->in_transaction)
        return;
    /* SQLite rolls back by itself after some errors; then there is nothing left to do. */
    if (!sqlite3_get_autocommit(s->db))
        step(s, SQL_ROLLBACK);
    s->in_transaction = false;
    tally_lose(&s->tally);
}

/* ---- reading ---- */

void db_read_activation(sqlite3_stmt *st, struct store_activation *a)
{
    a->id = sqlite3_column_int64(st, 0);
    a->when = sqlite3_column_int64(st, 1);
    a->channel = (enum store_channel)sqlite3_column_int(st, 2);
    column_copy(st, 3, a->peer, sizeof(a->peer));
    a->version = (uint16_t)sqlite3_column_int(st, 4);
    a->application_id = column_guid(st, 5);
    a->activation_id = column_guid(st, 6);
    a->kms_id = column_guid(st, 7);
    a->client_id = column_guid(st, 8);
    a->previous_client_id = column_guid(st, 9);
    a->required_count = (uint32_t)sqlite3_column_int64(st, 10);
    a->licence_status = (uint32_t)sqlite3_column_int64(st, 11);
    a->minutes_left = (uint32_t)sqlite3_column_int64(st, 12);
    a->is_virtual = sqlite3_column_int(st, 13) != 0;
    a->count = (uint32_t)sqlite3_column_int64(st, 14);
    column_copy(st, 15, a->workstation, sizeof(a->workstation));
    a->client_when = sqlite3_column_int64(st, 16);
    column_copy(st, 17, a->principal, sizeof(a->principal));
    column_copy(st, 18, a->sid, sizeof(a->sid));
}

void db_read_refusal(sqlite3_stmt *st, struct store_refusal *r)
{
    r->when = sqlite3_column_int64(st, 0);
    column_copy(st, 1, r->source, sizeof(r->source));
    column_copy(st, 2, r->reason, sizeof(r->reason));
    r->hresult = (uint32_t)sqlite3_column_int64(st, 3);
    r->times = (uint64_t)sqlite3_column_int64(st, 4);
    r->had_rows = (uint64_t)sqlite3_column_int64(st, 5);
}

static enum err each_row(struct store *s, enum db_sql sql, store_activation_fn *each, void *arg,
                         struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[sql];
    enum err e = ERR_OK;
    int rc = SQLITE_DONE;

    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_activation a;

        db_read_activation(st, &a);
        s->rows_read++;
        e = each(arg, &a);
    }
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}

enum err store_each_activation(struct store *s, int64_t since, store_activation_fn *each, void *arg,
                               struct errinfo *ei)
{
    if (s->db == NULL)
        return db_not_now(s, ei);
    sqlite3_bind_int64(s->stmt[SQL_EACH_ACTIVATION], 1, since);
    return each_row(s, SQL_EACH_ACTIVATION, each, arg, ei);
}

enum err store_each_activation_after(struct store *s, int64_t after, store_activation_fn *each,
                                     void *arg, struct errinfo *ei)
{
    if (s->db == NULL)
        return db_not_now(s, ei);
    sqlite3_bind_int64(s->stmt[SQL_EACH_AFTER], 1, after);
    return each_row(s, SQL_EACH_AFTER, each, arg, ei);
}

enum err store_each_from(struct store *s, int64_t since, int64_t after, store_activation_fn *each,
                         void *arg, struct errinfo *ei)
{
    if (s->db == NULL)
        return db_not_now(s, ei);
    sqlite3_bind_int64(s->stmt[SQL_EACH_FROM], 1, since);
    sqlite3_bind_int64(s->stmt[SQL_EACH_FROM], 2, after);
    return each_row(s, SQL_EACH_FROM, each, arg, ei);
}

uint64_t store_rows_read(const struct store *s)
{
    return s->rows_read;
}

enum err db_newest(struct store *s, int64_t *id, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_NEWEST];
    enum err e = ERR_OK;

    if (sqlite3_step(st) == SQLITE_ROW)
        *id = sqlite3_column_int64(st, 0);
    else
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}

enum err store_each_recent(struct store *s, int64_t since, uint32_t limit,
                           store_activation_fn *each, void *arg, struct errinfo *ei)
{
    if (s->db == NULL)
        return db_not_now(s, ei);
    sqlite3_bind_int64(s->stmt[SQL_EACH_RECENT], 1, since);
    sqlite3_bind_int64(s->stmt[SQL_EACH_RECENT], 2, limit == 0 ? -1 : (int64_t)limit);
    return each_row(s, SQL_EACH_RECENT, each, arg, ei);
}

enum err store_each_refusal(struct store *s, int64_t since, store_refusal_fn *each, void *arg,
                            struct errinfo *ei)
{
    enum err e = ERR_OK;
    sqlite3_stmt *st;
    int rc = SQLITE_DONE;

    if (s->db == NULL)
        return db_not_now(s, ei);
    st = s->stmt[SQL_EACH_ALL_REFUSALS];
    sqlite3_bind_int64(st, 1, db_minute(since));
    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_refusal r;

        db_read_refusal(st, &r);
        e = each(arg, &r);
    }
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}

enum err store_totals(struct store *s, struct store_totals *out, struct errinfo *ei)
{
    enum err e = ERR_OK;
    sqlite3_stmt *st;

    if (s->db == NULL)
        return db_not_now(s, ei);
    st = s->stmt[SQL_TOTALS];
    if (sqlite3_step(st) != SQLITE_ROW) {
        e = db_fail(s, "read", ei);
    } else {
        out->answered = (uint64_t)sqlite3_column_int64(st, 0);
        out->refused = (uint64_t)sqlite3_column_int64(st, 1);
        for (size_t i = 0; i < STATUS_COUNT; i++)
            out->by_status[i] = (uint64_t)sqlite3_column_int64(st, 2 + (int)i);
    }
    sqlite3_reset(st);
    return e;
}
