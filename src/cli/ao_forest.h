/* ao_forest: how an activation object's host key is activated for the forest: online, in the plain
 * form of a lab, or by phone. For adbactl ao and slmgr's AD options. */
#ifndef ADBAD_CLI_AO_FOREST_H
#define ADBAD_CLI_AO_FOREST_H

#include "adba/object.h"
#include "clearing/ids.h"
#include "cli/ao_work.h"

/* Creates the object: activated by the clearing house if one is configured, else uncounted; says
 * which on stderr. Nothing is asked for what could not be created anyway. */
MUST_CHECK enum err ao_activate_and_create(const struct ao_work *w, const struct hostkey *k,
                                           const struct cat_group *g, const char *name,
                                           struct ao *out, struct errinfo *ei);

/* The installation ID of the host key for this forest. */
MUST_CHECK enum err ao_forest_iid(const struct ao_work *w, const struct hostkey *k,
                                  char text[IID_TEXT_MAX], struct errinfo *ei);

/* Creates the object with the clerk's answer, which is judged before anything is written. */
MUST_CHECK enum err ao_forest_confirm(const struct ao_work *w, const struct hostkey *k,
                                      const struct cat_group *g, const char *name, const char *cid,
                                      struct ao *out, struct errinfo *ei);

#endif
