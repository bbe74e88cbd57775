/* group: host-key groups as the user names them. */
#ifndef ADBAD_CLI_GROUP_H
#define ADBAD_CLI_GROUP_H

#include "base/err.h"
#include "catalog/catalog.h"

/* The group of that name, in any case. NULL as name: ERR_USAGE, for commands whose --group is
 * required. ERR_NOTFOUND names the nearest known one. */
MUST_CHECK enum err group_named(const struct catalog *c, const char *name,
                                const struct cat_group **out, struct errinfo *ei);

#endif
