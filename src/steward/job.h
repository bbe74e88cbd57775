/* job: what a job process does: reads its one request, works, sends the answer. Bundle, catalogue,
 * clock, keys and passwords are read by the job itself and end with it. */
#ifndef ADBAD_STEWARD_JOB_H
#define ADBAD_STEWARD_JOB_H

#include "base/log.h"
#include "settings/settings.h"

/* On the socket fd; the exit code. The process does nothing else. */
int job_run(const struct settings *s, const struct log *log, int fd);

#endif
