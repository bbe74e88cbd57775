/* activate: a key at the realm's clearing house, over the lab RPC interface. Blocking: for adbactl,
 * the steward's job, and simulated machines. */
#ifndef ADBAD_STEWARD_ACTIVATE_H
#define ADBAD_STEWARD_ACTIVATE_H

#include "adba/steward.h"
#include "clearing/house.h"
#include "ldap/dir.h"
#include "settings/settings.h"

/* Asks [clearing] host to activate target with k. name: what the clearing house shall call the
 * target. ERR_REFUSED with the documented code if it refuses, else as dial_call and
 * clearing_accept. */
MUST_CHECK enum err activate_online(const struct settings *s, const struct hostkey *k,
                                    enum iid_kind kind, const struct guid *target, const char *name,
                                    struct clearing_answer *out, struct errinfo *ei);

/* A clearing house as a machine reaches it. */
struct activate_house {
    const char *address; /* ADDRESS[:PORT] */
    const char *dns;     /* DNS server; NULL: the system's */
    int timeout_ms;
};
/* The same for a machine's key, of which its text is known. keys: of the machine's bundle;
 * hardware: its identity; name: what it is called. */
MUST_CHECK enum err activate_machine(const struct activate_house *house,
                                     const struct realm_keys *keys, const char *key,
                                     const struct guid *hardware, const char *name,
                                     struct clearing_answer *out, struct errinfo *ei);

/* The forest of an open directory, as something that is activated. */
struct guid activate_forest_id(const struct dir *d);

/* The steward's way (steward.activate; arg: struct settings): asks once for a key and a forest and
 * keeps the confirmation ID beside the installed key (SECRETS_CID). What it makes again
 * later needs no further activation. */
enum err activate_forest_once(void *settings, const struct dir *d, const struct hostkey *k,
                              struct errinfo *ei);
/* Sets it where a clearing house is configured. */
void activate_steward(const struct settings *s, struct steward *w);

#endif
