/* file: whole small files, read with a bound and written so that no reader and no crash ever
 * sees half of one. */
#ifndef ADBAD_BASE_FILE_H
#define ADBAD_BASE_FILE_H

#include <dirent.h>
#include <limits.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the whole content of path to out. ERR_LIMIT if it is larger than max bytes. */
MUST_CHECK enum err file_read(const char *path, size_t max, struct buf *out, struct errinfo *ei);

/* As file_read of what is open as fd, from where that stands; path is for messages. */
MUST_CHECK enum err file_read_from(int fd, const char *path, size_t max, struct buf *out,
                                   struct errinfo *ei);

/* As file_read for a secret: the file that is read is the one whose mode and owner were looked at
 * (as by file_require_private), and no copy stays outside out. */
MUST_CHECK enum err file_read_private(const char *path, size_t max, struct buf *out,
                                      struct errinfo *ei);

/* len bytes as a file without a name, in memory alone; *fd, the caller's, stands at its beginning.
 * name is for /proc and messages. */
MUST_CHECK enum err file_in_memory(const char *name, const void *data, size_t len, int *fd,
                                   struct errinfo *ei);
/* A secret, read as by file_read_private, as such a file: whoever gets it has these bytes, whatever
 * becomes of path. */
MUST_CHECK enum err file_copy_private(const char *path, size_t max, int *fd, struct errinfo *ei);

/* As file_read_private of what has that name in a folder that is open, where somebody else may
 * change names: ERR_REFUSED unless it is a file that has no other name. path is for messages. */
MUST_CHECK enum err file_read_private_in(int folder, const char *name, const char *path, size_t max,
                                         struct buf *out, struct errinfo *ei);

/* Replaces path by len bytes: temporary file beside it, fsync, rename, fsync of the folder.
 * The new file gets exactly mode; if we are root, it gets the owner of its folder. On failure the
 * old content stays. */
MUST_CHECK enum err file_write_atomic(const char *path, const void *data, size_t len, mode_t mode,
                                      struct errinfo *ei);

/* As file_write_atomic for a file that must not exist yet: ERR_EXISTS if it does. */
MUST_CHECK enum err file_create(const char *path, const void *data, size_t len, mode_t mode,
                                struct errinfo *ei);

/* Makes an empty file of mode 0600 for what is to become path, and its name, beside path. The
 * caller closes *fd, and removes temp or gives it the name. */
MUST_CHECK enum err file_create_beside(const char *path, char temp[PATH_MAX], int *fd,
                                       struct errinfo *ei);

/* Opens path for whole lines to be appended, and makes it if it is not there (mode 0640). */
MUST_CHECK enum err file_open_log(const char *path, int *fd, struct errinfo *ei);

/* Flushes the folder that path is in, so that what was named or renamed there stays. */
MUST_CHECK enum err file_sync_folder(const char *path, struct errinfo *ei);

/* As opendir(3), through open(2), which ThreadSanitizer sees: libuv closes descriptors unseen by
 * it, and what opendir gets for one of the same number would still be another thread's. */
DIR *file_open_folder(const char *path);

/* Makes folder path (its parent is there) with that mode and, if we are root, its parent's owner.
 * One that is there already stays as it is. */
MUST_CHECK enum err file_make_folder(const char *path, mode_t mode, struct errinfo *ei);
/* As file_make_folder, with the owner of folder like in the place of its parent's. */
MUST_CHECK enum err file_make_folder_like(const char *path, mode_t mode, const char *like,
                                          struct errinfo *ei);

/* What file_make_folder would say; nothing is made. Whoever makes it later may still fail, for want
 * of room for example. */
MUST_CHECK enum err file_could_make_folder(const char *path, struct errinfo *ei);
/* Likewise whether files can be made in the folder that path lies in. */
MUST_CHECK enum err file_could_make(const char *path, struct errinfo *ei);
/* Likewise what file_open_log would say. */
MUST_CHECK enum err file_could_open_log(const char *path, struct errinfo *ei);
/* The folder that path lies in; "." if it names none. The caller frees; NULL: out of memory. */
char *file_folder_of(const char *path);

/* ERR_REFUSED, naming path, its mode and the remedy, if group or others may do anything with it
 * or if it belongs to neither us nor root (to root, everybody's files are its own to read). */
MUST_CHECK enum err file_require_private(const char *path, struct errinfo *ei);

#endif
