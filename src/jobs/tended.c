#include <stdlib.h>
#include <string.h>

#include "jobs/look.h"

struct tend_line *tended_add(struct tended *t, enum log_level level, bool deed)
{
    struct tend_line *grown = realloc(t->lines, (t->n + 1) * sizeof(*grown));

    if (grown == NULL)
        return NULL;
    t->lines = grown;
    grown[t->n] = (struct tend_line){.level = level, .deed = deed};
    return &grown[t->n++];
}

void tended_fini(struct tended *t)
{
    free(t->lines);
    *t = (struct tended){0};
}

static bool holds(const struct tended *t, const char *text)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->lines[i].text, text) == 0)
            return true;
    return false;
}

void tended_log(const struct tended *t, const struct tended *was, const struct log *log)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->lines[i].deed || !holds(was, t->lines[i].text))
            log_as(log, t->lines[i].level, LOGK_STEWARD, NULL, "%s", t->lines[i].text);
}
