/* update: one round through the domains whose DNS shall name this host: looks, updates through
 * nsupdate with the service's Kerberos ticket, and looks again. It blocks, so it runs on a worker
 * thread, touches nothing but its argument, and needs nothing of the network side: it can move to a
 * process of its own as it is. */
#ifndef ADBAD_DAEMON_UPDATE_H
#define ADBAD_DAEMON_UPDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "publish/plan.h"
#include "settings/settings.h"

enum update_what { UPDATE_LOOK, UPDATE_PUBLISH, UPDATE_WITHDRAW };

/* "check", "publish", "withdraw". */
const char *update_what_name(enum update_what w);

struct update_record {
    struct publish_record record;
    enum publish_whose whose;
};

struct update_domain {
    char domain[256];
    bool configured; /* else only remembered: something of ours may still be there */
    char zone[256], primary[256];
    bool seen; /* state and records are what DNS says now */
    enum publish_state state;
    struct update_record *records; /* owned */
    size_t n;
    enum err result; /* of the look, or of what was to be done */
    struct errinfo why;
};

struct update {
    /* in */
    const struct settings *settings;
    enum update_what what;
    enum publish_relay relay;
    unsigned down_rounds; /* in a row that found the relay down, this one included */
    const char *cache;    /* file for the tickets while nsupdate runs */
    /* out */
    struct publish_record record; /* ours, as it is published */
    enum err result;              /* why nothing could be begun; then every domain's too */
    struct errinfo why;
    struct update_domain *domains;
    size_t n;
};

void update_run(struct update *u);
void update_fini(struct update *u);

/* Whether each domain is as what wants it; for UPDATE_LOOK: whether it could be seen. */
bool update_good(const struct update *u);

/* Names of [dns] that can't be: ERR_CONFIG. */
MUST_CHECK enum err update_check(const struct settings *s, struct errinfo *ei);

#endif
