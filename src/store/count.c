#include "store/count.h"

#include <stdlib.h>

#include "store/column.h"
#include "store/db.h"

#define CLIENT_LEN 24

/* ---- bytes ---- */

static void put_int(uint8_t out[8], int64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
}

static int64_t get_int(const uint8_t in[8])
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | in[i];
    return (int64_t)value;
}

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/. It finds damage; it is no signature. */
#define FNV_START 0xcbf29ce484222325

static uint64_t fnv(uint64_t sum, const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ p[i]) * 0x100000001b3;
    return sum;
}

static uint64_t fnv_int(uint64_t sum, int64_t value)
{
    uint8_t b[8];

    put_int(b, value);
    return fnv(sum, b, sizeof(b));
}

static uint64_t fnv_application(uint64_t sum, const void *id, int64_t room, int64_t newest,
                                const void *clients, size_t len)
{
    sum = fnv(sum, id, sizeof(((struct guid *)NULL)->b));
    return fnv(fnv_int(fnv_int(sum, room), newest), clients, len);
}

/* ---- saving ---- */

static uint8_t *encode(const struct store_count *app)
{
    uint8_t *out = malloc(app->n * CLIENT_LEN + 1);

    for (size_t i = 0; out != NULL && i < app->n; i++) {
        memcpy(out + i * CLIENT_LEN, app->clients[i].id.b, 16);
        put_int(out + i * CLIENT_LEN + 16, app->clients[i].seen);
    }
    return out;
}

static enum err save_application(struct store *s, const struct store_count *app, uint64_t *sum,
                                 struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_ADD_COUNT];
    size_t len = app->n * CLIENT_LEN;
    uint8_t *clients = encode(app);
    enum err e;

    if (clients == NULL)
        return err_nomem(ei);
    sqlite3_bind_blob(st, 1, app->application_id.b, 16, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, app->room);
    sqlite3_bind_int64(st, 3, app->newest);
    sqlite3_bind_blob64(st, 4, clients, len, SQLITE_STATIC);
    e = db_write(s, SQL_ADD_COUNT, ei);
    *sum = fnv_application(*sum, app->application_id.b, app->room, app->newest, clients, len);
    free(clients);
    return e;
}

static int by_id(const void *a, const void *b)
{
    const struct store_count *const *x = a, *const *y = b;

    return memcmp((*x)->application_id.b, (*y)->application_id.b, 16);
}

/* In the order of their ids, as SQLite returns them. */
static enum err save_applications(struct store *s, const struct store_count *apps, size_t n,
                                  uint64_t *sum, struct errinfo *ei)
{
    const struct store_count **sorted = calloc(n + 1, sizeof(const struct store_count *));
    enum err e = ERR_OK;

    if (sorted == NULL)
        return err_nomem(ei);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &apps[i];
    qsort(sorted, n, sizeof(const struct store_count *), by_id);
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        e = save_application(s, sorted[i], sum, ei);
    free(sorted);
    return e;
}

enum err store_save_count(struct store *s, const struct store_count *apps, size_t n,
                          struct errinfo *ei)
{
    uint64_t sum = FNV_START;
    int64_t covers;
    enum err e = db_write(s, SQL_CLEAR_COUNT, ei);

    if (e == ERR_OK)
        e = db_newest(s, &covers, ei);
    if (e != ERR_OK)
        return e;
    sum = fnv_int(sum, covers);
    e = save_applications(s, apps, n, &sum, ei);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(s->stmt[SQL_SET_COUNT_MARK], 1, covers);
    sqlite3_bind_int64(s->stmt[SQL_SET_COUNT_MARK], 2, (int64_t)n);
    sqlite3_bind_int64(s->stmt[SQL_SET_COUNT_MARK], 3, (int64_t)sum);
    return db_write(s, SQL_SET_COUNT_MARK, ei);
}

/* ---- loading ---- */

struct mark {
    int64_t covers, applications, checksum;
};

static enum err damaged(const struct store *s, const char *how, struct errinfo *ei)
{
    return err_fail(ei, ERR_MALFORMED, "read the saved count of ledger %s: %s", s->path, how);
}

static enum err load_mark(struct store *s, struct mark *out, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_COUNT_MARK];
    int rc = sqlite3_step(st);
    int64_t newest;
    enum err e;

    if (rc == SQLITE_ROW)
        *out = (struct mark){.covers = sqlite3_column_int64(st, 0),
                             .applications = sqlite3_column_int64(st, 1),
                             .checksum = sqlite3_column_int64(st, 2)};
    e = rc == SQLITE_ROW    ? ERR_OK
        : rc == SQLITE_DONE ? err_fail(ei, ERR_NOTFOUND, "ledger %s: no count is saved", s->path)
                            : db_fail(s, "read", ei);
    sqlite3_reset(st);
    if (e == ERR_OK)
        e = db_newest(s, &newest, ei);
    if (e == ERR_OK && out->covers > newest)
        e = damaged(s, "it covers activations that are not there", ei);
    return e;
}

/* Each row through judge or give; rows come in the order of the ids. */
typedef enum err row_fn(void *arg, const struct store *s, sqlite3_stmt *st, struct errinfo *ei);

static enum err each_application(struct store *s, row_fn *row, void *arg, struct errinfo *ei)
{
    sqlite3_stmt *st = s->stmt[SQL_EACH_COUNT];
    enum err e = ERR_OK;
    int rc = SQLITE_DONE;

    while (e == ERR_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
        e = row(arg, s, st, ei);
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = db_fail(s, "read", ei);
    sqlite3_reset(st);
    return e;
}

struct judging {
    uint64_t sum;
    int64_t n;
};

static enum err judge(void *arg, const struct store *s, sqlite3_stmt *st, struct errinfo *ei)
{
    struct judging *j = arg;
    int64_t room = sqlite3_column_int64(st, 1);
    size_t len = (size_t)sqlite3_column_bytes(st, 3);

    if (sqlite3_column_bytes(st, 0) != 16 || len % CLIENT_LEN != 0 || room < 0 ||
        room > UINT32_MAX || len / CLIENT_LEN > (size_t)room)
        return damaged(s, "an application's row breaks its format", ei);
    j->sum = fnv_application(j->sum, sqlite3_column_blob(st, 0), room, sqlite3_column_int64(st, 2),
                             sqlite3_column_blob(st, 3), len);
    j->n++;
    return ERR_OK;
}

struct giving {
    store_count_fn *each;
    void *arg;
};

static enum err give(void *arg, const struct store *s, sqlite3_stmt *st, struct errinfo *ei)
{
    const struct giving *g = arg;
    const uint8_t *bytes = sqlite3_column_blob(st, 3);
    size_t n = (size_t)sqlite3_column_bytes(st, 3) / CLIENT_LEN;
    struct store_count_client *clients = calloc(n + 1, sizeof(*clients));
    struct store_count app = {.application_id = column_guid(st, 0),
                              .room = (uint32_t)sqlite3_column_int64(st, 1),
                              .newest = sqlite3_column_int64(st, 2),
                              .clients = clients,
                              .n = n};
    enum err e;

    (void)s;
    if (clients == NULL)
        return err_nomem(ei);
    for (size_t i = 0; i < n; i++) {
        memcpy(clients[i].id.b, bytes + i * CLIENT_LEN, 16);
        clients[i].seen = get_int(bytes + i * CLIENT_LEN + 16);
    }
    e = g->each(g->arg, &app);
    free(clients);
    return e;
}

enum err store_load_count(struct store *s, store_count_fn *each, void *arg, int64_t *covers,
                          struct errinfo *ei)
{
    struct judging judging = {.sum = FNV_START};
    struct giving giving = {.each = each, .arg = arg};
    struct mark mark = {0};
    enum err e;

    if (s->db == NULL)
        return db_not_now(s, ei);
    e = load_mark(s, &mark, ei);
    if (e != ERR_OK)
        return e;
    judging.sum = fnv_int(judging.sum, mark.covers);
    e = each_application(s, judge, &judging, ei);
    if (e != ERR_OK)
        return e;
    if (judging.n != mark.applications || (int64_t)judging.sum != mark.checksum)
        return damaged(s, "its checksum does not hold", ei);
    *covers = mark.covers;
    return each_application(s, give, &giving, ei);
}
