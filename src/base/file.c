#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* A credential of the service manager may be root's and readable by an entry of an access control
 * list, for us alone, whose mask then shows as the group's bits. */
static mode_t others_bits(const char *path, const struct stat *st)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    size_t len = folder == NULL ? 0 : strlen(folder);
    bool credential = len > 0 && strncmp(path, folder, len) == 0 && path[len] == '/';

    return credential && st->st_uid == 0 ? st->st_mode & 037 : st->st_mode & 077;
}

static enum err judge_private(const char *path, const struct stat *st, struct errinfo *ei)
{
    if (others_bits(path, st) != 0)
        return err_fail(ei, ERR_REFUSED,
                        "%s has mode %04o, so others could read or change it; run: chmod %s %s",
                        path, st->st_mode & 07777, S_ISDIR(st->st_mode) ? "0700" : "0600", path);
    if (st->st_uid != geteuid() && st->st_uid != 0 && geteuid() != 0)
        return err_fail(ei, ERR_REFUSED,
                        "%s belongs to user %u, not to us (%u) or root; run this as that user",
                        path, (unsigned)st->st_uid, (unsigned)geteuid());
    return ERR_OK;
}

enum err file_require_private(const char *path, struct errinfo *ei)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return err_fail_errno(ei, errno, "check %s", path);
    return judge_private(path, &st, ei);
}

enum err file_read_from(int fd, const char *path, size_t max, struct buf *out, struct errinfo *ei)
{
    uint8_t chunk[4096];
    size_t got = 0;
    enum err e = ERR_OK;

    while (e == ERR_OK) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            break;
        if (n < 0) {
            e = err_fail_errno(ei, errno, "read %s", path);
            break;
        }
        got += (size_t)n;
        if (got > max)
            e = err_fail(ei, ERR_LIMIT, "read %s: larger than %zu bytes", path, max);
        else
            buf_add(out, chunk, (size_t)n);
    }
    explicit_bzero(chunk, sizeof(chunk));
    return e == ERR_OK && out->err != ERR_OK ? err_nomem(ei) : e;
}

static enum err read_file(const char *path, size_t max, bool private, struct buf *out,
                          struct errinfo *ei)
{
    struct stat st;
    enum err e = ERR_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_fail_errno(ei, errno, "open %s", path);
    if (private)
        e = fstat(fd, &st) != 0 ? err_fail_errno(ei, errno, "check %s", path)
                                : judge_private(path, &st, ei);
    if (e == ERR_OK)
        e = file_read_from(fd, path, max, out, ei);
    close(fd);
    return e;
}

enum err file_read(const char *path, size_t max, struct buf *out, struct errinfo *ei)
{
    return read_file(path, max, false, out, ei);
}

enum err file_read_private(const char *path, size_t max, struct buf *out, struct errinfo *ei)
{
    return read_file(path, max, true, out, ei);
}

enum err file_read_private_in(int folder, const char *name, const char *path, size_t max,
                              struct buf *out, struct errinfo *ei)
{
    struct stat st;
    enum err e = ERR_OK;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 && errno != ELOOP)
        return err_fail_errno(ei, errno, "open %s", path);
    if (fd >= 0 && fstat(fd, &st) != 0)
        e = err_fail_errno(ei, errno, "check %s", path);
    else if (fd < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
        e = err_fail(ei, ERR_REFUSED,
                     "%s is a link or no file, so it could be another's secret; remove it", path);
    if (e == ERR_OK)
        e = judge_private(path, &st, ei);
    if (e == ERR_OK)
        e = file_read_from(fd, path, max, out, ei);
    if (fd >= 0)
        close(fd);
    return e;
}

static enum err write_all(int fd, const void *data, size_t len, const char *path,
                          struct errinfo *ei)
{
    const uint8_t *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_fail_errno(ei, errno, "write %s", path);
        p += n;
        len -= (size_t)n;
    }
    if (fsync(fd) != 0)
        return err_fail_errno(ei, errno, "flush %s", path);
    return ERR_OK;
}

enum err file_in_memory(const char *name, const void *data, size_t len, int *fd, struct errinfo *ei)
{
    enum err e;

    *fd = memfd_create(name, MFD_CLOEXEC);
    if (*fd < 0)
        return err_fail_errno(ei, errno, "make %s in memory", name);
    e = write_all(*fd, data, len, name, ei);
    if (e == ERR_OK && lseek(*fd, 0, SEEK_SET) != 0)
        e = err_fail_errno(ei, errno, "go to the beginning of %s", name);
    if (e != ERR_OK) {
        close(*fd);
        *fd = -1;
    }
    return e;
}

enum err file_copy_private(const char *path, size_t max, int *fd, struct errinfo *ei)
{
    const char *slash = strrchr(path, '/');
    struct buf bytes = BUF_INIT;
    enum err e = file_read_private(path, max, &bytes, ei);

    *fd = -1;
    if (e == ERR_OK)
        e = file_in_memory(slash != NULL ? slash + 1 : path, bytes.data, bytes.len, fd, ei);
    buf_wipe(&bytes);
    return e;
}

enum err file_sync_folder(const char *path, struct errinfo *ei)
{
    enum err e = ERR_OK;
    char *copy = strdup(path);
    int fd;

    if (copy == NULL)
        return err_nomem(ei);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        e = err_fail_errno(ei, errno, "flush the folder of %s", path);
    if (fd >= 0)
        close(fd);
    free(copy);
    return e;
}

/* What root makes for a service is that service's. */
static enum err own_like(int fd, const char *path, const char *like, struct errinfo *ei)
{
    struct stat st;

    if (geteuid() != 0 || stat(like, &st) != 0 || st.st_uid == 0 ||
        fchown(fd, st.st_uid, st.st_gid) == 0)
        return ERR_OK;
    return err_fail_errno(ei, errno, "give %s to the owner of %s", path, like);
}

static enum err own_like_folder(int fd, const char *path, struct errinfo *ei)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    enum err e;

    if (slash == NULL || slash == path)
        return ERR_OK;
    folder = strndup(path, (size_t)(slash - path));
    if (folder == NULL)
        return err_nomem(ei);
    e = own_like(fd, path, folder, ei);
    free(folder);
    return e;
}

DIR *file_open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}

/* like NULL: its parent. */
static enum err make_folder(const char *path, mode_t mode, const char *like, struct errinfo *ei)
{
    enum err e;
    int fd;

    if (mkdir(path, mode) != 0)
        return errno == EEXIST ? ERR_OK : err_fail_errno(ei, errno, "make folder %s", path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_fail_errno(ei, errno, "open folder %s", path);
    e = like == NULL ? own_like_folder(fd, path, ei) : own_like(fd, path, like, ei);
    close(fd);
    return e;
}

enum err file_make_folder(const char *path, mode_t mode, struct errinfo *ei)
{
    return make_folder(path, mode, NULL, ei);
}

enum err file_make_folder_like(const char *path, mode_t mode, const char *like, struct errinfo *ei)
{
    return make_folder(path, mode, like, ei);
}

enum err file_create_beside(const char *path, char temp[PATH_MAX], int *fd, struct errinfo *ei)
{
    *fd = -1;
    if (snprintf(temp, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
        return err_fail(ei, ERR_LIMIT, "write %s: the path is too long", path);
    *fd = mkostemp(temp, O_CLOEXEC);
    return *fd >= 0 ? ERR_OK : err_fail_errno(ei, errno, "create a file beside %s", path);
}

static enum err place(const char *path, const void *data, size_t len, mode_t mode, bool replace,
                      struct errinfo *ei)
{
    char temp[PATH_MAX];
    int fd;
    enum err e = file_create_beside(path, temp, &fd, ei);

    if (e != ERR_OK)
        return e;
    e = write_all(fd, data, len, temp, ei);
    if (e == ERR_OK && fchmod(fd, mode) != 0)
        e = err_fail_errno(ei, errno, "set mode of %s", temp);
    if (e == ERR_OK)
        e = own_like_folder(fd, path, ei);
    close(fd);
    if (e == ERR_OK && (replace ? rename(temp, path) : link(temp, path)) != 0)
        e = err_fail_errno(ei, errno, "create %s", path);
    if (e != ERR_OK || !replace)
        unlink(temp);
    return e == ERR_OK ? file_sync_folder(path, ei) : e;
}

enum err file_write_atomic(const char *path, const void *data, size_t len, mode_t mode,
                           struct errinfo *ei)
{
    return place(path, data, len, mode, true, ei);
}

enum err file_create(const char *path, const void *data, size_t len, mode_t mode,
                     struct errinfo *ei)
{
    return place(path, data, len, mode, false, ei);
}

enum err file_open_log(const char *path, int *fd, struct errinfo *ei)
{
    *fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    return *fd >= 0 ? ERR_OK : err_fail_errno(ei, errno, "open the log %s ([log] file)", path);
}

/* ---- what could be made ---- */

char *file_folder_of(const char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    return len == 0 ? strdup(".") : strndup(path, len);
}

/* errno of making a name in it, or 0. The kernel's own folders let root write, and take nothing. */
static int takes_names(const char *folder)
{
    struct statfs fs;
    struct stat st;

    if (stat(folder, &st) != 0)
        return errno;
    if (!S_ISDIR(st.st_mode))
        return ENOTDIR;
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        return errno;
    if (statfs(folder, &fs) != 0)
        return errno;
    return fs.f_type == PROC_SUPER_MAGIC ? ENOENT : fs.f_type == SYSFS_MAGIC ? EPERM : 0;
}

/* errno of making a file in the folder of path, or 0. */
static int could_make(const char *path)
{
    char *folder = file_folder_of(path);
    int errnum = folder == NULL ? ENOMEM : takes_names(folder);

    free(folder);
    return errnum;
}

enum err file_could_make(const char *path, struct errinfo *ei)
{
    int errnum = could_make(path);

    return errnum == 0 ? ERR_OK : err_fail_errno(ei, errnum, "make %s", path);
}

enum err file_could_make_folder(const char *path, struct errinfo *ei)
{
    struct stat st;
    int errnum;

    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? ERR_OK : err_fail_errno(ei, ENOTDIR, "make folder %s", path);
    errnum = errno == ENOENT ? could_make(path) : errno;
    return errnum == 0 ? ERR_OK : err_fail_errno(ei, errnum, "make folder %s", path);
}

static bool is_folder_name(const char *path)
{
    return path[0] != '\0' && path[strlen(path) - 1] == '/';
}

enum err file_could_open_log(const char *path, struct errinfo *ei)
{
    struct stat st;
    int errnum = 0;

    if (stat(path, &st) != 0)
        errnum = errno != ENOENT ? errno : is_folder_name(path) ? EISDIR : could_make(path);
    else if (S_ISDIR(st.st_mode))
        errnum = EISDIR;
    else if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0)
        errnum = errno;
    return errnum == 0 ? ERR_OK : err_fail_errno(ei, errnum, "open the log %s ([log] file)", path);
}
