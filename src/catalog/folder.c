#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "catalog/internal.h"

#define OVERLAY_MAX      (4u << 20) /* bytes of one file */
#define OVERLAY_FILE_MAX 256

/* The overlays as they are read. */
struct folder {
    size_t count;
    struct cat_source sources[OVERLAY_FILE_MAX];
    struct buf bytes[OVERLAY_FILE_MAX];
    struct arena mem; /* file names */
};

static void folder_fini(struct folder *f)
{
    for (size_t i = 0; i < f->count; i++)
        buf_fini(&f->bytes[i]);
    arena_reset(&f->mem);
    free(f);
}

/* "products.csv", or that behind a prefix: "2031.products.csv", "2031-products.csv". */
static bool is_called(const char *name, const char *table)
{
    size_t len = strlen(name), tail = strlen(table);

    if (len < tail || strcmp(name + len - tail, table) != 0)
        return false;
    return len == tail || name[len - tail - 1] == '.' || name[len - tail - 1] == '-';
}

static bool table_of(const char *name, enum cat_table *out)
{
    for (unsigned t = 0; t < CAT_TABLE_COUNT; t++) {
        if (is_called(name, cat_table_files[t])) {
            *out = (enum cat_table)t;
            return true;
        }
    }
    return false;
}

static enum err add_file(struct folder *f, const char *path, struct errinfo *ei)
{
    const char *name = strrchr(path, '/');
    struct cat_source *s = &f->sources[f->count];
    struct buf *bytes = &f->bytes[f->count];
    enum err e;

    name = name != NULL ? name + 1 : path;
    if (!table_of(name, &s->table))
        return err_fail(
            ei, ERR_MALFORMED,
            "%s: no table is called so; it is kms_products.csv, products.csv, "
            "client_setup_keys.csv, host_key_groups.csv, host_updates.csv, "
            "error_codes.csv, event_ids.csv, avma_keys.csv or avma_matrix.csv, with a prefix and a "
            "dot if you like",
            path);
    if (f->count == OVERLAY_FILE_MAX)
        return err_fail(ei, ERR_LIMIT, "%s: more than %d overlay files", path, OVERLAY_FILE_MAX);
    *bytes = (struct buf)BUF_INIT;
    f->count++;
    e = file_read(path, OVERLAY_MAX, bytes, ei);
    if (e != ERR_OK)
        return e;
    s->file = arena_strndup(&f->mem, path, strlen(path));
    s->bytes = bytes->data;
    s->len = bytes->len;
    return s->file == NULL ? err_nomem(ei) : ERR_OK;
}

static int is_csv(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".csv") == 0;
}

/* Byte order, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum err add_folder(struct folder *f, const char *path, struct errinfo *ei)
{
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, is_csv, by_name);
    enum err e = ERR_OK;

    if (n < 0)
        return err_fail_errno(ei, errno, "read the catalogue overlays in %s", path);
    for (int i = 0; i < n; i++) {
        struct buf file = BUF_INIT;

        buf_add_fmt(&file, "%s/%s", path, entries[i]->d_name);
        if (e == ERR_OK)
            e = buf_str(&file) == NULL ? err_nomem(ei) : add_file(f, buf_str(&file), ei);
        buf_fini(&file);
        free(entries[i]);
    }
    free(entries);
    return e;
}

/* The built-in tables first, then those of the folder. */
static enum err load(const struct folder *f, struct catalog **out, struct errinfo *ei)
{
    struct cat_source *all = calloc(cat_builtin_count + f->count, sizeof(*all));
    enum err e;

    if (all == NULL)
        return err_nomem(ei);
    memcpy(all, cat_builtin, cat_builtin_count * sizeof(*all));
    if (f->count != 0)
        memcpy(all + cat_builtin_count, f->sources, f->count * sizeof(*all));
    e = catalog_load_from(all, cat_builtin_count + f->count, out, ei);
    free(all);
    return e;
}

enum err catalog_load_overlays(const char *path, struct catalog **out, struct errinfo *ei)
{
    const char *where = path != NULL ? path : CATALOG_DEFAULT_DIR;
    struct folder *f = calloc(1, sizeof(*f));
    struct stat st;
    enum err e = ERR_OK;

    if (f == NULL)
        return err_nomem(ei);
    if (stat(where, &st) == 0)
        e = S_ISDIR(st.st_mode) ? add_folder(f, where, ei) : add_file(f, where, ei);
    else if (path != NULL || (errno != ENOENT && errno != EACCES)) /* /etc/adbad may be closed */
        e = err_fail_errno(ei, errno, "read the catalogue overlays in %s", where);
    if (e == ERR_OK)
        e = load(f, out, ei);
    folder_fini(f);
    return e;
}
