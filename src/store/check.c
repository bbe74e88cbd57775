#include "store/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "store/column.h"
#include "store/count.h"
#include "store/db.h"

const char *store_check_name(enum store_check_item item)
{
    static const char *const names[STORE_CHECKS] = {"integrity", "references", "totals", "tallies",
                                                    "saved count"};

    return names[item];
}

static void tell(struct store_report *r, enum store_check_item item, bool good, const char *fmt,
                 ...) PRINTF_LIKE(4, 5);

static void tell(struct store_report *r, enum store_check_item item, bool good, const char *fmt,
                 ...)
{
    va_list ap;

    r->items[item].good = good;
    va_start(ap, fmt);
    vsnprintf(r->items[item].text, sizeof(r->items[item].text), fmt, ap);
    va_end(ap);
}

/* The first row of a query: up to four integers. */
static enum err ask(struct store *s, const char *sql, int64_t v[4], struct errinfo *ei)
{
    sqlite3_stmt *st = NULL;
    enum err e = ERR_OK;

    if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW)
        e = db_fail(s, "check", ei);
    for (int i = 0; e == ERR_OK && i < 4 && i < sqlite3_column_count(st); i++)
        v[i] = sqlite3_column_int64(st, i);
    sqlite3_finalize(st);
    return e;
}

/* ---- the items ---- */

static enum err check_integrity(struct store *s, struct store_report *r, struct errinfo *ei)
{
    sqlite3_stmt *st = NULL;
    char text[200] = "";
    enum err e = ERR_OK;

    if (sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW)
        e = db_fail(s, "check", ei);
    else
        column_copy(st, 0, text, sizeof(text));
    sqlite3_finalize(st);
    if (e == ERR_OK && strcmp(text, "ok") == 0)
        tell(r, STORE_CHECK_INTEGRITY, true, "every page and row is whole");
    else if (e == ERR_OK)
        tell(r, STORE_CHECK_INTEGRITY, false, "%s", text);
    return e;
}

static enum err check_references(struct store *s, struct store_report *r, struct errinfo *ei)
{
    int64_t v[4] = {0};
    enum err e = ask(s, "SELECT count(*) FROM pragma_foreign_key_check", v, ei);

    if (e == ERR_OK && v[0] == 0)
        tell(r, STORE_CHECK_REFERENCES, true, "all rows that are named are there");
    else if (e == ERR_OK)
        tell(r, STORE_CHECK_REFERENCES, false, "%" PRId64 " rows name others that are not there",
             v[0]);
    return e;
}

/* Ids are given without gaps, and the newest row is never removed. */
static enum err check_totals(struct store *s, struct store_report *r, struct errinfo *ei)
{
    int64_t v[4] = {0}, rows[4] = {0}, refused[4] = {0};
    enum err e = ask(s,
                     "SELECT answered, refused, status_0 + status_1 + status_2 + status_3 +"
                     " status_4 + status_5 + status_6 FROM all_totals",
                     v, ei);

    if (e == ERR_OK)
        e = ask(s,
                "SELECT count(*), ifnull(max(id), 0), ifnull(min(at), 0), ifnull(max(at), 0)"
                " FROM activations",
                rows, ei);
    if (e == ERR_OK)
        e = ask(s, "SELECT count(*), ifnull(sum(times), 0) FROM all_refusals", refused, ei);
    if (e != ERR_OK)
        return e;
    r->activations = (uint64_t)rows[0];
    r->refusals = (uint64_t)refused[0];
    r->oldest = rows[2];
    r->newest = rows[3];
    if (v[0] != rows[1])
        tell(r, STORE_CHECK_TOTALS, false,
             "%" PRId64 " answered in all, but the newest activation is number %" PRId64, v[0],
             rows[1]);
    else if (v[2] > v[0] || v[1] < refused[1])
        tell(r, STORE_CHECK_TOTALS, false,
             "%" PRId64 " answered, %" PRId64 " of them by status; %" PRId64 " refused, %" PRId64
             " of them in rows",
             v[0], v[2], v[1], refused[1]);
    else
        tell(r, STORE_CHECK_TOTALS, true, "%" PRId64 " answered, %" PRId64 " refused", v[0], v[1]);
    return ERR_OK;
}

static enum err check_tallies(struct store *s, struct store_report *r, struct errinfo *ei)
{
    int64_t v[4] = {0};
    enum err e = ask(s,
                     "SELECT (SELECT ifnull(sum(answered), 0) FROM tallies), (SELECT upto FROM"
                     " tally_mark), (SELECT ifnull(max(id), 0) FROM activations)",
                     v, ei);

    if (e != ERR_OK)
        return e;
    if (v[0] != v[1] || v[1] > v[2])
        tell(r, STORE_CHECK_TALLIES, false,
             "%" PRId64 " answered per product, for %" PRId64 " activations of %" PRId64, v[0],
             v[1], v[2]);
    else
        tell(r, STORE_CHECK_TALLIES, true, "%" PRId64 " by product, %" PRId64 " not added yet",
             v[0], v[2] - v[1]);
    return ERR_OK;
}

static enum err add_clients(void *arg, const struct store_count *app)
{
    *(size_t *)arg += app->n;
    return ERR_OK;
}

static enum err check_count(struct store *s, struct store_report *r, struct errinfo *ei)
{
    size_t clients = 0;
    int64_t covers = 0, newest = 0;
    struct errinfo why = {0};
    enum err e = store_load_count(s, add_clients, &clients, &covers, &why);

    if (e == ERR_OK)
        e = db_newest(s, &newest, &why);
    if (e == ERR_OK)
        tell(r, STORE_CHECK_COUNT, true, "%zu clients; %" PRId64 " activations since", clients,
             newest - covers);
    else if (e == ERR_NOTFOUND)
        tell(r, STORE_CHECK_COUNT, true, "none yet: a start reads every activation");
    else if (e == ERR_MALFORMED)
        tell(r, STORE_CHECK_COUNT, false, "%s; a start reads every activation", why.text);
    else
        return err_fail(ei, e, "%s", why.text);
    return ERR_OK;
}

/* ---- the report ---- */

static uint64_t file_size(const char *path, const char *suffix)
{
    char name[4096];
    struct stat st;

    if (snprintf(name, sizeof(name), "%s%s", path, suffix) >= (int)sizeof(name) ||
        stat(name, &st) != 0)
        return 0;
    return (uint64_t)st.st_size;
}

static enum err measure(struct store *s, struct store_report *r, struct errinfo *ei)
{
    int64_t version[4] = {0}, page[4] = {0}, unused[4] = {0};
    enum err e = ask(s, "PRAGMA user_version", version, ei);

    if (e == ERR_OK)
        e = ask(s, "PRAGMA page_size", page, ei);
    if (e == ERR_OK)
        e = ask(s, "PRAGMA freelist_count", unused, ei);
    r->version = (int)version[0];
    r->unused = (uint64_t)(page[0] * unused[0]);
    r->file = file_size(s->path, "");
    r->log = file_size(s->path, "-wal");
    return e;
}

static enum err check_all(struct store *s, struct store_report *r, struct errinfo *ei)
{
    static enum err (*const checks[STORE_CHECKS])(struct store *, struct store_report *,
                                                  struct errinfo *) = {
        check_integrity, check_references, check_totals, check_tallies, check_count};
    enum err e = measure(s, r, ei);

    for (unsigned i = 0; e == ERR_OK && i < STORE_CHECKS; i++) {
        struct errinfo why = {0};

        e = checks[i](s, r, &why);
        if (e == ERR_MALFORMED) {
            tell(r, i, false, "%s", why.text);
            e = ERR_OK;
        } else if (e != ERR_OK) {
            return err_fail(ei, e, "%s", why.text);
        }
    }
    return e;
}

enum err store_check(struct store *s, struct store_report *out, struct errinfo *ei)
{
    enum err e;

    memset(out, 0, sizeof(*out));
    if (s->db == NULL)
        return db_not_now(s, ei);
    if (sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return db_fail(s, "check", ei);
    e = check_all(s, out, ei);
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}
