#include "base/conf.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ini_configobj.h>
#include <ini_valueobj.h>

#include "base/clk.h"
#include "base/file.h"

#define CONF_FILE_MAX ((size_t)1024 * 1024)

/* Where a value stands, for messages; line 0 is a built-in default. */
struct place {
    const char *path;
    unsigned line;
};

static enum err bad_value(struct errinfo *ei, const struct place *at, const struct conf_key *k,
                          const char *value, const char *expected)
{
    return err_fail(ei, ERR_CONFIG, "%s:%u: [%s] %s = \"%s\": expected %s", at->path, at->line,
                    k->section, k->name, value, expected);
}

/* ---- one parser per type ---- */

static bool parse_bool(const char *value, bool *out)
{
    static const char *const words[2][4] = {{"no", "false", "off", "0"},
                                            {"yes", "true", "on", "1"}};

    for (int truth = 0; truth < 2; truth++) {
        for (int i = 0; i < 4; i++) {
            if (strcasecmp(value, words[truth][i]) == 0) {
                *out = truth != 0;
                return true;
            }
        }
    }
    return false;
}

static bool in_range(const struct conf_key *k, int64_t v)
{
    return (k->min == 0 && k->max == 0) || (v >= k->min && v <= k->max);
}

static enum err set_uint(const struct conf_key *k, const char *value, uint32_t *out,
                         const struct place *at, struct errinfo *ei)
{
    char expected[80], *end;
    unsigned long long v;
    int64_t max = k->max != 0 ? k->max : UINT32_MAX;

    errno = 0;
    v = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)value[0]) || *end != '\0' || errno != 0 || v > UINT32_MAX ||
        !in_range(k, (int64_t)v)) {
        snprintf(expected, sizeof(expected), "a whole number from %" PRId64 " to %" PRId64, k->min,
                 max);
        return bad_value(ei, at, k, value, expected);
    }
    *out = (uint32_t)v;
    return ERR_OK;
}

static enum err set_duration(const struct conf_key *k, const char *value, int64_t *out,
                             const struct place *at, struct errinfo *ei)
{
    char expected[200], low[CLK_TEXT_MAX], high[CLK_TEXT_MAX];
    int64_t v;

    if (clk_parse_duration(value, &v) != 0)
        return bad_value(ei, at, k, value, "a time with its unit (s, m, h or d), such as 120m");
    if (!in_range(k, v)) {
        snprintf(expected, sizeof(expected), "a time from %s to %s",
                 clk_format_duration(k->min, low), clk_format_duration(k->max, high));
        return bad_value(ei, at, k, value, expected);
    }
    *out = v;
    return ERR_OK;
}

static enum err set_enum(const struct conf_key *k, const char *value, int *out,
                         const struct place *at, struct errinfo *ei)
{
    char expected[200] = "one of";

    for (int i = 0; k->choices[i] != NULL; i++) {
        size_t len = strlen(expected);

        if (strcasecmp(value, k->choices[i]) == 0) {
            *out = i;
            return ERR_OK;
        }
        snprintf(expected + len, sizeof(expected) - len, "%s %s", i == 0 ? "" : ",", k->choices[i]);
    }
    return bad_value(ei, at, k, value, expected);
}

static enum err set_text(char **out, const char *value, struct errinfo *ei)
{
    char *copy = strdup(value);

    if (copy == NULL)
        return err_nomem(ei);
    free(*out);
    *out = copy;
    return ERR_OK;
}

static enum err set_path(char **out, const char *value, const char *conf_path, struct errinfo *ei)
{
    const char *slash = conf_path == NULL ? NULL : strrchr(conf_path, '/');
    char *copy;

    if (value[0] == '/' || slash == NULL)
        return set_text(out, value, ei);
    if (asprintf(&copy, "%.*s/%s", (int)(slash - conf_path), conf_path, value) < 0)
        return err_nomem(ei);
    free(*out);
    *out = copy;
    return ERR_OK;
}

static void list_fini(struct conf_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (struct conf_list){0};
}

static bool list_add(struct conf_list *l, const char *text, size_t len)
{
    char **bigger;

    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    if (len == 0)
        return true;
    bigger = realloc(l->v, (l->n + 1) * sizeof(*bigger));
    if (bigger == NULL)
        return false;
    l->v = bigger;
    l->v[l->n] = strndup(text, len);
    return l->v[l->n] != NULL && ++l->n > 0;
}

static enum err set_list(struct conf_list *out, const char *value, struct errinfo *ei)
{
    list_fini(out);
    while (*value != '\0') {
        size_t len;

        value += strspn(value, " \t,");
        len = strcspn(value, ",");
        if (!list_add(out, value, len))
            return err_nomem(ei);
        value += len;
    }
    return ERR_OK;
}

static enum err set_value(const struct conf_key *k, const char *value, void *out,
                          const struct place *at, struct errinfo *ei)
{
    void *member = (char *)out + k->offset;

    switch (k->type) {
    case CONF_STRING:
        return set_text(member, value, ei);
    case CONF_PATH:
        return set_path(member, value, at->line == 0 ? NULL : at->path, ei);
    case CONF_BOOL:
        return parse_bool(value, member) ? ERR_OK : bad_value(ei, at, k, value, "yes or no");
    case CONF_UINT:
        return set_uint(k, value, member, at, ei);
    case CONF_DURATION:
        return set_duration(k, value, member, at, ei);
    case CONF_ENUM:
        return set_enum(k, value, member, at, ei);
    case CONF_LIST:
        return set_list(member, value, ei);
    }
    return err_fail(ei, ERR_INTERNAL, "[%s] %s has no known type", k->section, k->name);
}

/* ---- the file ---- */

struct load {
    const char *path;
    const struct conf_key *table;
    size_t n;
    void *out;
    struct ini_cfgobj *ini;
};

static const struct conf_key *find_key(const struct load *l, const char *section, const char *name,
                                       bool *section_known)
{
    *section_known = false;
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->table[i].section, section) != 0)
            continue;
        *section_known = true;
        if (strcmp(l->table[i].name, name) == 0)
            return &l->table[i];
    }
    return NULL;
}

static enum err apply_key(struct load *l, const char *section, const char *name, struct errinfo *ei)
{
    struct place at = {.path = l->path};
    struct value_obj *vo = NULL;
    const struct conf_key *k;
    bool section_known;
    int failed = 0;
    const char *value;

    if (ini_get_config_valueobj(section, name, l->ini, INI_GET_FIRST_VALUE, &vo) != 0 || vo == NULL)
        return err_fail(ei, ERR_CONFIG, "%s: [%s] %s: no value", l->path, section, name);
    value_get_line(vo, &at.line);
    k = find_key(l, section, name, &section_known);
    if (k == NULL && section_known)
        return err_fail(ei, ERR_CONFIG, "%s:%u: unknown key \"%s\" in section [%s]", l->path,
                        at.line, name, section);
    if (k == NULL)
        return err_fail(ei, ERR_CONFIG, "%s:%u: unknown section [%s]", l->path, at.line, section);
    value = ini_get_const_string_config_value(vo, &failed);
    if (failed != 0 || value == NULL)
        value = "";
    return set_value(k, value, l->out, &at, ei);
}

static enum err apply_section(struct load *l, const char *section, struct errinfo *ei)
{
    enum err e = ERR_OK;
    int count = 0, failed = 0;
    char **names = ini_get_attribute_list(l->ini, section, &count, &failed);

    for (int i = 0; e == ERR_OK && names != NULL && i < count; i++)
        e = apply_key(l, section, names[i], ei);
    ini_free_attribute_list(names);
    return e;
}

/* The library reports "Error (N) on line L: text"; ours begin with the place. */
static enum err parse_failure(const struct load *l, int rc, struct errinfo *ei)
{
    enum err e;
    char **list = NULL, text[256];
    unsigned number, line = 0;

    if (ini_config_get_errors(l->ini, &list) == 0 && list != NULL && list[0] != NULL &&
        sscanf(list[0], "Error (%u) on line %u: %255[^\n]", &number, &line, text) == 3)
        e = err_fail(ei, ERR_CONFIG, "%s:%u: %s", l->path, line, text);
    else if (rc == EEXIST)
        e = err_fail(ei, ERR_CONFIG, "%s: a key stands twice in one section", l->path);
    else
        e = err_fail(ei, ERR_CONFIG, "%s: not a readable INI file", l->path);
    ini_config_free_errors(list);
    return e;
}

static enum err parse_file(struct load *l, struct errinfo *ei)
{
    struct ini_cfgfile *file = NULL;
    struct buf text = BUF_INIT;
    enum err e = file_read(l->path, CONF_FILE_MAX, &text, ei);
    int rc;

    if (e != ERR_OK) {
        if (ei != NULL)
            err_context(ei, "read configuration");
        if (e == ERR_NOTFOUND && ei != NULL)
            err_fail(ei, ERR_CONFIG,
                     "%s; name one with --config (\"adbactl lab up DIR\" writes one)", ei->text);
        e = e == ERR_NOTFOUND ? ERR_CONFIG : e;
        goto out;
    }
    if (buf_str(&text) == NULL) {
        e = err_nomem(ei);
        goto out;
    }
    rc = ini_config_file_from_mem(text.data, (uint32_t)text.len, &file);
    if (rc == 0)
        rc = ini_config_parse(file, INI_STOP_ON_ANY, INI_MV1S_ERROR | INI_MS_MERGE,
                              INI_PARSE_NOWRAP, l->ini);
    if (rc != 0)
        e = parse_failure(l, rc, ei);
out:
    if (file != NULL)
        ini_config_file_destroy(file);
    buf_fini(&text);
    return e;
}

static enum err apply_file(struct load *l, struct errinfo *ei)
{
    char **sections = NULL;
    int count = 0, failed = 0;
    enum err e;

    if (ini_config_create(&l->ini) != 0)
        return err_nomem(ei);
    e = parse_file(l, ei);
    if (e == ERR_OK)
        sections = ini_get_section_list(l->ini, &count, &failed);
    for (int i = 0; e == ERR_OK && sections != NULL && i < count; i++)
        e = apply_section(l, sections[i], ei);
    if (sections != NULL)
        ini_free_section_list(sections);
    ini_config_destroy(l->ini);
    return e;
}

static enum err apply_defaults(struct load *l, struct errinfo *ei)
{
    static const struct place built_in = {.path = "built-in default"};
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < l->n; i++) {
        if (l->table[i].def != NULL)
            e = set_value(&l->table[i], l->table[i].def, l->out, &built_in, ei);
    }
    return e;
}

enum err conf_load(const char *path, const struct conf_key *table, size_t n, void *out,
                   struct errinfo *ei)
{
    struct load l = {.path = path, .table = table, .n = n, .out = out};
    enum err e = apply_defaults(&l, ei);

    if (e == ERR_OK && path != NULL)
        e = apply_file(&l, ei);
    if (e != ERR_OK)
        conf_free(table, n, out);
    return e;
}

void conf_free(const struct conf_key *table, size_t n, void *out)
{
    for (size_t i = 0; i < n; i++) {
        void *member = (char *)out + table[i].offset;

        if (table[i].type == CONF_STRING || table[i].type == CONF_PATH) {
            free(*(char **)member);
            *(char **)member = NULL;
        } else if (table[i].type == CONF_LIST) {
            list_fini(member);
        }
    }
}
