/* bounds_world: every place that settings name, each a folder of its own with a "file" in it, for
 * the tests of what adbad's processes keep of their rights there. */
#ifndef ADBAD_TESTS_BOUNDS_WORLD_H
#define ADBAD_TESTS_BOUNDS_WORLD_H

#include "acts.h"
#include "settings/settings.h"

enum bounds_place {
    STATE,
    HOSTKEYS,
    DNS,
    SECRETS,
    RUN,
    TICKETS,
    REALM,
    HANDED, /* the realm's secret, where it is handed over */
    CATALOG,
    CLOCK,
    LOG,
    LOGIN,  /* of the directory */
    KEYTAB, /* of the KMS host */
    ELSEWHERE,
    PLACES
};

struct bounds_world {
    struct acts_world acts;
    struct settings settings; /* names the folder, or its "file" where a setting names one */
    char *folders[PLACES];
};

void bounds_set_up(struct bounds_world *w);
void bounds_tear_down(struct bounds_world *w);

/* Tries everything everywhere. places: as for acts_expect_folder, NULL for ""; calls: as for
 * acts_expect_calls. Ends with confinement_fini. */
void bounds_expect(struct bounds_world *w, struct confinement *c, const char *const places[PLACES],
                   const char *calls);

#endif
