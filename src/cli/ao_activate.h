/* ao_activate: how an activation object's host key is activated for the forest: online, in the
 * plain form of a lab, or by phone. */
#ifndef ADBAD_CLI_AO_ACTIVATE_H
#define ADBAD_CLI_AO_ACTIVATE_H

#include "adba/object.h"
#include "cli/ao_work.h"

/* Creates the object: activated by the clearing house if one is configured, else uncounted; says
 * which on stderr. Nothing is asked for what could not be created anyway. */
MUST_CHECK enum err ao_activate_and_create(const struct ao_work *w, const struct hostkey *k,
                                           const struct cat_group *g, const char *name,
                                           struct ao *out, struct errinfo *ei);

int ao_run_get_iid(struct cli *cli, int argc, char **argv);
int ao_run_apply_cid(struct cli *cli, int argc, char **argv);

#endif
