/* job: what a job process does: reads its one request, works, sends the answer. Bundle, catalogue,
 * clock, keys and passwords are read by the job itself and end with it. */
#ifndef ADBAD_STEWARD_JOB_H
#define ADBAD_STEWARD_JOB_H

#include <stdbool.h>

#include "base/log.h"
#include "settings/settings.h"

/* On the socket fd; the exit code. The process does nothing else. confined: nothing is done by a
 * process that can't give up what bounds.h says; else it does without. */
int job_run(const struct settings *s, const struct log *log, bool confined, int fd);

#endif
