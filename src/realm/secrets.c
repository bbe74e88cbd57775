#include "realm/secrets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"

#define FILE_MAX (64u * 1024)

static const char *const endings[] = {SECRETS_KEY, SECRETS_CONFIRM, SECRETS_CID};
#define ENDING_COUNT (sizeof(endings) / sizeof(endings[0]))

/* The file hostkeys/<slug><ending> of a folder; without slug and ending hostkeys itself. */
static enum err path_in(const char *folder, const char *slug, const char *ending,
                        char path[SECRETS_PATH_MAX], struct errinfo *ei)
{
    if ((size_t)snprintf(path, SECRETS_PATH_MAX, "%s/hostkeys%s%s%s", folder,
                         *slug == '\0' ? "" : "/", slug, ending) >= SECRETS_PATH_MAX)
        return err_fail(ei, ERR_LIMIT, "folder %s: the path is too long", folder);
    return ERR_OK;
}

/* ---- the folder ---- */

enum err secrets_check(const char *secrets_dir, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];
    enum err e = file_require_private(secrets_dir, ei);

    if (e == ERR_OK)
        e = path_in(secrets_dir, "", "", path, ei);
    if (e == ERR_OK)
        e = file_require_private(path, ei);
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err make(const char *state_dir, const char *secrets_dir, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];
    struct errinfo why;
    enum err e = path_in(secrets_dir, "", "", path, ei);

    if (e != ERR_OK)
        return e;
    e = file_make_folder_like(secrets_dir, 0700, state_dir, &why);
    if (e != ERR_OK)
        return err_fail(ei, e,
                        "%s; make it, for our user alone (mode 0700), or name another folder in "
                        "[store] secrets_dir",
                        why.text);
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

/* Has the bytes of the old file in the new one, on the disk. */
static enum err copy(const char *old, const char *new, struct errinfo *ei)
{
    struct buf have = BUF_INIT, there = BUF_INIT;
    enum err e = file_read_private(old, FILE_MAX, &have, ei);
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
        e = path_in(secrets_dir, "", "", folder, ei);
    if (e == ERR_OK)
        e = file_sync_folder(folder, ei);
    if (e == ERR_OK)
        (void)!file_sync_folder(secrets_dir, NULL);
    return e;
}

static enum err move(const char *state_dir, const char *secrets_dir, const char *file,
                     struct errinfo *ei)
{
    char old[SECRETS_PATH_MAX], new[SECRETS_PATH_MAX];
    enum err e = path_in(state_dir, file, "", old, ei);

    if (e == ERR_OK)
        e = path_in(secrets_dir, file, "", new, ei);
    if (e == ERR_OK)
        e = copy(old, new, ei);
    if (e == ERR_OK)
        e = flush(secrets_dir, new, ei);
    if (e == ERR_OK && unlink(old) != 0)
        e = err_fail_errno(ei, errno, "remove %s, which was moved to %s", old, secrets_dir);
    return e == ERR_OK ? file_sync_folder(old, ei) : e;
}

static enum err move_all(const char *state_dir, const char *secrets_dir, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];
    struct dirent *entry;
    enum err e = path_in(state_dir, "", "", path, ei);
    DIR *folder = e == ERR_OK ? file_open_folder(path) : NULL;

    if (e != ERR_OK)
        return e;
    if (folder == NULL)
        return errno == ENOENT ? ERR_OK : err_fail_errno(ei, errno, "open folder %s", path);
    while (e == ERR_OK && (entry = readdir(folder)) != NULL)
        if (is_secret(entry->d_name))
            e = move(state_dir, secrets_dir, entry->d_name, ei);
    closedir(folder);
    return e;
}

enum err secrets_open(const char *state_dir, const char *secrets_dir, struct errinfo *ei)
{
    enum err e = make(state_dir, secrets_dir, ei);
    int fd;

    if (e != ERR_OK)
        return e;
    /* The folder's own descriptor: no file is left, and none has to change hands. */
    fd = open(secrets_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        e = err_fail_errno(ei, errno, "lock folder %s", secrets_dir);
    else
        e = move_all(state_dir, secrets_dir, ei);
    if (fd >= 0)
        close(fd);
    return e;
}

/* ---- a file ---- */

enum err secrets_read(const char *state_dir, const char *secrets_dir, const char *slug,
                      const char *ending, struct buf *out, char path[SECRETS_PATH_MAX],
                      struct errinfo *ei)
{
    char old[SECRETS_PATH_MAX];
    enum err e = secrets_check(secrets_dir, ei);

    if (e == ERR_OK)
        e = path_in(secrets_dir, slug, ending, path, ei);
    if (e == ERR_OK)
        e = file_read_private(path, FILE_MAX, out, ei);
    if (e != ERR_NOTFOUND || path_in(state_dir, slug, ending, old, NULL) != ERR_OK ||
        access(old, F_OK) != 0)
        return e;
    memcpy(path, old, sizeof(old));
    return file_read_private(path, FILE_MAX, out, ei);
}

enum err secrets_write(const char *state_dir, const char *secrets_dir, const char *slug,
                       const char *ending, const void *data, size_t len, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];
    enum err e = make(state_dir, secrets_dir, ei);

    if (e == ERR_OK)
        e = path_in(secrets_dir, slug, ending, path, ei);
    return e == ERR_OK ? file_write_atomic(path, data, len, 0600, ei) : e;
}

enum err secrets_remove(const char *secrets_dir, const char *slug, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];

    for (size_t i = 0; i < ENDING_COUNT; i++) {
        enum err e = path_in(secrets_dir, slug, endings[i], path, ei);

        if (e != ERR_OK)
            return e;
        if (unlink(path) != 0 && errno != ENOENT)
            return err_fail_errno(ei, errno, "remove %s", path);
    }
    return ERR_OK;
}
