#include "store/backup.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/db.h"

static enum err fail(sqlite3 *to, const char *path, struct errinfo *ei)
{
    int rc = to == NULL ? SQLITE_NOMEM : sqlite3_errcode(to);
    enum err code = rc == SQLITE_FULL ? ERR_FULL : rc == SQLITE_NOMEM ? ERR_NOMEM : ERR_IO;

    return err_fail(ei, code, "write backup %s: %s%s", path,
                    to == NULL ? "out of memory" : sqlite3_errmsg(to),
                    code == ERR_FULL ? "; free space on its file system" : "");
}

/* In one step, so that it is one state: a reader of a write-ahead log holds nobody up. Without a
 * log of its own the copy is one file. */
static enum err copy(struct store *s, sqlite3 *to, const char *path, struct errinfo *ei)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", s->db, "main");

    if (b == NULL)
        return fail(to, path, ei);
    sqlite3_backup_step(b, -1);
    if (sqlite3_backup_finish(b) != SQLITE_OK ||
        sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) != SQLITE_OK)
        return fail(to, path, ei);
    return ERR_OK;
}

static enum err check(sqlite3 *to, const char *path, struct errinfo *ei)
{
    sqlite3_stmt *st = NULL;
    const char *said = NULL;
    enum err e = ERR_OK;

    if (sqlite3_prepare_v2(to, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW)
        e = fail(to, path, ei);
    else
        said = (const char *)sqlite3_column_text(st, 0);
    if (e == ERR_OK && (said == NULL || strcmp(said, "ok") != 0))
        e = err_fail(ei, ERR_MALFORMED, "check backup %s: %s; \"adbactl ledger check\" tells more",
                     path, said == NULL ? "out of memory" : said);
    sqlite3_finalize(st);
    return e;
}

static enum err write_to(struct store *s, const char *part, const char *path, struct errinfo *ei)
{
    sqlite3 *to = NULL;
    enum err e = ERR_OK;

    if (sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        e = fail(to, path, ei);
    if (e == ERR_OK)
        e = copy(s, to, path, ei);
    if (e == ERR_OK)
        e = check(to, path, ei);
    sqlite3_close(to);
    return e;
}

enum err store_backup(struct store *s, const char *path, struct errinfo *ei)
{
    char part[PATH_MAX];
    enum err e;
    int fd;

    if (s->db == NULL)
        return db_not_now(s, ei);
    if (access(path, F_OK) == 0) /* before all the work; link has the last word */
        return err_fail(ei, ERR_EXISTS, "write backup %s: there is such a file", path);
    e = file_create_beside(path, part, &fd, ei);
    if (e != ERR_OK)
        return e;
    e = write_to(s, part, path, ei);
    if (e == ERR_OK && fsync(fd) != 0)
        e = err_fail_errno(ei, errno, "flush %s", path);
    close(fd);
    if (e == ERR_OK && link(part, path) != 0)
        e = err_fail_errno(ei, errno, "create %s", path);
    unlink(part);
    return e == ERR_OK ? file_sync_folder(path, ei) : e;
}
