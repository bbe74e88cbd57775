/* files: what jobs write and open in the place of the network process, which may not. */
#ifndef ADBAD_STEWARD_FILES_H
#define ADBAD_STEWARD_FILES_H

#include "jobs/request.h"
#include "settings/settings.h"

/* What was set at run time, into overrides.json of the state folder. */
MUST_CHECK enum err files_keep(const struct settings *s, const struct job_request *r,
                               struct errinfo *ei);
/* The lab clock forward. ERR_REFUSED outside lab mode. */
MUST_CHECK enum err files_advance_clock(const struct settings *s, const struct job_request *r,
                                        struct errinfo *ei);
/* In the three below *fd is -1 before, and after a failure; else it is the caller's. */
/* A copy of [kms] keytab, which must be ours alone. ERR_REFUSED if there is none. */
MUST_CHECK enum err files_copy_keytab(const struct settings *s, const struct job_request *r,
                                      int *fd, struct errinfo *ei);
/* [log] file, for appending. ERR_REFUSED if there is none. */
MUST_CHECK enum err files_open_log(const struct settings *s, const struct job_request *r, int *fd,
                                   struct errinfo *ei);
/* A socket that listens at that address of [web] listen. ERR_REFUSED if there is none; else as
 * listen_open (net/listen.h). */
MUST_CHECK enum err files_listen(const struct settings *s, const struct job_request *r, int *fd,
                                 struct errinfo *ei);

#endif
