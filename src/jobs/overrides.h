/* overrides: what slmgr's host options set at run time (/sprt, /sai, /sri, /sdns, /cdns, /spri,
 * /cpri). They are kept in overrides.json of the state folder, which adbad reads when it starts and
 * a job of the steward writes. */
#ifndef ADBAD_JOBS_OVERRIDES_H
#define ADBAD_JOBS_OVERRIDES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire/wire.h"

#define OVERRIDES_FILE "overrides.json" /* in state_dir */

#define OVERRIDES_INTERVAL_MIN 15 /* minutes */
#define OVERRIDES_INTERVAL_MAX 43200

struct overrides {
    uint16_t port;                /* at the next start; 0: as configured */
    uint32_t activation, renewal; /* minutes; 0: as configured */
    bool no_dns_publishing;
    bool low_priority;
};

/* Reads state_dir/overrides.json; no file: none. ERR_MALFORMED names the member that is wrong. */
MUST_CHECK enum err overrides_load(const char *state_dir, struct overrides *out,
                                   struct errinfo *ei);
/* On return it is on disk. */
MUST_CHECK enum err overrides_save(const char *state_dir, const struct overrides *o,
                                   struct errinfo *ei);

/* Changes o by the members of change, which are those of the file. ERR_USAGE with 0x80070057 for a
 * value out of its bounds or of the wrong kind; o is left as it was then. */
MUST_CHECK enum err overrides_change(struct overrides *o, const json_t *change, struct errinfo *ei);
/* The members by their names; NULL: out of memory. */
json_t *overrides_json(const struct overrides *o);

/* As fields of a packet. The reader rejects what overrides_change would. */
void overrides_put(struct wire_wr *w, const struct overrides *o);
void overrides_get(struct wire_rd *r, struct overrides *out);

#endif
