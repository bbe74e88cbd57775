#include "store/events.h"

#include "store/db.h"

/* In this order where their times are the same. */
enum kind { HOST, ANSWERED, REFUSED, REFUSALS, KINDS };

/* One of the walks that are merged; its row is the next to be told. */
struct walk {
    sqlite3_stmt *st;
    int rc;       /* SQLITE_ROW while there is a row */
    int64_t when; /* of it */
};

static void advance(struct walk *w, enum kind kind)
{
    w->rc = sqlite3_step(w->st);
    if (w->rc == SQLITE_ROW)
        w->when = sqlite3_column_int64(w->st, kind == REFUSALS ? 0 : 1);
}

/* KINDS: none has a row. */
static enum kind next_kind(const struct walk walks[KINDS], bool oldest_first)
{
    enum kind next = KINDS;

    for (enum kind k = 0; k < KINDS; k++) {
        if (walks[k].rc != SQLITE_ROW)
            continue;
        if (next == KINDS ||
            (oldest_first ? walks[k].when < walks[next].when : walks[k].when > walks[next].when))
            next = k;
    }
    return next;
}

static enum err tell(sqlite3_stmt *st, enum kind kind, store_event_fn *each, void *arg)
{
    struct store_activation answered;
    struct store_refused refused;
    struct store_refusal refusals;
    struct store_host_event host;
    struct store_event event = {0};

    switch (kind) {
    case ANSWERED:
        db_read_activation(st, &answered);
        event.answered = &answered;
        break;
    case REFUSED:
        db_read_refused(st, &refused);
        event.refused = &refused;
        break;
    case REFUSALS:
        db_read_refusal(st, &refusals);
        event.refusals = &refusals;
        break;
    default:
        db_read_host_event(st, &host);
        event.host = &host;
    }
    return each(arg, &event);
}

/* Each begins while the others are open: all are of the same state. */
static void begin(struct store *s, const struct store_event_query *q, struct walk walks[KINDS])
{
    static const enum db_sql forward[KINDS] = {SQL_EACH_HOST_EVENT, SQL_EACH_FROM, SQL_EACH_REFUSED,
                                               SQL_EACH_REFUSAL};
    static const enum db_sql back[KINDS] = {SQL_EACH_HOST_EVENT_BACK, SQL_EACH_RECENT,
                                            SQL_EACH_REFUSED_BACK, SQL_EACH_REFUSAL_BACK};
    const int64_t after[KINDS] = {q->after_host, q->after_answered, q->after_refused, 0};

    for (enum kind k = 0; k < KINDS; k++) {
        walks[k].st = s->stmt[q->oldest_first ? forward[k] : back[k]];
        sqlite3_bind_int64(walks[k].st, 1, q->since);
    }
    for (enum kind k = HOST; k <= REFUSED && q->oldest_first; k++)
        sqlite3_bind_int64(walks[k].st, 2, after[k]);
    if (!q->oldest_first)
        sqlite3_bind_int64(walks[ANSWERED].st, 2, -1); /* its limit */
    sqlite3_bind_int64(walks[REFUSALS].st, 1,
                       db_minute(q->since > q->refusals_since ? q->since : q->refusals_since));
    for (enum kind k = 0; k < KINDS; k++)
        advance(&walks[k], k);
}

enum err store_each_event(struct store *s, const struct store_event_query *q, store_event_fn *each,
                          void *arg, struct errinfo *ei)
{
    struct walk walks[KINDS] = {0};
    enum err e = ERR_OK;
    enum kind k;

    if (s->db == NULL)
        return db_not_now(s, ei);
    begin(s, q, walks);
    while (e == ERR_OK && (k = next_kind(walks, q->oldest_first)) != KINDS) {
        e = tell(walks[k].st, k, each, arg);
        advance(&walks[k], k);
    }
    for (k = 0; e == ERR_OK && k < KINDS; k++) {
        if (walks[k].rc != SQLITE_DONE)
            e = db_fail(s, "read", ei);
    }
    for (k = 0; k < KINDS; k++)
        sqlite3_reset(walks[k].st);
    return e;
}
