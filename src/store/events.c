#include "store/events.h"

#include "store/db.h"

/* One of the two walks that are merged; its row is the next to be told. */
struct side {
    sqlite3_stmt *st;
    int rc;       /* SQLITE_ROW while there is a row */
    int64_t when; /* of it */
    int when_column;
};

static void advance(struct side *side)
{
    side->rc = sqlite3_step(side->st);
    if (side->rc == SQLITE_ROW)
        side->when = sqlite3_column_int64(side->st, side->when_column);
}

/* Ties go to the answered request. */
static bool answered_is_next(const struct side *answered, const struct side *refused, bool oldest)
{
    if (refused->rc != SQLITE_ROW || answered->rc != SQLITE_ROW)
        return answered->rc == SQLITE_ROW;
    return oldest ? answered->when <= refused->when : answered->when >= refused->when;
}

static bool is_at_end(const struct side *side)
{
    return side->rc == SQLITE_DONE;
}

static enum err tell(struct side *answered, struct side *refused, bool oldest, store_event_fn *each,
                     void *arg)
{
    enum err e;

    if (answered_is_next(answered, refused, oldest)) {
        struct store_activation a;

        db_read_activation(answered->st, &a);
        e = each(arg, &a, NULL);
        advance(answered);
    } else {
        struct store_refusal r;

        db_read_refusal(refused->st, &r);
        e = each(arg, NULL, &r);
        advance(refused);
    }
    return e;
}

enum err store_each_event(struct store *s, const struct store_event_query *q, store_event_fn *each,
                          void *arg, struct errinfo *ei)
{
    struct side answered = {.when_column = 1}, refused = {.when_column = 0};
    enum err e = ERR_OK;

    if (s->db == NULL)
        return db_not_now(s, ei);
    answered.st = s->stmt[q->oldest_first ? SQL_EACH_FROM : SQL_EACH_RECENT];
    refused.st = s->stmt[q->oldest_first ? SQL_EACH_REFUSAL : SQL_EACH_REFUSAL_BACK];
    sqlite3_bind_int64(answered.st, 1, q->since);
    sqlite3_bind_int64(answered.st, 2, q->oldest_first ? q->after : -1);
    sqlite3_bind_int64(refused.st, 1,
                       db_minute(q->since > q->refused_since ? q->since : q->refused_since));
    advance(&answered);
    advance(&refused); /* while the other one is open: of the same state */
    while (e == ERR_OK && (answered.rc == SQLITE_ROW || refused.rc == SQLITE_ROW))
        e = tell(&answered, &refused, q->oldest_first, each, arg);
    if (e == ERR_OK && !(is_at_end(&answered) && is_at_end(&refused)))
        e = db_fail(s, "read", ei);
    sqlite3_reset(answered.st);
    sqlite3_reset(refused.st);
    return e;
}
