#include "store/tally.h"

#include <string.h>

#include "store/column.h"
#include "store/db.h"

/* Open addressing; activation ids are random enough (UUIDs). */
static struct store_tally *slot_of(struct tally *t, const struct store_activation *a)
{
    uint32_t i;

    memcpy(&i, a->activation_id.b, sizeof(i));
    i += a->licence_status;
    for (;; i++) {
        struct store_tally *slot = &t->slots[i % TALLY_SLOTS];

        if (slot->answered == 0 || (slot->licence_status == a->licence_status &&
                                    guid_equal(&slot->activation_id, &a->activation_id) &&
                                    guid_equal(&slot->application_id, &a->application_id)))
            return slot;
    }
}

void tally_add(struct tally *t, const struct store_activation *a)
{
    struct store_tally *slot;

    t->rows++;
    if (t->lost)
        return;
    slot = slot_of(t, a);
    if (slot->answered == 0) {
        if (t->used == TALLY_SLOTS / 2) {
            t->lost = true;
            return;
        }
        t->used++;
        *slot = (struct store_tally){.application_id = a->application_id,
                                     .activation_id = a->activation_id,
                                     .licence_status = a->licence_status,
                                     .last = a->when};
    }
    slot->answered++;
    if (a->when > slot->last)
        slot->last = a->when;
}

static void clear(struct tally *t)
{
    memset(t->slots, 0, sizeof(t->slots));
    t->used = 0;
    t->rows = 0;
    t->lost = false;
}

void tally_lose(struct tally *t)
{
    t->lost = true;
    t->known = -1;
}

/* ---- into the ledger ---- */

static void bind(sqlite3_stmt *st, const struct store_tally *t)
{
    sqlite3_bind_int64(st, 1, (int64_t)t->answered);
    sqlite3_bind_int64(st, 2, t->last);
    sqlite3_bind_blob(st, 3, t->activation_id.b, sizeof(t->activation_id.b), SQLITE_STATIC);
    sqlite3_bind_blob(st, 4, t->application_id.b, sizeof(t->application_id.b), SQLITE_STATIC);
    sqlite3_bind_int64(st, 5, t->licence_status);
}

static int step(struct store *s, enum db_sql sql)
{
    int rc = sqlite3_step(s->stmt[sql]);

    sqlite3_reset(s->stmt[sql]);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Adds to the row there is. */
static int grow(struct store *s, const struct store_tally *t, bool *there)
{
    int rc;

    bind(s->stmt[SQL_GROW_TALLY], t);
    rc = step(s, SQL_GROW_TALLY);
    *there = rc == SQLITE_OK && sqlite3_changes(s->db) > 0;
    return rc;
}

static int count_known(struct store *s)
{
    int rc = sqlite3_step(s->stmt[SQL_COUNT_TALLIES]);

    if (rc == SQLITE_ROW)
        s->tally.known = sqlite3_column_int64(s->stmt[SQL_COUNT_TALLIES], 0);
    sqlite3_reset(s->stmt[SQL_COUNT_TALLIES]);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static void add_to_totals(struct store *s, const struct store_tally *t)
{
    s->pending.answered += t->answered;
    if (t->licence_status < STATUS_COUNT)
        s->pending.by_status[t->licence_status] += t->answered;
}

static int put(struct store *s, const struct store_tally *t)
{
    struct store_tally others = {
        .licence_status = t->licence_status, .answered = t->answered, .last = t->last};
    bool there;
    int rc = grow(s, t, &there);

    add_to_totals(s, t);
    if (rc == SQLITE_OK && !there && s->tally.known < 0)
        rc = count_known(s);
    if (rc == SQLITE_OK && !there && s->tally.known >= TALLY_MAX) {
        t = &others;
        rc = grow(s, t, &there);
    }
    if (rc != SQLITE_OK || there)
        return rc;
    bind(s->stmt[SQL_ADD_TALLY], t);
    rc = step(s, SQL_ADD_TALLY);
    if (rc == SQLITE_OK)
        s->tally.known++;
    return rc;
}

static void read_tally(sqlite3_stmt *st, struct store_tally *t)
{
    *t = (struct store_tally){.application_id = column_guid(st, 0),
                              .activation_id = column_guid(st, 1),
                              .licence_status = (uint32_t)sqlite3_column_int64(st, 2),
                              .answered = (uint64_t)sqlite3_column_int64(st, 3),
                              .last = sqlite3_column_int64(st, 4)};
}

/* What memory does not have is still in the rows themselves. */
static int put_from_rows(struct store *s)
{
    sqlite3_stmt *st = s->stmt[SQL_UNTALLIED];
    int rc = SQLITE_DONE, put_rc = SQLITE_OK;

    while (put_rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_tally t;

        read_tally(st, &t);
        put_rc = put(s, &t);
    }
    sqlite3_reset(st);
    if (put_rc != SQLITE_OK)
        return put_rc;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int put_from_memory(struct store *s)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; rc == SQLITE_OK && i < TALLY_SLOTS; i++) {
        if (s->tally.slots[i].answered > 0)
            rc = put(s, &s->tally.slots[i]);
    }
    return rc;
}

int tally_flush(struct store *s, uint32_t rows)
{
    struct tally *t = &s->tally;
    int rc;

    if (t->rows < rows && !t->lost)
        return SQLITE_OK;
    rc = t->lost ? put_from_rows(s) : put_from_memory(s);
    if (rc == SQLITE_OK)
        rc = step(s, SQL_MOVE_TALLY_MARK);
    if (rc == SQLITE_OK)
        clear(t);
    return rc;
}

/* ---- reading ---- */

enum err store_each_tally(struct store *s, store_tally_fn *each, void *arg, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_EACH_TALLY];
    enum err e = ERR_OK;
    int rc = SQLITE_DONE;

    if (s->db == NULL)
        return db_not_now(s, ei);
    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_tally t;

        read_tally(st, &t);
        e = each(arg, &t);
    }
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}
