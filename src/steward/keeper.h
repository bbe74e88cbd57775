/* keeper: the steward process. It holds no secret itself: it waits for descriptors over its control
 * socket, one for each job, starts a process for the job, and buries it. It ends with the network
 * process, and every job ends with it. */
#ifndef ADBAD_STEWARD_KEEPER_H
#define ADBAD_STEWARD_KEEPER_H

#include <sys/types.h>

#include "base/log.h"
#include "settings/settings.h"

#define KEEPER_JOBS_MAX 8 /* at once */

/* Forks it, from a process that has read nothing secret, has one thread and does not ignore
 * SIGCHLD. It works by the settings *s, and by those of the files that config names once it was
 * told to read them again and then to take what it read (jobs/job.h, job_read_settings). *control
 * is the network process' end of the control socket; to close it ends the keeper, which the caller
 * then waits for.
 */
MUST_CHECK enum err keeper_start(const char *config, const struct settings *s,
                                 const struct log *log, int *control, pid_t *pid,
                                 struct errinfo *ei);

#endif
