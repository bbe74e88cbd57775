/* activate: a host key at the realm's clearing house, over the lab RPC interface. */
#ifndef ADBAD_CLI_ACTIVATE_H
#define ADBAD_CLI_ACTIVATE_H

#include "clearing/house.h"
#include "settings/settings.h"

/* Asks [clearing] host to activate target with k. name: what the clearing house shall call the
 * target. ERR_REFUSED with the documented code if it refuses, else as dial_call and
 * clearing_accept. */
MUST_CHECK enum err activate_online(const struct settings *s, const struct hostkey *k,
                                    enum iid_kind kind, const struct guid *target, const char *name,
                                    struct clearing_answer *out, struct errinfo *ei);

#endif
