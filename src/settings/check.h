/* check: what no single row of the table can tell: keys that contradict each other. Private to this
 * room. */
#ifndef ADBAD_SETTINGS_CHECK_H
#define ADBAD_SETTINGS_CHECK_H

#include "settings/settings.h"

/* Where settings come from, for what is said of them. */
struct check_place {
    const char *where;                 /* before each mistake whose key no file sets */
    const struct conf_origin *origins; /* one for each row of the table, "file:line"; or NULL */
};

/* ERR_CONFIG with the first mistake; problem is told of all, or NULL. */
MUST_CHECK enum err check_all(const struct settings *s, const struct check_place *place,
                              conf_problem_fn *problem, void *arg, struct errinfo *ei);

/* How much of a folder's path is its name; a slash at the end is none of it. */
int check_name_len(const char *folder);

#endif
