/* confine: what a process gives up for good once it has what it needs: paths and system calls. */
#ifndef ADBAD_CONFINE_CONFINE_H
#define ADBAD_CONFINE_CONFINE_H

#include "confine/calls.h"
#include "confine/paths.h"

struct confinement {
    struct paths paths;
    struct calls calls;
};

/* Both, paths first. One that fails does not keep the other from being tried; the text then says of
 * each why. */
MUST_CHECK enum err confine(const struct confinement *c, struct errinfo *ei);

void confinement_fini(struct confinement *c);

#endif
