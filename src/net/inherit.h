/* inherit: descriptors that who started us passes on (sd_listen_fds(3)'s protocol: LISTEN_PID,
 * LISTEN_FDS, descriptors from 3 on). */
#ifndef ADBAD_NET_INHERIT_H
#define ADBAD_NET_INHERIT_H

#include "base/err.h"

#define INHERIT_FIRST 3 /* the first descriptor that is passed */

/* How many descriptors were passed to this process, from INHERIT_FIRST on; 0: none, or they are for
 * another process. They are closed on exec from now on, and the variables are gone from the
 * environment, so that no child takes them for its own: call it once, before there are threads.
 * ERR_CONFIG for variables that break the protocol or name descriptors that are not open. */
MUST_CHECK enum err inherit_take(unsigned *count, struct errinfo *ei);

#endif
