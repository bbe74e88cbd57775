#include <string.h>

#include "catalog/internal.h"

/* Not tolower(): names must not depend on the locale. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The length of prefix if text starts with it, else 0. */
static size_t starts_with(const char *text, const char *prefix)
{
    size_t i = 0;

    while (prefix[i] != '\0' && lower(text[i]) == lower(prefix[i]))
        i++;
    return prefix[i] == '\0' ? i : 0;
}

bool name_equal(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

bool names_match(const struct names *n, const char *text)
{
    if (name_equal(n->name, text))
        return true;
    for (size_t i = 0; i < n->alias_count; i++)
        if (name_equal(n->aliases[i], text))
            return true;
    return false;
}

static bool match_rest(const char *first, const struct names *second, const char *text)
{
    size_t len = starts_with(text, first);

    return len != 0 && text[len] == ' ' && names_match(second, text + len + 1);
}

bool names_match_pair(const struct names *a, const struct names *b, const char *text)
{
    if (match_rest(a->name, b, text))
        return true;
    for (size_t i = 0; i < a->alias_count; i++)
        if (match_rest(a->aliases[i], b, text))
            return true;
    return false;
}

static size_t parts_of(const char *text)
{
    size_t n = *text != '\0';

    for (; *text != '\0'; text++)
        n += *text == ';';
    return n;
}

enum err names_add(struct catalog *cat, struct names *n, const struct csv *c, const char *text,
                   struct errinfo *ei)
{
    size_t count = n->alias_count + parts_of(text);
    const char **list;

    if (*text == '\0')
        return ERR_OK;
    list = arena_alloc(&cat->mem, count * sizeof(*list));
    if (list == NULL)
        return err_nomem(ei);
    for (size_t i = 0; i < n->alias_count; i++)
        list[i] = n->aliases[i];
    for (size_t i = n->alias_count; i < count; i++) {
        size_t len = strcspn(text, ";");

        if (len == 0 || text[0] == ' ' || text[len - 1] == ' ')
            return csv_fail(c, ei, "an alias of \"%s\" is empty or has a blank at its edge",
                            n->name);
        list[i] = arena_strndup(&cat->mem, text, len);
        if (list[i] == NULL)
            return err_nomem(ei);
        text += len + (text[len] == ';');
    }
    n->aliases = list;
    n->alias_count = count;
    return ERR_OK;
}

bool names_clash(const struct names *a, const struct names *b)
{
    if (names_match(a, b->name))
        return true;
    for (size_t i = 0; i < b->alias_count; i++)
        if (names_match(a, b->aliases[i]))
            return true;
    return false;
}

/* A name longer than this is not a mistyped one of ours. */
#define WANTED_MAX 80

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Levenshtein's distance, row by row. */
size_t name_distance(const char *a, const char *b)
{
    size_t row[WANTED_MAX + 1];
    size_t len = strlen(b);

    if (len > WANTED_MAX)
        return len;
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 1; *a != '\0'; a++, i++) {
        size_t corner = row[0]; /* of the row before, one to the left */

        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            size_t above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1, corner + (lower(*a) != lower(b[j - 1])));
            corner = above;
        }
    }
    return row[len];
}

struct nearest nearest_to(const char *wanted)
{
    size_t len = strlen(wanted);

    /* More than a third of the letters wrong is another name, not a mistyped one. */
    return (struct nearest){.wanted = len <= WANTED_MAX ? wanted : "", .distance = len / 3 + 1};
}

void nearest_try(struct nearest *n, const char *candidate)
{
    size_t d = *n->wanted == '\0' ? n->distance : name_distance(candidate, n->wanted);

    if (d < n->distance) {
        n->best = candidate;
        n->distance = d;
    }
}

void nearest_try_names(struct nearest *n, const struct names *names)
{
    nearest_try(n, names->name);
    for (size_t i = 0; i < names->alias_count; i++)
        nearest_try(n, names->aliases[i]);
}
