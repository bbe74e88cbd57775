#include "client/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define STATE_MAX  (4u << 20)
#define BUNDLE_MAX (1u << 20)

static enum err path_of(const struct folder *f, const char *name, char out[4096],
                        struct errinfo *ei)
{
    if ((size_t)snprintf(out, 4096, "%s/%s", f->path, name) >= 4096)
        return err_fail(ei, ERR_LIMIT, "machine folder %s: the path is too long", f->path);
    return ERR_OK;
}

static enum err lock(struct folder *f, struct errinfo *ei)
{
    char path[4096];
    enum err e = path_of(f, "lock", path, ei);

    if (e != ERR_OK)
        return e;
    f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f->lock < 0)
        return err_fail_errno(ei, errno, "open machine folder %s", f->path);
    if (flock(f->lock, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno == EWOULDBLOCK)
        return err_fail(ei, ERR_BUSY,
                        "machine folder %s: another adbaclient works on it; try again when it "
                        "is done",
                        f->path);
    return err_fail_errno(ei, errno, "lock machine folder %s", f->path);
}

/* A program that was killed while it wrote leaves the copy that it had not yet put in place. */
static void sweep(const struct folder *f)
{
    static const char prefix[] = "machine.json.";
    DIR *d = opendir(f->path);
    const struct dirent *entry;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) == 0)
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    }
    if (d != NULL)
        closedir(d);
}

static enum err begin(const char *path, struct folder *f, struct errinfo *ei)
{
    *f = (struct folder){.lock = -1, .path = strdup(path)};
    return f->path == NULL ? err_nomem(ei) : ERR_OK;
}

static enum err refuse_existing(const struct folder *f, struct errinfo *ei)
{
    char path[4096];
    enum err e = path_of(f, "machine.json", path, ei);

    if (e == ERR_OK && access(path, F_OK) == 0)
        e = err_fail(ei, ERR_EXISTS, "machine folder %s: a machine lives there already", f->path);
    return e;
}

static enum err copy_bundle(const struct folder *f, const char *from, struct errinfo *ei)
{
    struct bundle b = {0};
    char path[4096];
    enum err e = access(from, F_OK) == 0
                     ? bundle_load(from, &b, ei)
                     : err_fail(ei, ERR_CONFIG,
                                "realm bundle %s: no such file; \"adbactl realm init\" makes "
                                "client.bundle in the realm's folder",
                                from);

    if (e == ERR_OK)
        e = path_of(f, "client.bundle", path, ei);
    if (e == ERR_OK)
        e = bundle_write(&b, path, ei);
    bundle_fini(&b);
    return e;
}

enum err folder_create(const char *path, const char *bundle, struct folder *f, struct errinfo *ei)
{
    enum err e = begin(path, f, ei);

    if (e == ERR_OK && mkdir(path, 0700) != 0 && errno != EEXIST)
        e = err_fail_errno(ei, errno, "make machine folder %s", path);
    if (e == ERR_OK)
        e = refuse_existing(f, ei);
    if (e == ERR_OK)
        e = lock(f, ei);
    if (e == ERR_OK)
        e = refuse_existing(f, ei);
    if (e == ERR_OK)
        e = copy_bundle(f, bundle, ei);
    if (e != ERR_OK)
        folder_close(f);
    return e;
}

static enum err load(struct folder *f, const struct catalog *cat, struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    char path[4096];
    json_error_t at;
    json_t *doc = NULL;
    enum err e = path_of(f, "machine.json", path, ei);

    if (e == ERR_OK)
        e = file_read(path, STATE_MAX, &text, ei);
    if (e != ERR_OK)
        goto out;
    doc = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &at);
    e = doc == NULL ? err_fail(ei, ERR_MALFORMED, "machine state %s:%d: %s", path, at.line, at.text)
                    : machine_from_json(doc, cat, path, &f->machine, ei);
out:
    json_decref(doc);
    buf_fini(&text);
    return e;
}

enum err folder_open(const char *path, const struct catalog *cat, struct folder *f,
                     struct errinfo *ei)
{
    char state[4096];
    enum err e = begin(path, f, ei);

    if (e == ERR_OK)
        e = path_of(f, "machine.json", state, ei);
    if (e == ERR_OK && access(state, F_OK) != 0)
        e = err_fail(ei, ERR_NOTFOUND,
                     "machine folder %s: no machine lives there; \"adbaclient --machine %s init\" "
                     "makes one",
                     path, path);
    if (e == ERR_OK)
        e = lock(f, ei);
    if (e == ERR_OK)
        sweep(f);
    if (e == ERR_OK)
        e = load(f, cat, ei);
    if (e != ERR_OK)
        folder_close(f);
    return e;
}

static enum err append_events(struct folder *f, struct errinfo *ei)
{
    struct buf *b = &f->machine.events;
    char path[4096];
    enum err e = path_of(f, "events.jsonl", path, ei);
    int fd;

    if (e != ERR_OK || b->len == 0)
        return e;
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_fail_errno(ei, errno, "open event log %s", path);
    if (write(fd, b->data, b->len) != (ssize_t)b->len)
        e = err_fail_errno(ei, errno != 0 ? errno : EIO, "write event log %s", path);
    close(fd);
    buf_clear(b);
    return e;
}

enum err folder_save(struct folder *f, struct errinfo *ei)
{
    char path[4096];
    json_t *doc = NULL;
    char *text = NULL;
    enum err e = append_events(f, ei);

    if (e == ERR_OK)
        e = path_of(f, "machine.json", path, ei);
    if (e != ERR_OK || !f->machine.changed)
        return e;
    doc = machine_to_json(&f->machine);
    text = doc != NULL ? json_dumps(doc, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
    e = text == NULL ? err_fail(ei, ERR_INTERNAL, "write %s: a text in it is not UTF-8", path)
                     : file_write_atomic(path, text, strlen(text), 0600, ei);
    if (e == ERR_OK)
        f->machine.changed = false;
    free(text);
    json_decref(doc);
    return e;
}

void folder_close(struct folder *f)
{
    machine_fini(&f->machine);
    if (f->lock >= 0)
        close(f->lock);
    free(f->path);
    *f = (struct folder){.lock = -1};
}

enum err folder_bundle(const struct folder *f, struct bundle *out, struct errinfo *ei)
{
    char path[4096];
    enum err e = path_of(f, "client.bundle", path, ei);

    if (e == ERR_OK && access(path, F_OK) != 0)
        return err_fail(ei, ERR_CONFIG,
                        "realm bundle %s is missing: without it no licence can be checked; copy "
                        "client.bundle of the machine's realm there",
                        path);
    return e == ERR_OK ? bundle_load(path, out, ei) : e;
}
