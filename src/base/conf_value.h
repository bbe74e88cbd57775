/* conf_value: one value of a configuration. Private to conf. */
#ifndef ADBAD_BASE_CONF_VALUE_H
#define ADBAD_BASE_CONF_VALUE_H

#include "base/conf.h"

/* Where a value stands; line 0 is a built-in default. */
struct conf_place {
    const char *file;
    unsigned line;
    const char *folder; /* that relative paths begin at; NULL: they stay as they are */
};

/* Parses value into the key's member of *out, in the place of what was there. ERR_CONFIG with
 * "file:line: …" if it does not fit, and then that is as it was. */
MUST_CHECK enum err conf_set(const struct conf_key *k, const char *value, void *out,
                             const struct conf_place *at, struct errinfo *ei);
/* Frees the key's member of *out and zeroes it. */
void conf_clear(const struct conf_key *k, void *out);

#endif
