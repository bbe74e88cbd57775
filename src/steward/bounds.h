/* bounds: what the steward's processes may do, by the settings: the keeper from its start on, each
 * job before its work. docs/security.md tells it as a table. */
#ifndef ADBAD_STEWARD_BOUNDS_H
#define ADBAD_STEWARD_BOUNDS_H

#include "confine/confine.h"
#include "jobs/request.h"
#include "settings/settings.h"

/* Together with all that its jobs may do, for they can't have more than it has. It reads whatever
 * its user can: only the jobs know what they need by then. Zeroes *out first; confinement_fini. */
void bounds_keeper(const struct settings *s, struct confinement *out);
void bounds_job(enum job_kind kind, const struct settings *s, struct confinement *out);

#endif
