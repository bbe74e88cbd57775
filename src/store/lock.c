#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err lock_name(const char *path, char name[PATH_MAX], struct errinfo *ei)
{
    if (snprintf(name, PATH_MAX, "%s.lock", path) >= PATH_MAX)
        return err_fail(ei, ERR_LIMIT, "open ledger %s: the path is too long", path);
    return ERR_OK;
}

static enum err busy(const char *path, int fd, struct errinfo *ei)
{
    char pid[32] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    pid[n > 0 ? (size_t)n : 0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
    return err_fail(ei, ERR_BUSY,
                    "open ledger %s: it is in use by process %s; stop that adbad first, or give "
                    "this one its own [store] ledger",
                    path, pid[0] != '\0' ? pid : "(unknown)");
}

/* The holder removes the file when it ends: what we locked may no longer be the one with the
 * name. */
static bool still_named(int fd, const char *name)
{
    struct stat mine, named;

    return fstat(fd, &mine) == 0 && stat(name, &named) == 0 && mine.st_ino == named.st_ino &&
           mine.st_dev == named.st_dev;
}

enum err lock_take(const char *path, int *out, struct errinfo *ei)
{
    char name[PATH_MAX];
    enum err e = lock_name(path, name, ei);
    int fd = -1;

    if (e != ERR_OK)
        return e;
    do {
        if (fd >= 0)
            close(fd);
        fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            return err_fail_errno(ei, errno, "create the ledger's lock %s", name);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            e = errno == EWOULDBLOCK ? busy(path, fd, ei)
                                     : err_fail_errno(ei, errno, "lock %s", name);
            close(fd);
            return e;
        }
    } while (!still_named(fd, name));
    /* For people only; on a full disk the number is missing and the lock holds all the same. */
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
        (void)!ftruncate(fd, 0);
    *out = fd;
    return ERR_OK;
}

void lock_release(const char *path, int fd)
{
    char name[PATH_MAX];

    if (fd < 0)
        return;
    if (lock_name(path, name, NULL) == ERR_OK)
        unlink(name);
    close(fd);
}
