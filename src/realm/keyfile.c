#include "realm/keyfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "realm/hostkey.h"
#include "realm/secrets.h"

enum err keyfile_path(const char *folder, const char *slug, const char *ending,
                      char path[KEYFILE_PATH_MAX], struct errinfo *ei)
{
    if ((size_t)snprintf(path, KEYFILE_PATH_MAX, "%s/hostkeys%s%s%s", folder,
                         *slug == '\0' ? "" : "/", slug, ending) >= KEYFILE_PATH_MAX)
        return err_fail(ei, ERR_LIMIT, "folder %s: the path is too long", folder);
    return ERR_OK;
}

/* ---- where it stands ---- */

/* All zero if it is not there. */
static void look(const char *state_dir, const char *slug, const char *ending, struct stat *out)
{
    char path[KEYFILE_PATH_MAX];

    if (keyfile_path(state_dir, slug, ending, path, NULL) != ERR_OK || stat(path, out) != 0)
        *out = (struct stat){0};
}

void keyfile_phase(const char *state_dir, const char *slug, struct keyfile_phase *out)
{
    look(state_dir, slug, KEYFILE_NAMES KEYFILE_STAGED, &out->new_names);
    look(state_dir, slug, KEYFILE_NAMES, &out->names);
    out->staged = out->new_names.st_ino != 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool keyfile_phase_equal(const struct keyfile_phase *a, const struct keyfile_phase *b)
{
    return same_file(&a->names, &b->names) && same_file(&a->new_names, &b->new_names);
}

/* ---- replacing ---- */

/* In the order in which they are renamed. */
static const struct {
    bool secret;
    const char *staged, *ending;
} files[] = {
    {true, SECRETS_KEY KEYFILE_STAGED, SECRETS_KEY},
    {true, SECRETS_CONFIRM KEYFILE_STAGED, SECRETS_CONFIRM},
    {false, KEYFILE_CERT KEYFILE_STAGED, KEYFILE_CERT},
    {false, KEYFILE_HOST KEYFILE_STAGED, KEYFILE_HOST},
    {false, KEYFILE_NAMES KEYFILE_STAGED, KEYFILE_NAMES},
};
#define FILE_COUNT (sizeof(files) / sizeof(files[0]))

/* The files but the last one, or the last one alone. What is not there was dealt with before. */
static enum err each(const char *const folders[2], const char *slug, bool forward, bool last,
                     struct errinfo *ei)
{
    char from[KEYFILE_PATH_MAX], to[KEYFILE_PATH_MAX];

    for (size_t i = last ? FILE_COUNT - 1 : 0; i < FILE_COUNT - !last; i++) {
        enum err e = keyfile_path(folders[files[i].secret], slug, files[i].staged, from, ei);

        if (e == ERR_OK)
            e = keyfile_path(folders[files[i].secret], slug, files[i].ending, to, ei);
        if (e != ERR_OK)
            return e;
        if ((forward ? rename(from, to) : unlink(from)) != 0 && errno != ENOENT)
            return err_fail_errno(ei, errno, forward ? "give %s its name" : "remove %s", from);
    }
    return ERR_OK;
}

static enum err flush(const char *folder, struct errinfo *ei)
{
    char path[KEYFILE_PATH_MAX];
    enum err e = keyfile_path(folder, "-", "", path, ei);

    e = e == ERR_OK ? file_sync_folder(path, ei) : e;
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* Not as a reader looks: "no" has files removed. */
static enum err all_staged(const char *state_dir, const char *slug, bool *staged,
                           struct errinfo *ei)
{
    char path[KEYFILE_PATH_MAX];
    struct stat st;
    enum err e = keyfile_path(state_dir, slug, KEYFILE_NAMES KEYFILE_STAGED, path, ei);

    if (e != ERR_OK)
        return e;
    *staged = lstat(path, &st) == 0;
    return *staged || errno == ENOENT ? ERR_OK : err_fail_errno(ei, errno, "look for %s", path);
}

/* What says that all are there goes when all others have gone, on the disk, too. */
static enum err finish(const char *state_dir, const char *secrets_dir, const char *slug,
                       struct errinfo *ei)
{
    const char *const folders[2] = {state_dir, secrets_dir};
    bool staged = false;
    enum err e = all_staged(state_dir, slug, &staged, ei);

    if (e == ERR_OK)
        e = each(folders, slug, staged, false, ei);
    if (e == ERR_OK)
        e = flush(secrets_dir, ei);
    if (e == ERR_OK)
        e = flush(state_dir, ei);
    if (e == ERR_OK && staged)
        e = each(folders, slug, true, true, ei);
    return e == ERR_OK ? flush(state_dir, ei) : e;
}

/* "slug.crt.new" → "slug"; false for a file that is not staged. part: it is one that was being
 * written, with six letters more. */
static bool staged_slug(const char *file, char slug[HOSTKEY_GROUP_MAX + 1], bool *part)
{
    const char *dot = strchr(file, '.');
    size_t len = dot == NULL ? 0 : (size_t)(dot - file);

    if (len == 0 || len > HOSTKEY_GROUP_MAX)
        return false;
    memcpy(slug, file, len);
    slug[len] = '\0';
    for (size_t i = 0; i < FILE_COUNT; i++) {
        size_t n = strlen(files[i].staged);

        if (strncmp(dot, files[i].staged, n) != 0 || (dot[n] != '.' && dot[n] != '\0'))
            continue;
        *part = dot[n] == '.';
        return true;
    }
    return false;
}

static enum err finish_those_in(const char *folder, const char *state_dir, const char *secrets_dir,
                                struct errinfo *ei)
{
    char path[KEYFILE_PATH_MAX], slug[HOSTKEY_GROUP_MAX + 1];
    struct dirent *entry;
    bool part;
    enum err e = keyfile_path(folder, "", "", path, ei);
    DIR *all = e == ERR_OK ? file_open_folder(path) : NULL;

    if (all == NULL)
        return e != ERR_OK || errno == ENOENT ? e : err_fail_errno(ei, errno, "open %s", path);
    while (e == ERR_OK && (entry = readdir(all)) != NULL) {
        if (!staged_slug(entry->d_name, slug, &part))
            continue;
        if (!part)
            e = finish(state_dir, secrets_dir, slug, ei);
        else if (unlinkat(dirfd(all), entry->d_name, 0) != 0 && errno != ENOENT)
            e = err_fail_errno(ei, errno, "remove %s/%s", path, entry->d_name);
    }
    closedir(all);
    return e;
}

enum err keyfile_finish(const char *state_dir, const char *secrets_dir, struct errinfo *ei)
{
    enum err e = finish_those_in(state_dir, state_dir, secrets_dir, ei);

    return e == ERR_OK ? finish_those_in(secrets_dir, state_dir, secrets_dir, ei) : e;
}
