#include "store/retention.h"

#include "store/db.h"

static enum err expire(struct store *s, enum db_sql sql, int64_t before, uint32_t limit,
                       uint64_t *removed, struct errinfo *ei)
{
    enum err e;

    sqlite3_bind_int64(s->stmt[sql], 1, before);
    sqlite3_bind_int64(s->stmt[sql], 2, limit);
    e = db_write(s, sql, ei);
    if (e == ERR_OK)
        *removed += (uint64_t)sqlite3_changes64(s->db);
    return e;
}

enum err store_expire_step(struct store *s, int64_t before, uint32_t limit, uint64_t *removed,
                           struct errinfo *ei)
{
    enum err e;

    *removed = 0;
    if (s->broken || !s->in_transaction)
        return db_not_now(s, ei);
    if (tally_flush(s, 1) != SQLITE_OK) /* what goes has to be in the tallies */
        return db_abandon(s, ei);
    e = expire(s, SQL_EXPIRE_ACTIVATIONS, before, limit, removed, ei);
    if (e == ERR_OK && *removed < limit)
        e = expire(s, SQL_EXPIRE_REFUSALS, before, limit - (uint32_t)*removed, removed, ei);
    if (e == ERR_OK && *removed < limit)
        e = expire(s, SQL_EXPIRE_REFUSED, before, limit - (uint32_t)*removed, removed, ei);
    if (e == ERR_OK && *removed < limit)
        e = expire(s, SQL_EXPIRE_HOST_EVENTS, before, limit - (uint32_t)*removed, removed, ei);
    if (e == ERR_OK && *removed < limit)
        e = expire(s, SQL_EXPIRE_RELAYED, before, limit - (uint32_t)*removed, removed, ei);
    if (e == ERR_OK && *removed < limit)
        e = expire(s, SQL_EXPIRE_SELF_REPORTS, before, limit - (uint32_t)*removed, removed, ei);
    return e;
}
