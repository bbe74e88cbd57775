#include "store/checkpointer.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "store/db.h"

#define TRIES_MAX  100
#define MOVES_MAX  4   /* in a row, each of what was appended during the one before */
#define REST_SMALL 128 /* pages that the writer moves faster than another round would */

/* A commit that makes its file longer takes the file system's own journal along, and with it twice
 * the time and more CPU. So a log that is in use gets room in advance, of which one commit in some
 * dozens pays the flush. */
#define FRAME      (4096 + 24)
#define LOG_LENGTH (32 + (sqlite3_int64)STORE_LOG_MAX * FRAME)
#define AHEAD_FROM 32        /* pages: nobody has asked for more than a few activations */
#define AHEAD_LEFT 131072    /* bytes: as much as a commit may want */
#define AHEAD_STEP (1 << 20) /* bytes */

enum state {
    RESTING, /* the writer's to leave */
    MOVING,  /* the thread's */
    MOVED,   /* the writer's: the rest is to be moved */
};

struct store_checkpointer {
    struct store *store; /* the writer's; the thread looks at its path only */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum state state;
    bool last; /* after this move the log is to begin again */
    bool stop;
    uint64_t moves, failures;
    atomic_uint pages; /* in the log, as of the last commit */
    /* The writer's, not under lock. */
    bool asked;           /* state is not RESTING */
    unsigned begun;       /* pages when the last move began */
    sqlite3_int64 length; /* of the log's file, as far as known; 0: not */
    struct store_checkpointer_stats stats;
};

/* ---- the thread ---- */

/* Moves what it can without waiting for anybody. SQLite calls itself busy where it looked at the
 * log's index just while a commit wrote it: a moment later it is whole. */
static int move(sqlite3 *db, int *in_log, int *moved)
{
    int rc = SQLITE_BUSY;

    for (int i = 0; rc == SQLITE_BUSY && i < TRIES_MAX; i++) {
        if (i > 0)
            sched_yield();
        rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, in_log, moved);
    }
    return rc;
}

/* A connection for this time only: it costs no memory between, and none of its locks are held. */
static bool move_all(const struct store_checkpointer *c, int times)
{
    sqlite3 *db = NULL;
    int in_log = 0, moved = 0;
    int rc = db_connect(c->store->path, SQLITE_OPEN_READWRITE, &db);

    for (int i = 0; rc == SQLITE_OK && i < times; i++) {
        rc = move(db, &in_log, &moved);
        if (atomic_load(&c->pages) < (unsigned)moved + REST_SMALL)
            break;
    }
    sqlite3_close(db);
    return rc == SQLITE_OK;
}

static void *run_thread(void *arg)
{
    struct store_checkpointer *c = arg;

    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        int times = c->last ? MOVES_MAX : 1;
        bool well;

        if (c->state != MOVING) {
            pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        well = move_all(c, times);
        pthread_mutex_lock(&c->lock);
        c->moves++;
        c->failures += !well;
        c->state = MOVED;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- the writer ---- */

/* After each commit: how long the log is now. */
static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct store_checkpointer *c = arg;
    unsigned n = (unsigned)pages;

    (void)db;
    (void)name;
    if (n < c->begun)
        c->begun = 0; /* it began again */
    atomic_store(&c->pages, n);
    c->stats.pages = n;
    if (n > c->stats.longest)
        c->stats.longest = n;
    return SQLITE_OK;
}

/* Called with the lock held, as are the next two. */
static void finish(struct store_checkpointer *c)
{
    int in_log = 0, moved = 0;

    if (move(c->store->db, &in_log, &moved) == SQLITE_OK)
        c->stats.finished++;
    else
        c->failures++;
}

static void begin(struct store_checkpointer *c, unsigned pages)
{
    c->begun = pages;
    c->last = pages >= STORE_LOG_FULL;
    c->asked = true;
    c->state = MOVING;
    pthread_cond_broadcast(&c->changed);
}

static void follow(struct store_checkpointer *c, unsigned grown)
{
    if (c->state == MOVING && grown >= STORE_LOG_AHEAD) {
        c->stats.waits++;
        while (c->state == MOVING)
            pthread_cond_wait(&c->changed, &c->lock);
    }
    if (c->state != MOVED)
        return;
    if (c->last)
        finish(c);
    c->asked = false;
    c->state = RESTING;
}

/* A failure costs nothing but time: the bytes behind the log mean nothing. */
static void make_room(struct store_checkpointer *c, sqlite3_file *log, sqlite3_int64 target)
{
    static const uint8_t zeros[65536];
    sqlite3_int64 before = c->length;

    while (c->length < target) {
        sqlite3_int64 left = target - c->length;
        int n = left < (int)sizeof(zeros) ? (int)left : (int)sizeof(zeros);

        if (log->pMethods->xWrite(log, zeros, n, c->length) != SQLITE_OK) {
            (void)log->pMethods->xTruncate(log, before); /* others may need what is left */
            c->length = LOG_LENGTH;                      /* not again */
            return;
        }
        c->length += n;
    }
}

static void keep_ahead(struct store_checkpointer *c, unsigned pages)
{
    sqlite3_int64 used = 32 + (sqlite3_int64)pages * FRAME, target = used + AHEAD_STEP;
    sqlite3_file *log;

    if (pages < AHEAD_FROM || used + AHEAD_LEFT <= c->length || c->length >= LOG_LENGTH)
        return;
    log = db_log_file(c->store);
    if (log == NULL || log->pMethods->xFileSize(log, &c->length) != SQLITE_OK)
        return;
    if (used + AHEAD_LEFT > c->length)
        make_room(c, log, target < LOG_LENGTH ? target : LOG_LENGTH);
}

void checkpointer_before_transaction(struct store_checkpointer *c)
{
    unsigned pages = atomic_load(&c->pages), grown = pages - c->begun;

    keep_ahead(c, pages);
    if (!c->asked && grown < STORE_LOG_STEP)
        return;
    pthread_mutex_lock(&c->lock);
    if (c->asked)
        follow(c, grown);
    else
        begin(c, pages);
    pthread_mutex_unlock(&c->lock);
}

void checkpointer_attach(struct store_checkpointer *c)
{
    c->begun = 0;
    c->length = 0;
    atomic_store(&c->pages, 0);
    sqlite3_wal_hook(c->store->db, on_commit, c);
}

void checkpointer_settle(struct store_checkpointer *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->state == MOVING)
        pthread_cond_wait(&c->changed, &c->lock);
    c->asked = false;
    c->state = RESTING;
    pthread_mutex_unlock(&c->lock);
}

void store_checkpointer_stats(const struct store_checkpointer *c,
                              struct store_checkpointer_stats *out)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&c->lock;

    pthread_mutex_lock(lock);
    *out = c->stats;
    out->moves = c->moves;
    out->failures = c->failures;
    pthread_mutex_unlock(lock);
}

/* ---- life ---- */

/* Signals are for the threads that have loops. */
static int start_thread(struct store_checkpointer *c)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&c->thread, NULL, run_thread, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

enum err store_checkpointer_start(struct store *s, struct store_checkpointer **out,
                                  struct errinfo *ei)
{
    struct store_checkpointer *c = calloc(1, sizeof(*c));
    int rc;

    if (c == NULL)
        return err_nomem(ei);
    c->store = s;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    rc = start_thread(c);
    if (rc != 0) {
        pthread_cond_destroy(&c->changed);
        pthread_mutex_destroy(&c->lock);
        free(c);
        return err_fail_errno(ei, rc, "start the checkpointer of ledger %s", s->path);
    }
    s->checkpointer = c;
    if (s->db != NULL)
        checkpointer_attach(c);
    *out = c;
    return ERR_OK;
}

void store_checkpointer_stop(struct store_checkpointer *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    c->store->checkpointer = NULL;
    if (c->store->db != NULL)
        sqlite3_wal_autocheckpoint(c->store->db, DB_AUTOCHECKPOINT);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
