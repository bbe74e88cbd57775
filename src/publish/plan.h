/* plan: what is to be done about the SRV records of one domain. Values in, a decision and a script
 * for nsupdate out: whoever asks DNS and runs nsupdate is elsewhere.
 *
 * A record is ours if we published it and remember that (publish/kept.h). The very one that we want
 * we take over while we want it. Every other is left alone, also one that names this host: another
 * program of this machine may own it. */
#ifndef ADBAD_PUBLISH_PLAN_H
#define ADBAD_PUBLISH_PLAN_H

#include <stddef.h>

#include "base/buf.h"
#include "publish/record.h"

enum publish_whose {
    PUBLISH_WANTED,    /* ours, as it shall be */
    PUBLISH_OLD,       /* ours, and shall go */
    PUBLISH_THIS_HOST, /* names this host; not ours */
    PUBLISH_OTHER,     /* of another host */
};

/* "current", "old", "this host", "other". */
const char *publish_whose_name(enum publish_whose w);

struct publish_goal {
    const char *domain;
    struct publish_record record; /* ours */
    bool present;                 /* it shall be there; else nothing of ours */
    uint32_t ttl;                 /* seconds */
    const struct publish_record *kept;
    size_t kept_count; /* what we remember to have published in domain */
};

enum publish_state {
    PUBLISH_ABSENT,    /* nothing of ours is there */
    PUBLISH_PUBLISHED, /* the wanted record, and no old one */
    PUBLISH_OUTDATED,  /* old ones of ours, whether the wanted one is there or not */
};

/* "absent", "published", "outdated". */
const char *publish_state_name(enum publish_state s);

enum publish_whose publish_whose(const struct publish_goal *g, const struct publish_record *found);
/* Of all n records that were found. */
enum publish_state publish_state(const struct publish_goal *g, const struct publish_record *found,
                                 size_t n);
/* Whether that is what the goal wants. */
bool publish_reached(const struct publish_goal *g, enum publish_state s);

/* Appends the update, one transaction (RFC 2136), to out: old records of ours go by value, the
 * wanted one is added, which also makes one that is there younger (servers may remove old dynamic
 * records). */
void publish_script(const struct publish_goal *g, const struct publish_record *found, size_t n,
                    const char *zone, const char *primary, struct buf *out);

/* Why an update was without effect, from what nsupdate said: fails with the error, the documented
 * code of event 12293 and the remedy. said is cut up. */
enum err publish_failure(const char *domain, const char *primary, char *said, struct errinfo *ei);

#endif
