#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "cli/cli.h"

unsigned text_distance(const char *a, const char *b)
{
    unsigned row[64], last, diagonal;
    size_t lb = strlen(b);

    if (lb >= 64)
        return 64;
    for (unsigned j = 0; j <= lb; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= lb; j++) {
            unsigned change =
                diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));

            diagonal = row[j];
            last = row[j - 1] < row[j] ? row[j - 1] : row[j];
            row[j] = last + 1 < change ? last + 1 : change;
        }
    }
    return row[lb];
}

static const struct opt *find(const struct opt *opts, const char *name, size_t len)
{
    for (; opts->name != NULL; opts++) {
        if (strlen(opts->name) == len && memcmp(opts->name, name, len) == 0)
            return opts;
    }
    return NULL;
}

static enum err unknown(const struct opt *opts, const char *given, size_t len, struct errinfo *ei)
{
    const char *nearest = NULL;
    unsigned best = 3;
    char name[64];

    snprintf(name, sizeof(name), "%.*s", (int)len, given);
    for (; opts->name != NULL; opts++) {
        unsigned d = text_distance(name, opts->name);

        if (d < best) {
            best = d;
            nearest = opts->name;
        }
    }
    if (nearest != NULL)
        return err_fail(ei, ERR_USAGE, "unknown option --%s; did you mean --%s?", name, nearest);
    return err_fail(ei, ERR_USAGE, "unknown option --%s", name);
}

static enum err set_uint(const struct opt *o, const char *value, struct errinfo *ei)
{
    char *end;
    unsigned long v;
    uint32_t max = o->max != 0 ? o->max : UINT32_MAX;

    errno = 0;
    v = strtoul(value, &end, 10);
    if (!isdigit((unsigned char)value[0]) || *end != '\0' || errno != 0 || v < o->min || v > max)
        return err_fail(ei, ERR_USAGE, "--%s takes a whole number from %u to %u, not \"%s\"",
                        o->name, o->min, max, value);
    *(uint32_t *)o->dest = (uint32_t)v;
    return ERR_OK;
}

static enum err add_text(const struct opt *o, const char *value, struct errinfo *ei)
{
    struct opt_texts *t = o->dest;

    if (t->n == OPT_TEXTS_MAX)
        return err_fail(ei, ERR_USAGE, "--%s is given more than %d times", o->name, OPT_TEXTS_MAX);
    t->v[t->n++] = value;
    return ERR_OK;
}

static enum err set_option(const struct opt *o, const char *value, struct errinfo *ei)
{
    switch (o->type) {
    case OPT_FLAG:
        *(bool *)o->dest = true;
        return ERR_OK;
    case OPT_STRING:
        *(const char **)o->dest = value;
        return ERR_OK;
    case OPT_UINT:
        return set_uint(o, value, ei);
    case OPT_TEXTS:
        return add_text(o, value, ei);
    case OPT_DURATION:
        if (clk_parse_duration(value, o->dest) != 0)
            return err_fail(ei, ERR_USAGE,
                            "--%s takes a time with its unit, such as 90m or 7d, not \"%s\"",
                            o->name, value);
        return ERR_OK;
    }
    return err_fail(ei, ERR_INTERNAL, "option --%s has no known type", o->name);
}

/* argv[*i] begins with "--"; moves *i on when the value is the next argument. */
static enum err take_option(const struct opt *opts, int argc, char **argv, int *i,
                            struct errinfo *ei)
{
    const char *name = argv[*i] + 2;
    size_t len = strcspn(name, "=");
    const struct opt *o = find(opts, name, len);
    const char *value = name[len] == '=' ? name + len + 1 : NULL;

    if (o == NULL)
        return unknown(opts, name, len, ei);
    if (o->type == OPT_FLAG && value != NULL)
        return err_fail(ei, ERR_USAGE, "--%s takes no value", o->name);
    if (o->type != OPT_FLAG && value == NULL) {
        if (*i + 1 >= argc)
            return err_fail(ei, ERR_USAGE, "--%s needs a value: --%s %s", o->name, o->name,
                            o->metavar);
        value = argv[++*i];
    }
    return set_option(o, value, ei);
}

enum err opt_parse(const struct opt *opts, int *argc, char **argv, struct errinfo *ei)
{
    bool ended = false;
    int kept = 0;

    for (int i = 0; i < *argc; i++) {
        enum err e;

        if (ended || strncmp(argv[i], "--", 2) != 0) {
            argv[kept++] = argv[i];
        } else if (argv[i][2] == '\0') {
            ended = true;
        } else {
            e = take_option(opts, *argc, argv, &i, ei);
            if (e != ERR_OK)
                return e;
        }
    }
    *argc = kept;
    return ERR_OK;
}
