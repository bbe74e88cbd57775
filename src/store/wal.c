#include "store/wal.h"

#include <stdlib.h>
#include <string.h>

#include "store/db.h"

#define CHUNK 65536
/* The log's header, and that of each of its frames. */
#define LOG_HEADER_LEN   32
#define AT_LOG_PAGE_SIZE 8
#define AT_LOG_SALT      16
#define LOG_FRAME_LEN    24
#define AT_FRAME_SALT    8
/* The log's index, in shared memory and the machine's own byte order. */
#define INDEX_LEN    32768
#define AT_PAGE_SIZE 14 /* 16 bits; 1 means 65536 */
#define AT_FRAMES    16 /* 32 bits: how many are committed */
#define WRITE_LOCK   0

sqlite3_file *db_log_file(struct store *s)
{
    sqlite3_file *log = NULL;

    if (sqlite3_file_control(s->db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
        log == NULL || log->pMethods == NULL)
        return NULL;
    return log;
}

/* How many bytes belong to the log: what follows has another salt, from an earlier use of the file,
 * or none. https://sqlite.org/fileformat2.html section 4. */
static sqlite3_int64 log_length(sqlite3_file *log)
{
    uint8_t h[LOG_HEADER_LEN], frame[LOG_FRAME_LEN];
    sqlite3_int64 size, at = LOG_HEADER_LEN, step;

    if (log->pMethods->xFileSize(log, &size) != SQLITE_OK || size < LOG_HEADER_LEN ||
        log->pMethods->xRead(log, h, sizeof(h), 0) != SQLITE_OK)
        return 0;
    step = LOG_FRAME_LEN + (sqlite3_int64)db_big_u32(h + AT_LOG_PAGE_SIZE);
    while (at + step <= size && log->pMethods->xRead(log, frame, sizeof(frame), at) == SQLITE_OK &&
           memcmp(frame + AT_FRAME_SALT, h + AT_LOG_SALT, 8) == 0)
        at += step;
    return at;
}

static int write_again(sqlite3_file *log, sqlite3_int64 size, uint8_t *chunk)
{
    int rc = SQLITE_OK;

    for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size; at += CHUNK) {
        int n = size - at < CHUNK ? (int)(size - at) : CHUNK;

        rc = log->pMethods->xRead(log, chunk, n, at);
        if (rc == SQLITE_OK)
            rc = log->pMethods->xWrite(log, chunk, n, at);
    }
    return rc == SQLITE_OK ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : rc;
}

enum err wal_harden(struct store *s, struct errinfo *ei)
{
    sqlite3_file *log = db_log_file(s);
    sqlite3_int64 size = log == NULL ? 0 : log_length(log);
    uint8_t *chunk;
    int rc, sys = 0;

    if (size == 0)
        return ERR_OK;
    chunk = malloc(CHUNK);
    if (chunk == NULL)
        return err_nomem(ei);
    rc = write_again(log, size, chunk);
    free(chunk);
    if (rc == SQLITE_OK)
        return ERR_OK;
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &sys);
    return err_fail(ei, db_code(rc, sys), "write the log of ledger %s: %s", s->path,
                    sqlite3_errstr(rc));
}

/* ---- a failed commit ---- */

/* Where in the log the next transaction begins, and so did the one that failed: the index tells of
 * commits that succeeded only. */
static int end_of_committed(sqlite3_file *db, sqlite3_int64 *at)
{
    void volatile *index = NULL;
    uint32_t frames, page_size;
    int rc = db->pMethods->xShmMap(db, 0, INDEX_LEN, 0, &index);

    if (rc != SQLITE_OK)
        return rc;
    if (index == NULL)
        return SQLITE_IOERR_SHMMAP;
    page_size = *(const volatile uint16_t *)((const volatile uint8_t *)index + AT_PAGE_SIZE);
    frames = *(const volatile uint32_t *)((const volatile uint8_t *)index + AT_FRAMES);
    if (page_size == 1)
        page_size = 65536;
    *at = LOG_HEADER_LEN + (sqlite3_int64)frames * (LOG_FRAME_LEN + page_size);
    return SQLITE_OK;
}

/* A frame without a page number ends the log, whatever follows it. */
static int end_log(sqlite3_file *log, sqlite3_int64 at)
{
    static const uint8_t none[LOG_FRAME_LEN];
    sqlite3_int64 size;
    int rc = log->pMethods->xFileSize(log, &size);

    if (rc != SQLITE_OK || size < at + LOG_FRAME_LEN)
        return rc;
    rc = log->pMethods->xWrite(log, none, sizeof(none), at);
    return rc == SQLITE_OK ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : rc;
}

/* Nobody else may begin there meanwhile. */
static int undo(sqlite3_file *db, sqlite3_file *log)
{
    sqlite3_int64 at = 0;
    int rc = db->pMethods->xShmLock(db, WRITE_LOCK, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);

    if (rc != SQLITE_OK)
        return rc;
    rc = end_of_committed(db, &at);
    if (rc == SQLITE_OK)
        rc = end_log(log, at);
    db->pMethods->xShmLock(db, WRITE_LOCK, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    return rc;
}

enum err wal_undo(struct store *s, struct errinfo *ei)
{
    sqlite3_file *db = NULL, *log = db_log_file(s);
    int rc = sqlite3_file_control(s->db, NULL, SQLITE_FCNTL_FILE_POINTER, &db), sys = 0;

    if (rc == SQLITE_OK && log != NULL)
        rc = undo(db, log);
    s->in_doubt = rc != SQLITE_OK;
    if (rc == SQLITE_OK)
        return ERR_OK;
    if (log != NULL)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &sys);
    return err_fail(ei, db_code(rc, sys), "undo a failed commit in the log of ledger %s: %s",
                    s->path, sqlite3_errstr(rc));
}
