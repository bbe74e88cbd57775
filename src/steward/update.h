/* update: one round through the domains whose DNS shall name this host: looks, updates through
 * nsupdate with the directory account's Kerberos ticket, and looks again. Blocks up to its
 * deadlines. */
#ifndef ADBAD_STEWARD_UPDATE_H
#define ADBAD_STEWARD_UPDATE_H

#include "jobs/update.h"
#include "settings/settings.h"

struct round {
    const struct settings *settings;
    enum update_what what;
    enum publish_relay relay;
    unsigned down_rounds;         /* in a row that found the relay down, this one included */
    const char *cache;            /* file for the tickets while nsupdate runs */
    struct publish_record record; /* set by update_run */
};

/* *out (update_fini) begins empty. */
void update_run(const struct round *by, struct update *out);

#endif
