#include "base/conf.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini_configobj.h>
#include <ini_valueobj.h>

#include "base/conf_value.h"
#include "base/file.h"

#define CONF_FILE_MAX ((size_t)1024 * 1024)

/* One reading of all files. */
struct load {
    const struct conf_source *from;
    const struct conf_table *table;
    void *out;
    char *folder;     /* of the main file */
    const char *file; /* being read */
    struct ini_cfgobj *ini;
    bool misread;       /* something of the file was no INI, and told */
    struct errinfo *ei; /* gets the first mistake */
    enum err e;         /* its code */
};

/* A mistake is told, and reading goes on. */
static void note(struct load *l, const struct errinfo *problem)
{
    if (l->e == ERR_OK) {
        l->e = problem->code;
        if (l->ei != NULL)
            *l->ei = *problem;
    }
    if (l->from->problem != NULL)
        l->from->problem(l->from->arg, problem);
}

static void note_nomem(struct load *l)
{
    struct errinfo ei = {0};

    (void)!err_nomem(&ei);
    note(l, &ei);
}

/* ---- keys ---- */

static const struct conf_key *find_key(const struct load *l, const char *section, const char *name,
                                       bool *section_known)
{
    *section_known = false;
    for (size_t i = 0; i < l->table->n; i++) {
        const struct conf_key *k = &l->table->keys[i];

        if (strcmp(k->section, section) != 0)
            continue;
        *section_known = true;
        if (strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}

static enum err set_origin(struct load *l, const struct conf_key *k, const struct conf_place *at,
                           struct errinfo *ei)
{
    struct conf_origin *o;
    char *file;

    if (l->from->origins == NULL)
        return ERR_OK;
    file = strdup(at->file);
    if (file == NULL)
        return err_nomem(ei);
    o = &l->from->origins[k - l->table->keys];
    free(o->file);
    *o = (struct conf_origin){.file = file, .line = at->line};
    return ERR_OK;
}

static enum err apply_key(struct load *l, const char *section, const char *name, struct errinfo *ei)
{
    struct conf_place at = {.file = l->file, .folder = l->folder};
    struct value_obj *vo = NULL;
    const struct conf_key *k;
    bool section_known;
    int failed = 0;
    const char *value;
    enum err e;

    if (ini_get_config_valueobj(section, name, l->ini, INI_GET_FIRST_VALUE, &vo) != 0 || vo == NULL)
        return err_fail(ei, ERR_CONFIG, "%s: [%s] %s: no value", l->file, section, name);
    value_get_line(vo, &at.line);
    k = find_key(l, section, name, &section_known);
    if (k == NULL && section_known)
        return err_fail(ei, ERR_CONFIG, "%s:%u: unknown key \"%s\" in section [%s]", l->file,
                        at.line, name, section);
    if (k == NULL)
        return err_fail(ei, ERR_CONFIG, "%s:%u: unknown section [%s]", l->file, at.line, section);
    value = ini_get_const_string_config_value(vo, &failed);
    e = conf_set(k, failed != 0 || value == NULL ? "" : value, l->out, &at, ei);
    return e == ERR_OK ? set_origin(l, k, &at, ei) : e;
}

static void apply_section(struct load *l, const char *section)
{
    int count = 0, failed = 0;
    char **names = ini_get_attribute_list(l->ini, section, &count, &failed);

    for (int i = 0; names != NULL && i < count; i++) {
        struct errinfo ei = {0};

        if (apply_key(l, section, names[i], &ei) != ERR_OK)
            note(l, &ei);
    }
    ini_free_attribute_list(names);
}

/* ---- one file ---- */

/* Empties a line, and if it was to begin a section all that would be of it: what follows belongs to
 * no other. False: it was empty, or there is none such. */
static bool strike(struct buf *text, unsigned line)
{
    char *at = (char *)text->data, *end = at + text->len, *next;
    bool header, any = false;

    for (; line > 1 && at != NULL; line--) {
        next = memchr(at, '\n', (size_t)(end - at));
        at = next == NULL ? NULL : next + 1;
    }
    header = at != NULL && at < end && *at == '[';
    while (at != NULL && at < end) {
        next = memchr(at, '\n', (size_t)(end - at));
        for (char *c = at; c < (next == NULL ? end : next); c++) {
            any = any || *c != ' ';
            *c = ' ';
        }
        at = next == NULL ? NULL : next + 1;
        if (!header || at == NULL || at == end || *at == '[')
            break;
    }
    return any;
}

/* Of a line that was struck out all was told. */
static void note_parse_error(struct load *l, unsigned line, const char *why, bool struck)
{
    struct errinfo ei = {0};

    if (l->misread && !struck)
        return;
    if (line > 0)
        err_fail(&ei, ERR_CONFIG, "%s:%u: %s", l->file, line, why);
    else
        err_fail(&ei, ERR_CONFIG, "%s: %s", l->file, why);
    note(l, &ei);
}

/* The library reports "Error (N) on line L: text"; ours begin with the place. Strikes those lines
 * out of text; false: there was nothing more to strike. */
static bool note_parse_errors(struct load *l, int rc, struct buf *text)
{
    unsigned number, line;
    char **list = NULL, why[256];
    bool told = false, any = false;

    if (ini_config_get_errors(l->ini, &list) != 0)
        list = NULL;
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        bool struck;

        if (sscanf(list[i], "Error (%u) on line %u: %255[^\n]", &number, &line, why) != 3)
            continue;
        struck = strike(text, line);
        note_parse_error(l, line, why, struck);
        told = true;
        any = any || struck;
    }
    ini_config_free_errors(list);
    if (!told)
        note_parse_error(
            l, 0, rc == EEXIST ? "a key stands twice in one section" : "not a readable INI file",
            false);
    l->misread = true;
    return any;
}

/* 0 if the library takes all of it, else what it said, which was told; *again: without the lines
 * that it was about, it may take the rest. */
static int parse_text(struct load *l, struct buf *text, bool *again)
{
    struct ini_cfgfile *file = NULL;
    int rc = ini_config_file_from_mem(text->data, (uint32_t)text->len, &file);

    *again = false;
    if (rc == 0)
        rc = ini_config_parse(file, INI_STOP_ON_NONE, INI_MV1S_ERROR | INI_MS_MERGE,
                              INI_PARSE_NOWRAP, l->ini);
    if (rc != 0 || ini_config_error_count(l->ini) > 0) {
        *again = note_parse_errors(l, rc, text);
        rc = rc == 0 ? EINVAL : rc;
    }
    if (file != NULL)
        ini_config_file_destroy(file);
    return rc;
}

static void apply_sections(struct load *l)
{
    int count = 0, failed = 0;
    char **sections = ini_get_section_list(l->ini, &count, &failed);

    for (int i = 0; sections != NULL && i < count; i++)
        apply_section(l, sections[i]);
    if (sections != NULL)
        ini_free_section_list(sections);
}

#define READINGS_MAX 32 /* of one file: each key that stands twice ends one */

/* What the library cannot read does not hide what else is wrong: of a file with a mistake it keeps
 * nothing, so the file is read again without that. */
static void apply_lines(struct load *l, struct buf *text)
{
    bool again = true;

    l->misread = false;
    for (unsigned i = 0; again && i < READINGS_MAX; i++) {
        if (ini_config_create(&l->ini) != 0) {
            note_nomem(l);
            return;
        }
        if (parse_text(l, text, &again) == 0)
            apply_sections(l);
        ini_config_destroy(l->ini);
    }
}

static void apply_text(struct load *l, const struct buf *text)
{
    struct buf copy = BUF_INIT;

    buf_add(&copy, text->data, text->len);
    if (buf_str(&copy) == NULL)
        note_nomem(l);
    else
        apply_lines(l, &copy);
    buf_fini(&copy);
}

/* Takes what text holds. */
static bool keep_text(struct conf_files *f, const char *path, struct buf *text)
{
    struct conf_text *v = realloc(f->v, (f->n + 1) * sizeof(*v));
    char *copy = strdup(path);

    if (v != NULL)
        f->v = v;
    if (v == NULL || copy == NULL) {
        free(copy);
        return false;
    }
    v[f->n++] = (struct conf_text){.path = copy, .text = *text};
    *text = (struct buf)BUF_INIT;
    return true;
}

static void apply_file(struct load *l, const char *path, bool optional)
{
    struct errinfo ei = {0};
    struct buf text = BUF_INIT;
    enum err e = file_read(path, CONF_FILE_MAX, &text, &ei);

    l->file = path;
    if (e == ERR_OK && buf_str(&text) == NULL) {
        note_nomem(l);
    } else if (e == ERR_OK) {
        apply_text(l, &text);
        if (l->from->keep != NULL && !keep_text(l->from->keep, path, &text))
            note_nomem(l);
    } else if (e != ERR_NOTFOUND || !optional) {
        err_context(&ei, "read configuration");
        if (e == ERR_NOTFOUND)
            err_fail(&ei, ERR_CONFIG,
                     "%s; name one with --config (\"adbactl lab up DIR\" writes one)", ei.text);
        note(l, &ei);
    }
    buf_fini(&text);
}

/* ---- the folder beside it ---- */

static int is_fragment(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return d->d_name[0] != '.' && n > strlen(".conf") &&
           strcmp(d->d_name + n - strlen(".conf"), ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void apply_fragment(struct load *l, const char *folder, const char *name)
{
    char *path;

    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        note_nomem(l);
        return;
    }
    apply_file(l, path, false);
    free(path);
}

static void apply_folder(struct load *l, const char *folder)
{
    struct dirent **list = NULL;
    int n = scandir(folder, &list, is_fragment, by_name);

    if (n < 0 && errno != ENOENT && errno != ENOTDIR) {
        struct errinfo ei = {0};

        err_fail_errno(&ei, errno, "read configuration folder %s", folder);
        note(l, &ei);
    }
    for (int i = 0; i < n; i++) {
        apply_fragment(l, folder, list[i]->d_name);
        free(list[i]);
    }
    free(list);
}

/* ---- all of it ---- */

static void apply_defaults(struct load *l)
{
    static const struct conf_place built_in = {.file = "built-in default"};

    for (size_t i = 0; i < l->table->n; i++) {
        const struct conf_key *k = &l->table->keys[i];
        struct errinfo ei = {0};

        if (k->def != NULL && conf_set(k, k->def, l->out, &built_in, &ei) != ERR_OK)
            note(l, &ei);
    }
}

static void apply_kept(struct load *l)
{
    for (size_t i = 0; i < l->from->from->n; i++) {
        l->file = l->from->from->v[i].path;
        apply_text(l, &l->from->from->v[i].text);
    }
}

static void apply_files(struct load *l)
{
    const char *path = l->from->path, *slash = strrchr(path, '/');
    char *fragments;

    l->folder = slash == NULL ? NULL : strndup(path, (size_t)(slash - path));
    if ((slash != NULL && l->folder == NULL) ||
        asprintf(&fragments, "%.*s" CONF_FOLDER, slash == NULL ? 0 : (int)(slash - path + 1),
                 path) < 0) {
        note_nomem(l);
        return;
    }
    if (l->from->from != NULL) {
        apply_kept(l);
    } else {
        apply_file(l, path, l->from->optional);
        apply_folder(l, fragments);
    }
    free(fragments);
}

enum err conf_load(const struct conf_source *from, const struct conf_table *t, void *out,
                   struct errinfo *ei)
{
    struct load l = {.from = from, .table = t, .out = out, .ei = ei};

    apply_defaults(&l);
    if (from->path != NULL)
        apply_files(&l);
    free(l.folder);
    if (l.e != ERR_OK)
        conf_free(t, out);
    return l.e;
}

void conf_free(const struct conf_table *t, void *out)
{
    for (size_t i = 0; i < t->n; i++)
        conf_clear(&t->keys[i], out);
}

void conf_origins_free(struct conf_origin *origins, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(origins[i].file);
    memset(origins, 0, n * sizeof(*origins));
}
