/* site: a simulated site in process, on virtual time: KMS hosts, DNS, directories, a clearing
 * house and machines. What they say to each other is what they say on a network: sealed requests
 * and answers, activation objects with signed licences; only sockets are missing.
 *
 * The same seed and the same calls give the same site. One thread. */
#ifndef ADBAD_SITE_SITE_H
#define ADBAD_SITE_SITE_H

#include "clearing/ids.h"
#include "client/attempt.h"
#include "realm/hostkey.h"
#include "site/directory.h"
#include "site/dns.h"
#include "site/house.h"
#include "site/kmshost.h"

/* A forest with one directory. */
struct site_forest {
    char name[256];
    char net[32];
    bool down;
    struct dir *dir;
};

/* A machine in its place. */
struct site_station {
    struct machine m;
    struct site *site;
    char net[32];
    bool off;
    bool account_disabled;
    size_t seen;    /* bytes of m.events that a watcher has taken */
    int64_t offset; /* of its clock, seconds */
};

/* Told after every attempt. */
typedef void site_watch(void *arg, const struct site_station *s, const struct machine_product *p);

struct site {
    const struct catalog *catalog;
    int64_t now, start;
    struct realm realm, other; /* ours, and a stranger's */
    bool has_other;
    struct bundle shown; /* ours, with a name that is the same in every run; borrows */
    struct rng_seeded seeded;
    struct rng rng; /* over seeded */
    struct kms_protector *protector;
    struct dns dns;
    struct house house;
    size_t hosts, forests, stations;
    struct kmshost **host;
    struct site_forest **forest;
    struct site_station **station;
    site_watch *watch;
    void *watch_arg;
    uint64_t attempts;
};

/* An empty site. Makes its realm in a scratch folder, which is gone when it returns. The caller
 * frees with site_close. */
MUST_CHECK enum err site_open(const struct catalog *c, uint64_t seed, int64_t start,
                              struct site **out, struct errinfo *ei);
void site_close(struct site *s);

/* Names are unique over hosts, forests and machines: ERR_EXISTS. */
MUST_CHECK enum err site_add_host(struct site *s, const char *name, struct kmshost **out,
                                  struct errinfo *ei);
MUST_CHECK enum err site_add_forest(struct site *s, const char *name, struct site_forest **out,
                                    struct errinfo *ei);
/* A machine that runs product, with its setup key and a CMID of its own. */
MUST_CHECK enum err site_add_station(struct site *s, const char *name,
                                     const struct cat_product *product, struct site_station **out,
                                     struct errinfo *ei);
/* NULL: there is none. */
struct kmshost *site_host(const struct site *s, const char *name);
struct site_forest *site_forest(const struct site *s, const char *name);
struct site_station *site_station(const struct site *s, const char *name);

/* Activates an installed host key at the clearing house. */
MUST_CHECK enum err site_activate(struct site *s, struct kmshost *h, const struct cat_group *g,
                                  struct errinfo *ei);
/* Makes an activation object, activated at the clearing house; foreign: signed by the stranger. */
MUST_CHECK enum err site_add_object(struct site *s, struct site_forest *f,
                                    const struct cat_group *g, const char *name, bool foreign,
                                    struct errinfo *ei);
MUST_CHECK enum err site_delete_object(struct site *s, struct site_forest *f, const char *name,
                                       struct errinfo *ei);

/* Lets time go on to when (Unix seconds) with every wake-up that falls due. */
void site_pass_to(struct site *s, int64_t when);

/* ---- machines (station.c) ---- */

int64_t station_time(const struct site_station *st);
struct attempt_env station_env(struct site_station *st);
/* Installs a key as slmgr /ipk does (machine_install_key). */
MUST_CHECK enum err station_key(struct site_station *st, const char *key, struct errinfo *ei);
/* Another product beside the system, with its setup key. */
MUST_CHECK enum err station_install(struct site_station *st, const struct cat_product *p,
                                    struct errinfo *ei);
/* The published setup key of p, or a stand-in where none is published. */
MUST_CHECK enum err station_setup_key(struct site_station *st, struct machine_product *p,
                                      struct errinfo *ei);
/* Uninstalls the key of p (machine_remove_key). */
MUST_CHECK enum err station_key_removed(struct site_station *st, struct machine_product *p,
                                        struct errinfo *ei);
/* By phone: reads out p's installation ID, and a clerk answers with the confirmation ID or refuses
 * as house_machine does. */
MUST_CHECK enum err station_call(struct site_station *st, const struct machine_product *p,
                                 char cid[CID_TEXT_MAX], struct errinfo *ei);
/* Deposits a confirmation ID (attempt_confirm). */
MUST_CHECK enum err station_deposit(struct site_station *st, struct machine_product *p,
                                    const char *cid, struct errinfo *ei);
/* One attempt; the licensing service starting with an attempt for every product; the wake-ups that
 * are due. A machine that is off does nothing. */
void station_ask(struct site_station *st, struct machine_product *p);
void station_restart(struct site_station *st);
void station_wake(struct site_station *st);

#endif
