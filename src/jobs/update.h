/* update: what one round through the domains whose DNS shall name this host tells. */
#ifndef ADBAD_JOBS_UPDATE_H
#define ADBAD_JOBS_UPDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "jobs/packet.h"
#include "publish/plan.h"

enum update_what {
    UPDATE_LOOK,
    UPDATE_PUBLISH,
    UPDATE_WITHDRAW,
    UPDATE_RETRACT, /* adds nothing; ours goes from where it may not be (publish_allowed) */
    UPDATE_WHATS
};

/* "check", "publish", "withdraw", "retract". */
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
    enum update_what what;
    struct publish_record record; /* ours, as it is published */
    enum err result;              /* why nothing could be begun; then every domain's too */
    struct errinfo why;
    struct update_domain *domains;
    size_t n;
};

void update_fini(struct update *u);
/* A new domain at the end; NULL when out of memory. */
struct update_domain *update_add(struct update *u, const char *name, bool configured);

/* Whether each domain is as what wants it; for UPDATE_LOOK: whether it could be seen. A round of
 * UPDATE_RETRACT tells of those domains alone that something has to go from. */
bool update_good(const struct update *u);

/* Sends all of it but what, and PACKET_END. */
MUST_CHECK enum err update_send(const struct update *u, struct packet_out *o, struct errinfo *ei);
/* Takes one packet's fields. ERR_MALFORMED: another type, or not well-formed. */
MUST_CHECK enum err update_take(void *update, enum packet_type type, struct wire_rd *r,
                                struct errinfo *ei);

#endif
