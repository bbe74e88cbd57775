#include "base/conf_value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clk.h"

/* ---- what fits ---- */

static bool bounded(const struct conf_key *k)
{
    return k->min != 0 || k->max != 0;
}

static const char *choices_text(const struct conf_key *k, char text[CONF_RANGE_MAX])
{
    size_t len = (size_t)snprintf(text, CONF_RANGE_MAX, "one of");

    for (size_t i = 0; k->choices[i] != NULL && len < CONF_RANGE_MAX; i++)
        len += (size_t)snprintf(text + len, CONF_RANGE_MAX - len, "%s %s", i == 0 ? "" : ",",
                                k->choices[i]);
    return text;
}

const char *conf_range(const struct conf_key *k, char text[CONF_RANGE_MAX])
{
    char low[CLK_TEXT_MAX], high[CLK_TEXT_MAX];

    switch (k->type) {
    case CONF_STRING:
        return "a text";
    case CONF_PATH:
        return "a path";
    case CONF_BOOL:
        return "yes or no";
    case CONF_UINT:
        snprintf(text, CONF_RANGE_MAX, "a whole number from %" PRId64 " to %" PRId64 "%s%s%s",
                 k->min, bounded(k) ? k->max : (int64_t)UINT32_MAX, k->unit == NULL ? "" : " (",
                 k->unit == NULL ? "" : k->unit, k->unit == NULL ? "" : ")");
        return text;
    case CONF_DURATION:
        if (!bounded(k))
            return "a time with its unit (s, m, h or d)";
        snprintf(text, CONF_RANGE_MAX, "a time from %s to %s", clk_format_duration(k->min, low),
                 clk_format_duration(k->max, high));
        return text;
    case CONF_ENUM:
        return choices_text(k, text);
    case CONF_LIST:
        return "a list, with commas between";
    }
    return "";
}

static enum err bad_value(struct errinfo *ei, const struct conf_place *at, const struct conf_key *k,
                          const char *value)
{
    char range[CONF_RANGE_MAX];

    return err_fail(ei, ERR_CONFIG, "%s:%u: [%s] %s = \"%s\": expected %s", at->file, at->line,
                    k->section, k->name, value, conf_range(k, range));
}

static bool in_range(const struct conf_key *k, int64_t v)
{
    return !bounded(k) || (v >= k->min && v <= k->max);
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

static bool parse_uint(const struct conf_key *k, const char *value, uint32_t *out)
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)value[0]) || *end != '\0' || errno != 0 || v > UINT32_MAX ||
        !in_range(k, (int64_t)v))
        return false;
    *out = (uint32_t)v;
    return true;
}

static bool parse_enum(const struct conf_key *k, const char *value, int *out)
{
    for (int i = 0; k->choices[i] != NULL; i++) {
        if (strcasecmp(value, k->choices[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static enum err set_duration(const struct conf_key *k, const char *value, int64_t *out,
                             const struct conf_place *at, struct errinfo *ei)
{
    int64_t v;

    if (clk_parse_duration(value, &v) != 0)
        return err_fail(ei, ERR_CONFIG,
                        "%s:%u: [%s] %s = \"%s\": expected a time with its unit (s, m, h or d), "
                        "such as 120m",
                        at->file, at->line, k->section, k->name, value);
    if (!in_range(k, v))
        return bad_value(ei, at, k, value);
    *out = v;
    return ERR_OK;
}

static enum err read_text(const struct conf_key *k, const char *value, const char *folder,
                          char **out, struct errinfo *ei)
{
    bool whole = k->type != CONF_PATH || value[0] == '/' || folder == NULL;

    if (asprintf(out, "%s%s%s", whole ? "" : folder, whole ? "" : "/", value) < 0)
        return err_nomem(ei);
    return ERR_OK;
}

/* ---- lists ---- */

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

static enum err read_list(const char *value, struct conf_list *out, struct errinfo *ei)
{
    struct conf_list l = {0};

    while (*value != '\0') {
        size_t len;

        value += strspn(value, " \t,");
        len = strcspn(value, ",");
        if (!list_add(&l, value, len)) {
            list_fini(&l);
            return err_nomem(ei);
        }
        value += len;
    }
    *out = l;
    return ERR_OK;
}

static char *list_text(const struct conf_list *l)
{
    size_t size = 1;
    char *text, *end;

    for (size_t i = 0; i < l->n; i++)
        size += strlen(l->v[i]) + 2;
    text = end = malloc(size);
    for (size_t i = 0; text != NULL && i < l->n; i++) {
        if (i > 0)
            end = stpcpy(end, ", ");
        end = stpcpy(end, l->v[i]);
    }
    return text;
}

static bool list_equal(const struct conf_list *a, const struct conf_list *b)
{
    bool equal = a->n == b->n;

    for (size_t i = 0; equal && i < a->n; i++)
        equal = strcmp(a->v[i], b->v[i]) == 0;
    return equal;
}

/* ---- what is owned ---- */

union owned {
    char *text;
    struct conf_list list;
};

static void clear_owned(const struct conf_key *k, void *member)
{
    if (k->type == CONF_LIST) {
        list_fini(member);
    } else {
        free(*(char **)member);
        *(char **)member = NULL;
    }
}

static enum err judge(const struct conf_key *k, const union owned *value,
                      const struct conf_place *at, struct errinfo *ei)
{
    enum err e = k->check != NULL ? k->check(value, ei) : ERR_OK;

    return e == ERR_OK ? e
                       : err_context(ei, "%s:%u: [%s] %s", at->file, at->line, k->section, k->name);
}

/* It takes the place of what was there once it is found good. */
static enum err set_owned(const struct conf_key *k, const char *value, void *member,
                          const struct conf_place *at, struct errinfo *ei)
{
    union owned now = {0};
    enum err e = k->type == CONF_LIST ? read_list(value, &now.list, ei)
                                      : read_text(k, value, at->folder, &now.text, ei);

    if (e != ERR_OK)
        return e;
    e = judge(k, &now, at, ei);
    if (e != ERR_OK) {
        clear_owned(k, &now);
        return e;
    }
    clear_owned(k, member);
    memcpy(member, &now, k->type == CONF_LIST ? sizeof(now.list) : sizeof(now.text));
    return ERR_OK;
}

/* ---- any type ---- */

static void *member_of(const struct conf_key *k, void *in)
{
    return (char *)in + k->offset;
}

static const void *const_member_of(const struct conf_key *k, const void *in)
{
    return (const char *)in + k->offset;
}

enum err conf_set(const struct conf_key *k, const char *value, void *out,
                  const struct conf_place *at, struct errinfo *ei)
{
    void *member = member_of(k, out);
    bool good = true;

    switch (k->type) {
    case CONF_STRING:
    case CONF_PATH:
    case CONF_LIST:
        return set_owned(k, value, member, at, ei);
    case CONF_DURATION:
        return set_duration(k, value, member, at, ei);
    case CONF_BOOL:
        good = parse_bool(value, member);
        break;
    case CONF_UINT:
        good = parse_uint(k, value, member);
        break;
    case CONF_ENUM:
        good = parse_enum(k, value, member);
        break;
    }
    return good ? ERR_OK : bad_value(ei, at, k, value);
}

void conf_clear(const struct conf_key *k, void *out)
{
    if (k->type == CONF_STRING || k->type == CONF_PATH || k->type == CONF_LIST)
        clear_owned(k, member_of(k, out));
}

/* In the largest unit that divides it. */
static int duration_text(int64_t v, char **text)
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{CLK_DAY, 'd'}, {CLK_HOUR, 'h'}, {CLK_MINUTE, 'm'}, {1, 's'}};
    size_t i = 0;

    while (v == 0 ? units[i].unit != 's' : v % units[i].seconds != 0)
        i++;
    return asprintf(text, "%" PRId64 "%c", v / units[i].seconds, units[i].unit);
}

enum err conf_text(const struct conf_key *k, const void *in, char **text)
{
    const void *m = const_member_of(k, in);
    const char *word = NULL;
    int rc = 0;

    *text = NULL;
    switch (k->type) {
    case CONF_STRING:
    case CONF_PATH:
        word = *(const char *const *)m;
        break;
    case CONF_BOOL:
        word = *(const bool *)m ? "yes" : "no";
        break;
    case CONF_ENUM:
        word = k->choices[*(const int *)m];
        break;
    case CONF_UINT:
        rc = asprintf(text, "%" PRIu32, *(const uint32_t *)m);
        break;
    case CONF_DURATION:
        rc = duration_text(*(const int64_t *)m, text);
        break;
    case CONF_LIST:
        if (((const struct conf_list *)m)->n > 0)
            rc = (*text = list_text(m)) == NULL ? -1 : 0;
        break;
    }
    if (word != NULL)
        rc = (*text = strdup(word)) == NULL ? -1 : 0;
    return rc < 0 ? ERR_NOMEM : ERR_OK;
}

bool conf_equal(const struct conf_key *k, const void *a, const void *b)
{
    const void *x = const_member_of(k, a), *y = const_member_of(k, b);
    const char *s, *t;

    switch (k->type) {
    case CONF_STRING:
    case CONF_PATH:
        s = *(const char *const *)x;
        t = *(const char *const *)y;
        return s == NULL || t == NULL ? s == t : strcmp(s, t) == 0;
    case CONF_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case CONF_UINT:
        return *(const uint32_t *)x == *(const uint32_t *)y;
    case CONF_DURATION:
        return *(const int64_t *)x == *(const int64_t *)y;
    case CONF_ENUM:
        return *(const int *)x == *(const int *)y;
    case CONF_LIST:
        return list_equal(x, y);
    }
    return false;
}

/* ---- from one struct to another ---- */

static enum err list_copy(const struct conf_list *from, struct conf_list *to)
{
    struct conf_list l = {0};

    for (size_t i = 0; i < from->n; i++) {
        if (!list_add(&l, from->v[i], strlen(from->v[i]))) {
            list_fini(&l);
            return ERR_NOMEM;
        }
    }
    list_fini(to);
    *to = l;
    return ERR_OK;
}

static enum err text_copy(const char *from, char **to)
{
    char *copy = from != NULL ? strdup(from) : NULL;

    if (from != NULL && copy == NULL)
        return ERR_NOMEM;
    free(*to);
    *to = copy;
    return ERR_OK;
}

enum err conf_copy(const struct conf_key *k, const void *from, void *to)
{
    const void *x = const_member_of(k, from);
    void *y = member_of(k, to);

    switch (k->type) {
    case CONF_STRING:
    case CONF_PATH:
        return text_copy(*(const char *const *)x, y);
    case CONF_LIST:
        return list_copy(x, y);
    case CONF_BOOL:
        *(bool *)y = *(const bool *)x;
        break;
    case CONF_UINT:
        *(uint32_t *)y = *(const uint32_t *)x;
        break;
    case CONF_DURATION:
        *(int64_t *)y = *(const int64_t *)x;
        break;
    case CONF_ENUM:
        *(int *)y = *(const int *)x;
        break;
    }
    return ERR_OK;
}
