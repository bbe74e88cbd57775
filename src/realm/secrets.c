#include "realm/secrets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/owner.h"
#include "realm/keyfile.h"

#define FILE_MAX (64u * 1024)

#define LOCK_WAIT_MS  10000
#define LOCK_PAUSE_MS 20

static const char *const endings[] = {SECRETS_KEY, SECRETS_CONFIRM, SECRETS_CID};
#define ENDING_COUNT (sizeof(endings) / sizeof(endings[0]))

/* ---- the folder ---- */

enum err secrets_check(const char *secrets_dir, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];
    enum err e = file_require_private(secrets_dir, ei);

    if (e == ERR_OK)
        e = keyfile_path(secrets_dir, "", "", path, ei);
    if (e == ERR_OK)
        e = file_require_private(path, ei);
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err say_remedy(const struct errinfo *why, struct errinfo *ei)
{
    return err_fail(ei, why->code,
                    "%s; make it, for our user alone (mode 0700), or name another folder in "
                    "[store] secrets_dir",
                    why->text);
}

enum err secrets_could_open(const char *secrets_dir, struct errinfo *ei)
{
    struct errinfo why = {0};
    enum err e = secrets_check(secrets_dir, ei);

    if (e == ERR_OK && file_could_make_folder(secrets_dir, &why) != ERR_OK)
        e = say_remedy(&why, ei);
    return e;
}

static enum err make(const char *state_dir, const char *secrets_dir, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];
    struct errinfo why;
    enum err e = keyfile_path(secrets_dir, "", "", path, ei);

    if (e != ERR_OK)
        return e;
    e = file_make_folder_like(secrets_dir, 0700, state_dir, &why);
    if (e != ERR_OK)
        return say_remedy(&why, ei);
    e = file_make_folder(path, 0700, ei);
    return e == ERR_OK ? secrets_check(secrets_dir, ei) : e;
}

/* ---- moving ---- */

static bool is_secret(const char *file)
{
    const char *dot = strrchr(file, '.');

    for (size_t i = 0; dot != NULL && dot != file && i < ENDING_COUNT; i++)
        if (strcmp(dot, endings[i]) == 0)
            return true;
    return false;
}

/* A confirmation ID can be asked for again, a key is there once. */
static bool is_replaceable(const char *path)
{
    return strcmp(strrchr(path, '.'), SECRETS_CID) == 0;
}

/* The state folder's hostkeys, which is not asked for through a link: strangers' process may put
 * one there. ERR_NOTFOUND: there is none. */
static enum err open_former(const char *state_dir, int *fd, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];
    enum err e = keyfile_path(state_dir, "", "", path, ei);

    if (e != ERR_OK)
        return e;
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd >= 0)
        return ERR_OK;
    if (errno == ELOOP || errno == ENOTDIR)
        return err_fail(ei, ERR_REFUSED,
                        "%s is a link or no folder; put the folder itself in its place", path);
    return err_fail_errno(ei, errno, "open folder %s", path);
}

/* What else has such a name is nothing that an earlier version left. */
static bool is_file(int folder, const char *name)
{
    struct stat st;

    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_nlink == 1;
}

/* Has the bytes of the old file in the new one, on the disk. */
static enum err copy(int folder, const char *file, const char *old, const char *new,
                     struct errinfo *ei)
{
    struct buf have = BUF_INIT, there = BUF_INIT;
    enum err e = file_read_private_in(folder, file, old, FILE_MAX, &have, ei);
    enum err found = e == ERR_OK ? file_read_private(new, FILE_MAX, &there, ei) : e;

    if (found == ERR_NOTFOUND && e == ERR_OK)
        e = file_write_atomic(new, have.data, have.len, 0600, ei);
    else if (found != ERR_OK)
        e = found;
    else if (!is_replaceable(new) &&
             (have.len != there.len || memcmp(have.data, there.data, have.len) != 0))
        e = err_fail(ei, ERR_CONFLICT,
                     "%s and %s are both there and differ; remove the one that does not belong to "
                     "the installed host key",
                     old, new);
    buf_wipe(&have);
    buf_wipe(&there);
    return e;
}

/* Has the names on the disk that lead to file, before the only other copy goes. Above the folder we
 * may have no right to look: then somebody else made it. */
static enum err flush(const char *secrets_dir, const char *file, struct errinfo *ei)
{
    char folder[SECRETS_PATH_MAX];
    enum err e = file_sync_folder(file, ei);

    if (e == ERR_OK)
        e = keyfile_path(secrets_dir, "", "", folder, ei);
    if (e == ERR_OK)
        e = file_sync_folder(folder, ei);
    if (e == ERR_OK)
        (void)!file_sync_folder(secrets_dir, NULL);
    return e;
}

static enum err move(int folder, const char *state_dir, const char *secrets_dir, const char *file,
                     struct errinfo *ei)
{
    char old[SECRETS_PATH_MAX], new[SECRETS_PATH_MAX];
    enum err e = keyfile_path(state_dir, file, "", old, ei);

    if (e == ERR_OK)
        e = keyfile_path(secrets_dir, file, "", new, ei);
    if (e == ERR_OK)
        e = copy(folder, file, old, new, ei);
    if (e == ERR_OK)
        e = flush(secrets_dir, new, ei);
    if (e == ERR_OK && unlinkat(folder, file, 0) != 0)
        e = err_fail_errno(ei, errno, "remove %s, which was moved to %s", old, secrets_dir);
    if (e == ERR_OK && fsync(folder) != 0)
        e = err_fail_errno(ei, errno, "flush the folder of %s", old);
    return e;
}

static enum err move_all(const char *state_dir, const char *secrets_dir, struct errinfo *ei)
{
    struct dirent *entry;
    int fd;
    enum err e = open_former(state_dir, &fd, ei);
    DIR *folder;

    if (e != ERR_OK)
        return e == ERR_NOTFOUND ? ERR_OK : e;
    folder = fdopendir(fd);
    if (folder == NULL) {
        close(fd);
        return err_nomem(ei);
    }
    while (e == ERR_OK && (entry = readdir(folder)) != NULL)
        if (is_secret(entry->d_name) && is_file(fd, entry->d_name))
            e = move(fd, state_dir, secrets_dir, entry->d_name, ei);
    closedir(folder);
    return e;
}

/* Not for ever: whoever can open the folder can hold the lock. */
static enum err lock(int fd, const char *secrets_dir, struct errinfo *ei)
{
    static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};

    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited += LOCK_PAUSE_MS) {
        if (errno != EWOULDBLOCK)
            return err_fail_errno(ei, errno, "lock folder %s", secrets_dir);
        if (waited >= LOCK_WAIT_MS)
            return err_fail(ei, ERR_BUSY,
                            "another process keeps folder %s locked; fuser -v %s shows which",
                            secrets_dir, secrets_dir);
        nanosleep(&pause, NULL);
    }
    return ERR_OK;
}

/* The folder's own descriptor: no file is left, and none has to change hands. */
static enum err open_locked(const char *secrets_dir, int *fd, struct errinfo *ei)
{
    enum err e;

    *fd = open(secrets_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return err_fail_errno(ei, errno, "open folder %s", secrets_dir);
    e = lock(*fd, secrets_dir, ei);
    if (e != ERR_OK)
        close(*fd);
    return e;
}

enum err secrets_lock(const char *state_dir, const char *secrets_dir, int *fd, struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = owner_begin(state_dir, &was, ei);

    if (e != ERR_OK)
        return e;
    e = open_locked(secrets_dir, fd, ei);
    owner_end(&was);
    return e;
}

static enum err put_in_order(const char *state_dir, const char *secrets_dir, struct errinfo *ei)
{
    int fd;
    enum err e = open_locked(secrets_dir, &fd, ei);

    if (e != ERR_OK)
        return e;
    e = move_all(state_dir, secrets_dir, ei);
    if (e == ERR_OK)
        e = keyfile_finish(state_dir, secrets_dir, ei);
    close(fd);
    return e;
}

enum err secrets_open(const char *state_dir, const char *secrets_dir, struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = make(state_dir, secrets_dir, ei);

    if (e == ERR_OK)
        e = owner_begin(state_dir, &was, ei);
    if (e != ERR_OK)
        return e;
    e = put_in_order(state_dir, secrets_dir, ei);
    owner_end(&was);
    return e;
}

/* ---- a file ---- */

/* Where an earlier version left it. path stays as it is if it is not there either. */
static enum err read_former(const char *state_dir, const char *slug, const char *ending,
                            struct buf *out, char path[SECRETS_PATH_MAX], struct errinfo *ei)
{
    char old[SECRETS_PATH_MAX];
    int fd;
    enum err e = keyfile_path(state_dir, slug, ending, old, ei);

    if (e == ERR_OK)
        e = open_former(state_dir, &fd, ei);
    if (e != ERR_OK)
        return e;
    e = file_read_private_in(fd, strrchr(old, '/') + 1, old, FILE_MAX, out, ei);
    if (e != ERR_NOTFOUND)
        memcpy(path, old, sizeof(old));
    close(fd);
    return e;
}

enum err secrets_read(const char *state_dir, const char *secrets_dir, const char *slug,
                      const char *ending, struct buf *out, char path[SECRETS_PATH_MAX],
                      struct errinfo *ei)
{
    struct errinfo former;
    enum err e = secrets_check(secrets_dir, ei), found;

    if (e == ERR_OK)
        e = keyfile_path(secrets_dir, slug, ending, path, ei);
    if (e == ERR_OK)
        e = file_read_private(path, FILE_MAX, out, ei);
    if (e != ERR_NOTFOUND)
        return e;
    found = read_former(state_dir, slug, ending, out, path, &former);
    if (found != ERR_OK && found != ERR_NOTFOUND && ei != NULL)
        *ei = former;
    return found == ERR_NOTFOUND ? e : found;
}

enum err secrets_write(const char *state_dir, const char *secrets_dir, const char *slug,
                       const char *ending, const void *data, size_t len, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];
    struct owner_turn was;
    enum err e = make(state_dir, secrets_dir, ei);

    if (e == ERR_OK)
        e = keyfile_path(secrets_dir, slug, ending, path, ei);
    if (e == ERR_OK)
        e = owner_begin(state_dir, &was, ei);
    if (e != ERR_OK)
        return e;
    e = file_write_atomic(path, data, len, 0600, ei);
    owner_end(&was);
    return e;
}

static enum err remove_all(const char *secrets_dir, const char *slug, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];

    for (size_t i = 0; i < ENDING_COUNT; i++) {
        enum err e = keyfile_path(secrets_dir, slug, endings[i], path, ei);

        if (e != ERR_OK)
            return e;
        if (unlink(path) != 0 && errno != ENOENT)
            return err_fail_errno(ei, errno, "remove %s", path);
    }
    return ERR_OK;
}

enum err secrets_remove(const char *secrets_dir, const char *slug, struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = owner_begin(secrets_dir, &was, ei);

    if (e != ERR_OK)
        return e;
    e = remove_all(secrets_dir, slug, ei);
    owner_end(&was);
    return e;
}
