/* steward: keeps the wanted activation objects present, valid and readable.
 *
 * What is to be done is decided by a function of what is there and the time (steward_plan); a
 * second one carries it out on the directory port. Two stewards of one realm agree without talking
 * to each other: names follow from the groups, an object renewed by one is young for the other,
 * and of two changes at the same time the directory lets one through.
 *
 * Objects that this realm did not sign are never touched. */
#ifndef ADBAD_ADBA_STEWARD_H
#define ADBAD_ADBA_STEWARD_H

#include "adba/access.h"
#include "adba/object.h"

#define STEWARD_WHY_MAX 400

/* ---- what is there, and what is wanted ---- */

/* One activation object of the directory. */
struct steward_object {
    char *dn, *name; /* owned */
    char *group;     /* owned; the one its licence is for; NULL unless ours */
    bool ours;       /* signed by this realm, for an object of this name */
    enum ao_verdict verdict;
    char verdict_why[STEWARD_WHY_MAX]; /* unless good */
    int64_t not_before, not_after;     /* 0 if the licence can't be opened any more */
    enum access_read read;
    struct ao ao; /* owned; zeroed if it can't be parsed */
};

struct steward_view {
    int64_t now;
    struct steward_object *objects;
    size_t n;
};

struct steward_wish {
    const char *group;
    const char *name;           /* of the object to create */
    const struct hostkey *key;  /* NULL: none that can sign; why_no_key says why */
    const struct cat_group *in; /* NULL: the catalogue has no such group */
    const char *why_no_key;
};

/* ---- what is to be done ---- */

enum steward_what {
    STEWARD_LEAVE,
    STEWARD_CREATE,
    STEWARD_RENEW,
    STEWARD_REPAIR, /* give members their read entry back */
    STEWARD_STUCK,  /* something is missing that the steward can't mend */
};
const char *steward_what_name(enum steward_what what);

#define STEWARD_NONE SIZE_MAX

struct steward_step {
    enum steward_what what;
    size_t wish, object; /* indices; STEWARD_NONE */
    char name[4 * AO_NAME_MAX + 1];
    char group[HOSTKEY_GROUP_MAX + 1]; /* "" if it is not known */
    char why[STEWARD_WHY_MAX];
    bool done;       /* carried out */
    enum err result; /* of carrying it out; then error says more */
    char error[STEWARD_WHY_MAX];
};

/* Appends the steps to *steps, which the caller frees; objects that no wish is about come last.
 * False: out of memory. */
bool steward_plan(const struct steward_view *v, const struct steward_wish *wishes, size_t n,
                  struct steward_step **steps, size_t *count);

/* ---- doing it ---- */

struct steward {
    struct dir *dir;
    const struct bundle *bundle;
    const struct catalog *catalog;
    const struct hostkey *keys; /* with private keys */
    size_t key_count;
    const char *const *groups; /* wanted ones; NULL: every installed key's */
    size_t group_count;
    int64_t now;
    bool dry_run; /* decide only */
    /* Optional: activates the host key for the forest before an object is created with it. */
    enum err (*activate)(void *arg, const struct dir *d, const struct hostkey *k,
                         struct errinfo *ei);
    void *activate_arg;
};

struct steward_report {
    struct steward_step *steps;
    size_t n;
};
void steward_report_fini(struct steward_report *r);
/* The first result of a step that failed, or ERR_OK. */
enum err steward_report_result(const struct steward_report *r);

/* Looks, decides and acts; where somebody else was quicker, once more. One step's failure does not
 * keep the others from being done: the report has it. *out is set on ERR_OK only. */
MUST_CHECK enum err steward_run(const struct steward *s, struct steward_report *out,
                                struct errinfo *ei);

#endif
