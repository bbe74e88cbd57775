#include "crashvfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR          512
#define FILES_MAX       16
#define CHECKPOINT_LOCK 1 /* WAL_CKPT_LOCK of SQLite's WAL-mode file format, 2.3.1 */

enum change { WROTE, CUT, MADE, DELETED };

struct pending {
    enum change what;
    sqlite3_int64 at; /* offset, or the new size */
    size_t len;
    uint8_t *data;
    struct pending *next;
};

/* What the disk holds of one file, and what it does not yet. */
struct disk {
    char path[512];
    bool exists;
    uint8_t *data;
    size_t len, room;
    struct pending *first, **last;
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs, *real;
    struct disk files[FILES_MAX];
    unsigned n;
    crashvfs_sync_fn *on_sync;
    void *arg;
    enum crashvfs_op fail_op;
    unsigned fail_in; /* 0: not at all */
    int fail_code;
    bool fail_lasting, failed;
} shim = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct handle {
    sqlite3_file base;
    struct disk *disk; /* NULL: a temporary file */
    bool folder_too; /* SQLite's own flushes the folder with the first flush of a log or journal */
    sqlite3_file *real;
};

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

/* ---- what the disk holds ---- */

static void resize(struct disk *d, size_t len)
{
    if (len > d->room) {
        d->room = len > 2 * d->room ? len : 2 * d->room;
        d->data = must(realloc(d->data, d->room));
    }
    if (len > d->len)
        memset(d->data + d->len, 0, len - d->len);
    d->len = len;
}

static void put(struct disk *d, size_t at, const uint8_t *data, size_t len)
{
    if (at + len > d->len)
        resize(d, at + len);
    memcpy(d->data + at, data, len);
}

static void apply(struct disk *d, const struct pending *p)
{
    switch (p->what) {
    case WROTE:
        put(d, (size_t)p->at, p->data, p->len);
        break;
    case CUT:
        resize(d, (size_t)p->at);
        break;
    case MADE:
        d->exists = true;
        break;
    case DELETED:
        d->exists = false;
        d->len = 0;
        break;
    }
}

static void forget_pending(struct disk *d)
{
    while (d->first != NULL) {
        struct pending *next = d->first->next;

        free(d->first->data);
        free(d->first);
        d->first = next;
    }
    d->last = &d->first;
}

static void note(struct disk *d, enum change what, sqlite3_int64 at, const void *data, size_t len)
{
    struct pending *p = must(calloc(1, sizeof(*p)));

    *p = (struct pending){.what = what, .at = at, .len = len};
    if (len > 0)
        p->data = memcpy(must(malloc(len)), data, len);
    *d->last = p;
    d->last = &p->next;
}

/* A flush of the folder: all names are durable, though not what is in the files. */
static void sync_folder(void)
{
    for (unsigned i = 0; i < shim.n; i++) {
        struct disk *d = &shim.files[i];
        struct pending *last = NULL;

        for (struct pending *p = d->first; p != NULL; p = p->next) {
            if (p->what == DELETED)
                last = p;
        }
        while (last != NULL) {
            struct pending *p = d->first;
            bool done = p == last;

            apply(d, p);
            d->first = p->next;
            if (d->first == NULL)
                d->last = &d->first;
            free(p->data);
            free(p);
            if (done)
                last = NULL;
        }
        for (struct pending *p = d->first; p != NULL; p = p->next) {
            if (p->what == MADE)
                d->exists = true;
        }
    }
}

/* After a failed flush of the file: its bytes will not be tried again. Its name is the folder's. */
static void lose_writes(struct disk *d)
{
    struct pending **at = &d->first;

    while (*at != NULL) {
        struct pending *p = *at;

        if (p->what == WROTE || p->what == CUT) {
            *at = p->next;
            free(p->data);
            free(p);
        } else {
            at = &p->next;
        }
    }
    d->last = at;
}

static struct disk *find(const char *path)
{
    for (unsigned i = 0; i < shim.n; i++) {
        if (strcmp(shim.files[i].path, path) == 0)
            return &shim.files[i];
    }
    return NULL;
}

/* The present content is taken as durable: it was there before us. */
static void take_content(struct disk *d)
{
    FILE *f = fopen(d->path, "rb");
    uint8_t chunk[4096];
    size_t n;

    if (f == NULL)
        return;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        put(d, d->len, chunk, n);
    fclose(f);
    d->exists = true;
}

static struct disk *track(const char *path, bool existed)
{
    struct disk *d = find(path);

    if (d == NULL) {
        if (shim.n == FILES_MAX)
            abort();
        d = &shim.files[shim.n++];
        memset(d, 0, sizeof(*d));
        snprintf(d->path, sizeof(d->path), "%s", path);
        d->last = &d->first;
        if (existed)
            take_content(d);
    }
    if (!existed)
        note(d, MADE, 0, NULL, 0);
    return d;
}

/* ---- the image of a power loss ---- */

static bool coin(const struct rng *rng)
{
    return rng_below(rng, 2) == 1;
}

/* Sectors of the file, not of the write; what lies outside the write stays as it was. */
static void scatter(struct disk *d, const struct pending *p, const struct rng *rng)
{
    size_t done = 0;

    while (done < p->len) {
        size_t at = (size_t)p->at + done, n = SECTOR - at % SECTOR;

        if (n > p->len - done)
            n = p->len - done;
        if (coin(rng))
            put(d, at, p->data + done, n);
        done += n;
    }
}

static void survive_scattered(struct disk *d, const struct pending *p, const struct rng *rng)
{
    for (; p != NULL; p = p->next) {
        if (p->what == WROTE)
            scatter(d, p, rng);
        else if (coin(rng))
            apply(d, p);
        else if (p->what != CUT)
            return; /* the name still means the old file: what follows went into the new one */
    }
}

static void survive_torn(struct disk *d, const struct pending *first, const struct rng *rng)
{
    const struct pending *p;
    size_t n = 0;

    for (p = first; p != NULL; p = p->next)
        n++;
    n = rng_below(rng, n + 1);
    for (p = first; p != NULL && n > 1; p = p->next, n--)
        apply(d, p);
    if (p != NULL && n == 1 && p->what == WROTE)
        put(d, (size_t)p->at, p->data, rng_below(rng, p->len + 1));
}

static void write_image(const struct disk *d, const char *folder)
{
    const char *name = strrchr(d->path, '/');
    char path[1100];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name == NULL ? d->path : name + 1);
    f = must(fopen(path, "wb"));
    if (d->len > 0 && fwrite(d->data, 1, d->len, f) != d->len)
        abort();
    if (fclose(f) != 0)
        abort();
}

void crashvfs_image(const char *folder, enum crashvfs_loss loss, const struct rng *rng)
{
    pthread_mutex_lock(&shim.lock);
    for (unsigned i = 0; i < shim.n; i++) {
        struct disk left = shim.files[i];

        left.room = left.len + 1;
        left.data =
            memcpy(must(malloc(left.len + 1)), left.len > 0 ? left.data : (uint8_t *)"", left.len);
        if (loss == CRASH_SCATTER)
            survive_scattered(&left, left.first, rng);
        else if (loss == CRASH_TEAR)
            survive_torn(&left, left.first, rng);
        if (left.exists)
            write_image(&left, folder);
        free(left.data);
    }
    pthread_mutex_unlock(&shim.lock);
}

void crashvfs_on_sync(crashvfs_sync_fn *fn, void *arg)
{
    pthread_mutex_lock(&shim.lock);
    shim.on_sync = fn;
    shim.arg = arg;
    pthread_mutex_unlock(&shim.lock);
}

/* ---- failures ---- */

void crashvfs_fail(enum crashvfs_op op, unsigned nth, int code, bool lasting)
{
    pthread_mutex_lock(&shim.lock);
    shim.fail_op = op;
    shim.fail_in = nth;
    shim.fail_code = code;
    shim.fail_lasting = lasting;
    if (nth > 0)
        shim.failed = false;
    pthread_mutex_unlock(&shim.lock);
}

bool crashvfs_failed(void)
{
    bool failed;

    pthread_mutex_lock(&shim.lock);
    failed = shim.failed;
    pthread_mutex_unlock(&shim.lock);
    return failed;
}

/* Called with the lock held. */
static int failure(enum crashvfs_op op)
{
    if (shim.fail_in == 0 || shim.fail_op != op)
        return SQLITE_OK;
    if (shim.fail_in > 1) {
        shim.fail_in--;
        return SQLITE_OK;
    }
    if (!shim.fail_lasting)
        shim.fail_in = 0;
    shim.failed = true;
    return shim.fail_code;
}

/* ---- the methods of a file ---- */

#define REAL(file)              (((struct handle *)(file))->real)
#define PASS(file, method, ...) REAL(file)->pMethods->method(REAL(file) __VA_OPT__(, ) __VA_ARGS__)

static int on_close(sqlite3_file *f)
{
    return PASS(f, xClose);
}

static int on_read(sqlite3_file *f, void *out, int len, sqlite3_int64 at)
{
    return PASS(f, xRead, out, len, at);
}

static int on_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
    struct disk *d = ((struct handle *)f)->disk;
    int rc, failed;

    if (d == NULL)
        return PASS(f, xWrite, data, len, at);
    pthread_mutex_lock(&shim.lock);
    failed = failure(CRASH_WRITE);
    if (failed != SQLITE_OK)
        len /= 2;
    rc = PASS(f, xWrite, data, len, at);
    if (rc == SQLITE_OK)
        note(d, WROTE, at, data, (size_t)len);
    pthread_mutex_unlock(&shim.lock);
    return failed != SQLITE_OK ? failed : rc;
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct disk *d = ((struct handle *)f)->disk;
    int rc;

    if (d == NULL)
        return PASS(f, xTruncate, size);
    pthread_mutex_lock(&shim.lock);
    rc = failure(CRASH_TRUNCATE);
    if (rc == SQLITE_OK)
        rc = PASS(f, xTruncate, size);
    if (rc == SQLITE_OK)
        note(d, CUT, size, NULL, 0);
    pthread_mutex_unlock(&shim.lock);
    return rc;
}

static int on_sync(sqlite3_file *f, int flags)
{
    struct handle *h = (struct handle *)f;
    struct disk *d = h->disk;
    crashvfs_sync_fn *fn;
    void *arg;
    int rc;

    (void)flags;
    if (d == NULL)
        return SQLITE_OK;
    pthread_mutex_lock(&shim.lock);
    fn = shim.on_sync;
    arg = shim.arg;
    pthread_mutex_unlock(&shim.lock);
    if (fn != NULL)
        fn(arg);
    pthread_mutex_lock(&shim.lock);
    rc = failure(CRASH_SYNC);
    if (rc != SQLITE_OK) {
        lose_writes(d);
    } else {
        if (h->folder_too)
            sync_folder();
        h->folder_too = false;
        for (struct pending *p = d->first; p != NULL; p = p->next)
            apply(d, p);
        forget_pending(d);
    }
    pthread_mutex_unlock(&shim.lock);
    return rc;
}

static int on_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return PASS(f, xFileSize, size);
}

static int on_lock(sqlite3_file *f, int level)
{
    return PASS(f, xLock, level);
}

static int on_unlock(sqlite3_file *f, int level)
{
    return PASS(f, xUnlock, level);
}

static int on_check_reserved(sqlite3_file *f, int *out)
{
    return PASS(f, xCheckReservedLock, out);
}

static int on_control(sqlite3_file *f, int op, void *arg)
{
    return PASS(f, xFileControl, op, arg);
}

static int on_sector_size(sqlite3_file *f)
{
    return PASS(f, xSectorSize);
}

static int on_characteristics(sqlite3_file *f)
{
    return PASS(f, xDeviceCharacteristics);
}

static int on_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return PASS(f, xShmMap, page, size, extend, out);
}

static int on_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    int rc = SQLITE_OK;

    if (at == CHECKPOINT_LOCK && (flags & SQLITE_SHM_LOCK) != 0) {
        pthread_mutex_lock(&shim.lock);
        rc = failure(CRASH_CHECKPOINT);
        pthread_mutex_unlock(&shim.lock);
    }
    return rc != SQLITE_OK ? rc : PASS(f, xShmLock, at, n, flags);
}

static void on_shm_barrier(sqlite3_file *f)
{
    PASS(f, xShmBarrier);
}

static int on_shm_unmap(sqlite3_file *f, int remove)
{
    return PASS(f, xShmUnmap, remove);
}

/* Version 2: shared memory, and no mapping of the file around us. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_reserved,
    .xFileControl = on_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_characteristics,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

/* ---- the methods of the VFS ---- */

static int on_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags, int *out)
{
    const int lasting = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL |
                        SQLITE_OPEN_SUPER_JOURNAL;
    struct handle *h = (struct handle *)f;
    int existed = 0, rc;

    (void)vfs;
    h->real = (sqlite3_file *)(h + 1);
    h->disk = NULL;
    h->folder_too = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & lasting) != SQLITE_OPEN_MAIN_DB;
    h->base.pMethods = NULL;
    pthread_mutex_lock(&shim.lock);
    if (name != NULL)
        shim.real->xAccess(shim.real, name, SQLITE_ACCESS_EXISTS, &existed);
    rc = shim.real->xOpen(shim.real, name, h->real, flags, out);
    if (rc == SQLITE_OK && name != NULL && (flags & lasting) != 0)
        h->disk = track(name, existed != 0);
    if (h->real->pMethods != NULL)
        h->base.pMethods = &methods;
    pthread_mutex_unlock(&shim.lock);
    return rc;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int folder_too)
{
    struct disk *d;
    int rc;

    (void)vfs;
    pthread_mutex_lock(&shim.lock);
    rc = shim.real->xDelete(shim.real, name, 0);
    d = find(name);
    if (rc == SQLITE_OK && d != NULL) {
        note(d, DELETED, 0, NULL, 0);
        if (folder_too)
            sync_folder();
    }
    pthread_mutex_unlock(&shim.lock);
    return rc;
}

void crashvfs_install(void)
{
    shim.real = sqlite3_vfs_find("unix");
    shim.vfs = *shim.real;
    shim.vfs.zName = "crash";
    shim.vfs.szOsFile = (int)sizeof(struct handle) + shim.real->szOsFile;
    shim.vfs.xOpen = on_open;
    shim.vfs.xDelete = on_delete;
    if (sqlite3_vfs_register(&shim.vfs, 1) != SQLITE_OK)
        abort();
}

void crashvfs_remove(void)
{
    sqlite3_vfs_unregister(&shim.vfs);
    for (unsigned i = 0; i < shim.n; i++) {
        forget_pending(&shim.files[i]);
        free(shim.files[i].data);
    }
    memset(shim.files, 0, sizeof(shim.files));
    shim.n = 0;
    shim.on_sync = NULL;
    shim.fail_in = 0;
}
