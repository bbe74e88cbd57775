#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/checkpointer.h"
#include "store/db.h"
#include "store/lock.h"
#include "store/migrations.h"
#include "store/wal.h"

/* The database header, https://sqlite.org/fileformat2.html section 1.3. */
#define HEADER_LEN      100
#define HEADER_MAGIC    "SQLite format 3"
#define AT_USER_VERSION 60
#define AT_APPLICATION  68
/* The rollback journal's. */
#define JOURNAL_HEADER_LEN 28
#define AT_PAGES_BEFORE    16

#define BUSY_TIMEOUT_MS 5000
/* The log is written over, not cut: a flush is several times faster while no file changes size. */
#define LOG_KEPT    50331648
#define TEXT(x)     #x
#define EXPANDED(x) TEXT(x)

_Static_assert(LOG_KEPT == STORE_LOG_MAX * 4096, "as long as the log may be");

/* For every connection. Readers beside a checkpoint need the timeout; DBCONFIG is set in code.
 * Temporary files there are none: a confined process could not make them. */
static const char sql_connection[] = "PRAGMA foreign_keys=ON;"
                                     "PRAGMA trusted_schema=OFF;"
                                     "PRAGMA synchronous=FULL;"
                                     "PRAGMA cache_size=-1024;"
                                     "PRAGMA secure_delete=OFF;"
                                     "PRAGMA temp_store=MEMORY;"
                                     "PRAGMA journal_size_limit=" EXPANDED(LOG_KEPT) ";";

enum err db_code(int rc, int sys)
{
    if (sys == ENOSPC || sys == EDQUOT || sys == EFBIG)
        return ERR_FULL;
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_INTERRUPT:
        return ERR_TIMEOUT;
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return ERR_DENIED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_MALFORMED;
    default:
        return sys == EACCES ? ERR_DENIED : ERR_IO;
    }
}

/* The errno behind an input/output error. A commit does not pass it up to the connection; the log
 * file's handle remembers it. */
static int system_errno(sqlite3 *db)
{
    int sys = sqlite3_system_errno(db);
    sqlite3_file *log = NULL;

    if (sys == 0 && sqlite3_file_control(db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &log) == 0 &&
        log != NULL && log->pMethods != NULL)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &sys);
    return sys;
}

enum err db_fail(struct store *s, const char *what, struct errinfo *ei)
{
    int rc = s->db == NULL ? SQLITE_NOMEM : sqlite3_extended_errcode(s->db);
    bool io = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
    int sys = io ? system_errno(s->db) : 0;
    enum err code = db_code(rc, sys);
    const char *text = s->db == NULL ? "out of memory" : sqlite3_errmsg(s->db);
    char name[128], reason[140] = "";

    if (sys != 0)
        snprintf(reason, sizeof(reason), " (%s)", strerror_r(sys, name, sizeof(name)));
    return err_fail(ei, code, "%s ledger %s: %s%s%s", what, s->path, text, reason,
                    code == ERR_FULL ? "; free space on its file system" : "");
}

/* The log stays beside the place of the file: whoever puts that back has all that was in it. */
enum err db_removed(const struct store *s, struct errinfo *ei)
{
    if (s->db != NULL)
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return err_fail(ei, ERR_NOTFOUND,
                    "write ledger %s: it was removed while in use; put it back, or restart adbad "
                    "to begin a new one",
                    s->path);
}

static enum err refuse_foreign(const char *path, struct errinfo *ei)
{
    return err_fail(ei, ERR_FOREIGN,
                    "open ledger %s: the file is not a ledger of adbad; it was left as it is, "
                    "name another file in [store] ledger",
                    path);
}

static enum err refuse_newer(const char *path, int version, struct errinfo *ei)
{
    return err_fail(ei, ERR_VERSION,
                    "open ledger %s: its version %d is newer than this adbad's %d; it was left as "
                    "it is, install the newer adbad",
                    path, version, store_migration_count);
}

/* Whether the file's very first transaction, which makes it, was cut short: SQLite will take it
 * back and leave the file empty. The journal's header, https://sqlite.org/fileformat2.html section
 * 3, tells of how many pages the database was made before. */
static bool never_made(const char *path)
{
    static const uint8_t magic[] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
    uint8_t h[JOURNAL_HEADER_LEN];
    char name[PATH_MAX];
    ssize_t n;
    int fd;

    if (snprintf(name, sizeof(name), "%s-journal", path) >= (int)sizeof(name))
        return false;
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    n = read(fd, h, sizeof(h));
    close(fd);
    return n == (ssize_t)sizeof(h) && memcmp(h, magic, sizeof(magic)) == 0 &&
           db_big_u32(h + AT_PAGES_BEFORE) == 0;
}

/* What stands at the path, looked at without opening it: a descriptor of the file that this
 * process closes would take with it the locks (POSIX) that SQLite holds through others. */
static enum err look(const char *path, bool *is_new, struct errinfo *ei)
{
    struct stat st;
    int rc = stat(path, &st);

    *is_new = rc != 0 && errno == ENOENT;
    if (*is_new)
        return ERR_OK;
    if (rc != 0)
        return err_fail_errno(ei, errno, "open ledger %s", path);
    if (!S_ISREG(st.st_mode))
        return refuse_foreign(path, ei);
    *is_new = st.st_size == 0 || never_made(path);
    return ERR_OK;
}

/* Judges the file by its first bytes, through SQLite's own descriptor and before SQLite may touch
 * it: its first statement can already write (recovery). */
static enum err check_header(struct store *s, struct errinfo *ei)
{
    uint8_t h[HEADER_LEN];
    sqlite3_file *file = NULL;

    if (sqlite3_file_control(s->db, NULL, SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK)
        return db_fail(s, "open", ei);
    switch (file->pMethods->xRead(file, h, sizeof(h), 0)) {
    case SQLITE_OK:
        break;
    case SQLITE_IOERR_SHORT_READ:
        return refuse_foreign(s->path, ei);
    default:
        return err_fail(ei, ERR_IO, "read ledger %s: its first page cannot be read", s->path);
    }
    if (memcmp(h, HEADER_MAGIC, sizeof(HEADER_MAGIC)) != 0 ||
        db_big_u32(h + AT_APPLICATION) != DB_APPLICATION_ID)
        return refuse_foreign(s->path, ei);
    if (db_big_u32(h + AT_USER_VERSION) > (uint32_t)store_migration_count)
        return refuse_newer(s->path, (int)db_big_u32(h + AT_USER_VERSION), ei);
    return ERR_OK;
}

static enum err run(struct store *s, const char *sql, const char *what, struct errinfo *ei)
{
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_fail(s, what, ei);
    return ERR_OK;
}

static enum err query_int(struct store *s, const char *sql, int *value, struct errinfo *ei)
{
    sqlite3_stmt *st = NULL;
    enum err e = ERR_OK;

    if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW)
        e = db_fail(s, "read", ei);
    else
        *value = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return e;
}

/* One transaction: a half-made or half-migrated ledger never exists. */
static enum err migrate(struct store *s, int from, struct errinfo *ei)
{
    enum err e = run(s, "BEGIN IMMEDIATE", "migrate", ei);
    char set[64];

    for (int i = from; e == ERR_OK && i < store_migration_count; i++)
        e = run(s, store_migrations[i], "migrate", ei);
    snprintf(set, sizeof(set), "PRAGMA user_version=%d", store_migration_count);
    if (e == ERR_OK)
        e = run(s, set, "migrate", ei);
    if (e == ERR_OK)
        e = run(s, "PRAGMA application_id=" EXPANDED(DB_APPLICATION_ID), "migrate", ei);
    if (e == ERR_OK)
        e = run(s, "COMMIT", "migrate", ei);
    if (e != ERR_OK)
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

/* The header was checked already, but the newest user_version may still stand in the log. */
static enum err settle_version(struct store *s, struct errinfo *ei)
{
    int version = 0;
    enum err e = query_int(s, "PRAGMA user_version", &version, ei);

    if (e != ERR_OK)
        return e;
    if (version > store_migration_count)
        return refuse_newer(s->path, version, ei);
    if (version < store_migration_count && !s->writable)
        return err_fail(ei, ERR_VERSION,
                        "open ledger %s: its version %d is older than this program's %d; start "
                        "adbad once to bring it up to date",
                        s->path, version, store_migration_count);
    if (version < store_migration_count)
        e = migrate(s, version, ei);
    if (e == ERR_OK && s->writable)
        e = run(s, "PRAGMA journal_mode=WAL", "open", ei);
    /* The header must tell the version to whoever checks it next. */
    if (e == ERR_OK && version < store_migration_count)
        e = run(s, "PRAGMA wal_checkpoint(TRUNCATE)", "migrate", ei);
    return e;
}

static enum err prepare_all(struct store *s, struct errinfo *ei)
{
    for (int i = 0; i < SQL_COUNT; i++) {
        if (sqlite3_prepare_v3(s->db, db_sql_text[i], -1, SQLITE_PREPARE_PERSISTENT, &s->stmt[i],
                               NULL) != SQLITE_OK)
            return db_fail(s, "open", ei);
    }
    return ERR_OK;
}

/* After a failure the log stays as it is: moving it is for whoever has looked after it
 * (wal_harden). */
static void disconnect(struct store *s)
{
    if (s->db != NULL && s->broken)
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    for (int i = 0; i < SQL_COUNT; i++) {
        sqlite3_finalize(s->stmt[i]);
        s->stmt[i] = NULL;
    }
    sqlite3_close(s->db);
    s->db = NULL;
    s->in_transaction = false;
    tally_lose(&s->tally);
}

/* Makes the file first, with its mode: SQLite gives the log and the index the same one. */
static enum err make_file(const char *path, struct errinfo *ei)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_fail_errno(ei, errno, "create ledger %s", path);
    close(fd);
    return ERR_OK;
}

/* The log and its index stay when the last connection goes: a confined process, which has to begin
 * anew after a failure, could neither remove nor make them. */
static void keep_log(sqlite3 *db)
{
    int on = 1;

    (void)sqlite3_file_control(db, NULL, SQLITE_FCNTL_PERSIST_WAL, &on);
}

int db_connect(const char *path, int flags, sqlite3 **out)
{
    int rc = sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK)
        keep_log(*out);
    /* Reading brings the log into use. */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(*out, "PRAGMA synchronous=FULL; PRAGMA schema_version", NULL, NULL, NULL);
    return rc;
}

static enum err settle(struct store *s, bool is_new, struct errinfo *ei)
{
    enum err e = is_new ? ERR_OK : check_header(s, ei);

    if (e != ERR_OK)
        return e;
    sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
    e = run(s, sql_connection, "open", ei);
    if (e == ERR_OK)
        e = settle_version(s, ei);
    if (e == ERR_OK && s->writable)
        e = wal_harden(s, ei);
    return e == ERR_OK ? prepare_all(s, ei) : e;
}

static enum err connect_db(struct store *s, bool is_new, struct errinfo *ei)
{
    int flags = (s->writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
    enum err e;

    if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK) {
        e = db_fail(s, "open", ei);
    } else {
        /* Until we know that it is ours and not newer, closing must not checkpoint. */
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        keep_log(s->db);
        e = settle(s, is_new, ei);
    }
    if (e != ERR_OK) {
        disconnect(s);
        return e;
    }
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    if (s->checkpointer != NULL)
        checkpointer_attach(s->checkpointer);
    return ERR_OK;
}

static enum err connect_first(struct store *s, struct errinfo *ei)
{
    struct stat st;
    bool is_new;
    enum err e = look(s->path, &is_new, ei);

    if (e == ERR_OK && is_new)
        e = s->writable ? make_file(s->path, ei)
                        : err_fail(ei, ERR_NOTFOUND, "open ledger %s: there is none yet", s->path);
    if (e == ERR_OK)
        e = connect_db(s, is_new, ei);
    if (e == ERR_OK && stat(s->path, &st) == 0) {
        s->dev = st.st_dev;
        s->ino = st.st_ino;
    }
    return e;
}

/* Of a failure to open it again: a process without rights to other files cannot use another. */
static enum err tell_of_another(const struct store *s, enum err e, struct errinfo *ei)
{
    struct stat st;

    if (stat(s->path, &st) != 0 || (st.st_dev == s->dev && st.st_ino == s->ino))
        return e;
    return err_fail(ei, e,
                    "%s; it is another file than the one that was open: restart adbad to use it",
                    ei->text);
}

static enum err connect_again(struct store *s, struct errinfo *ei)
{
    bool is_new;
    enum err e = look(s->path, &is_new, ei);

    if (e == ERR_OK && is_new)
        e = db_removed(s, ei);
    return e == ERR_OK ? connect_db(s, false, ei) : e;
}

/* Without the statistics that every allocation would lock. */
static void configure(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum err open_store(const char *path, bool writable, struct store **out, struct errinfo *ei)
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    struct store *s = calloc(1, sizeof(*s));
    enum err e = ERR_OK;

    pthread_once(&configured, configure);
    if (s == NULL)
        return err_nomem(ei);
    s->lock = -1;
    s->writable = writable;
    tally_lose(&s->tally);
    s->path = strdup(path);
    if (s->path == NULL)
        e = err_nomem(ei);
    if (e == ERR_OK && writable)
        e = lock_take(path, &s->lock, ei);
    if (e == ERR_OK)
        e = connect_first(s, ei);
    if (e != ERR_OK) {
        store_close(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

enum err store_open(const char *path, struct store **out, struct errinfo *ei)
{
    return open_store(path, true, out, ei);
}

enum err store_open_readonly(const char *path, struct store **out, struct errinfo *ei)
{
    return open_store(path, false, out, ei);
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->in_transaction)
        store_rollback(s);
    if (s->in_doubt)
        wal_undo(s, NULL);
    disconnect(s);
    lock_release(s->path, s->lock);
    free(s->path);
    free(s);
}

static enum err quick_check(struct store *s, struct errinfo *ei)
{
    sqlite3_stmt *st = NULL;
    const char *said = NULL;
    enum err e = ERR_OK;

    if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW)
        e = db_fail(s, "check", ei);
    else
        said = (const char *)sqlite3_column_text(st, 0);
    if (e == ERR_OK && (said == NULL || strcmp(said, "ok") != 0))
        e = err_fail(ei, ERR_MALFORMED, "check ledger %s: %s", s->path,
                     said == NULL ? "out of memory" : said);
    sqlite3_finalize(st);
    return e;
}

enum err store_reopen(struct store *s, struct errinfo *ei)
{
    enum err e;

    if (s->in_transaction)
        store_rollback(s);
    s->broken = true;
    e = s->in_doubt ? wal_undo(s, ei) : ERR_OK;
    if (e != ERR_OK)
        return e;
    if (s->checkpointer != NULL)
        checkpointer_settle(s->checkpointer);
    disconnect(s);
    e = connect_again(s, ei);
    if (e == ERR_OK && s->writable) {
        e = run(s, "PRAGMA wal_checkpoint(TRUNCATE)", "checkpoint", ei);
        if (e == ERR_OK)
            e = quick_check(s, ei);
        if (e == ERR_OK)
            e = run(s, "UPDATE totals SET answered = answered", "write", ei);
    }
    if (e != ERR_OK) {
        disconnect(s);
        return tell_of_another(s, e, ei);
    }
    s->broken = false;
    return ERR_OK;
}
