/* site: what a fleet's machines meet: the directory, up or down, with its activation objects, and
 * the KMS hosts, each with its keys and a count of its own. */
#ifndef ADBAD_FLEET_SITE_H
#define ADBAD_FLEET_SITE_H

#include "base/rng.h"
#include "fleet/fleet.h"

#define SITE_NO_HOST UINT8_MAX

struct fleet_site;

/* conf must outlive the site. NULL when out of memory. */
struct fleet_site *site_new(const struct fleet_conf *conf);
void site_free(struct fleet_site *s);

/* What the directory answers to a member that asks for mix entry product. */
struct lic_event site_ask_ad(const struct fleet_site *s, size_t product, uint32_t minute);

struct site_asker {
    size_t product;   /* of the mix */
    uint32_t machine; /* what its CMID is made from */
    uint8_t *host;    /* that answered last, to be learnt anew; SITE_NO_HOST */
};

struct site_answer {
    struct lic_event event;
    unsigned silent; /* hosts that were tried and are away */
    unsigned spoke;  /* a bit for each host that answered or refused */
};

/* What comes of asking KMS: the host that answered last first, then the others from a random one
 * on, until one answers (as client/attempt.h does). ERR_NOMEM. */
MUST_CHECK enum err site_ask_kms(struct fleet_site *s, const struct site_asker *who,
                                 uint32_t minute, const struct rng *rng, struct site_answer *out);

uint32_t site_count(const struct fleet_site *s, uint32_t host, enum fleet_app app, uint32_t minute);

/* Virtual seconds of a minute: day 1 is a Monday. Never 0, which means "never" to a licence. */
int64_t site_time(uint32_t minute);
/* The first minute at or after a time; FLEET_NEVER if it is beyond counting. */
uint32_t site_minute(int64_t when);

#endif
