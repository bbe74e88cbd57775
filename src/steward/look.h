/* look: one look at the directory: connect, check the forest, tend and verify every activation
 * object. Blocks up to the directory's deadlines. */
#ifndef ADBAD_STEWARD_LOOK_H
#define ADBAD_STEWARD_LOOK_H

#include "catalog/catalog.h"
#include "jobs/look.h"
#include "realm/realm.h"
#include "settings/settings.h"

struct looker {
    const struct settings *settings;
    const struct bundle *bundle;
    const struct catalog *catalog;
    int64_t now; /* lab time */
};

/* What is wrong with the directory is in *out (look_fini), which begins empty. */
void look(const struct looker *by, struct look *out);

#endif
