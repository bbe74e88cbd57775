/* look: one look at the directory: connect, check the forest, verify every activation object.
 * Blocks up to the directory's deadlines, so it runs on a worker thread and touches nothing but
 * its argument. */
#ifndef ADBAD_DAEMON_LOOK_H
#define ADBAD_DAEMON_LOOK_H

#include <jansson.h>
#include <stdbool.h>

#include "daemon/coverage.h"
#include "daemon/tend.h"
#include "ldap/dir.h"
#include "realm/realm.h"
#include "settings/settings.h"

struct look {
    /* in */
    const struct settings *settings;
    const struct bundle *bundle;
    const struct catalog *catalog;
    int64_t now; /* lab time */
    /* out */
    bool up;
    char why[ERR_TEXT_MAX]; /* what is wrong, if anything is; may be set when up */
    char forest[256];
    json_t *facts;   /* object; NULL if down or out of memory */
    json_t *objects; /* array */
    size_t object_count, good;
    struct covered *covered; /* by good objects; free */
    size_t covered_count;
    struct tended tended; /* what the steward did and could not do, if there is one */
};

void look(struct look *l);
void look_fini(struct look *l);

#endif
