/* doctor: what "adbactl directory check" finds: one line for each thing that must hold, with its
 * cause and remedy. Values in, lines out; only doctor_directory asks the directory. */
#ifndef ADBAD_ADBA_DOCTOR_H
#define ADBAD_ADBA_DOCTOR_H

#include <jansson.h>

#include "adba/access.h"
#include "adba/object.h"

/* With fewer an activation object wants to be renewed; a steward did so long before. */
#define DOCTOR_DAYS_LEFT 60

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_FAILED };
const char *check_level_name(enum check_level level);

struct check_line {
    enum check_level level;
    const char *check; /* "clock": for programs */
    char finding[400];
    char remedy[300]; /* "" if there is nothing to do */
};

struct doctor {
    struct check_line *lines; /* owned */
    size_t n;
    bool failed; /* memory ran out: lines are missing */
};
void doctor_fini(struct doctor *d);
enum check_level doctor_worst(const struct doctor *d);
/* Array of {check, state, finding, remedy (or null)}; NULL when out of memory. */
json_t *doctor_json(const struct doctor *d);
/* remedy may be NULL. */
void doctor_say(struct doctor *d, enum check_level level, const char *check, const char *remedy,
                const char *fmt, ...) PRINTF_LIKE(5, 6);

/* ---- one thing each ---- */

/* How opening the session went: who answered, and whether it let us in. */
void doctor_session(struct doctor *d, const char *uri, enum err e, const struct errinfo *why);
/* current_time: rootDSE's currentTime (generalized time); NULL: not told. now: real time. */
void doctor_clock(struct doctor *d, const char *current_time, int64_t now);
/* Kind of directory, forest, schema, writable or not. lab_forest may be NULL. */
void doctor_facts(struct doctor *d, const struct dir_facts *f, const char *lab_forest);
/* rootDSE's domainFunctionality and forestFunctionality. */
void doctor_levels(struct doctor *d, const char *domain, const char *forest);
/* The container's entry (NULL: not there, or not to be seen), with its descriptor and
 * allowedChildClassesEffective where it is AD DS. own may be NULL. */
void doctor_container(struct doctor *d, const struct dir_facts *f, const struct dir_entry *e,
                      const struct sid *own);
/* An activation object's access. ours: this realm signed it. */
void doctor_object_access(struct doctor *d, const struct dir_facts *f, const char *name, bool ours,
                          const struct dir_entry *e, const struct sid *own);
void doctor_object_verdict(struct doctor *d, const char *name, enum ao_verdict v,
                           const char *verdict_why, int64_t days_left);

/* A host that an SRV record names; answer ERR_OK: it serves KMS. */
struct doctor_host {
    char host[256];
    uint16_t port;
    enum err answer;
    char why[200];
};
void doctor_srv(struct doctor *d, const char *name, enum err e, const char *why,
                const struct doctor_host *hosts, size_t n);

/* What one domain controller holds, sorted by name. */
struct doctor_copy {
    char name[4 * AO_NAME_MAX + 1];
    uint8_t digest[32]; /* of the issuance licence */
};
void doctor_replica(struct doctor *d, const char *host, enum err e, const char *why,
                    const struct doctor_copy *here, size_t here_n, const struct doctor_copy *there,
                    size_t there_n);

/* ---- asking the directory ---- */

struct doctor_question {
    struct dir *dir;
    const struct bundle *bundle; /* NULL: licences are not judged */
    const char *lab_forest;
    int64_t now;     /* real time, for the clock */
    int64_t lab_now; /* for licences */
};
/* All of the above but session, SRV and replicas. */
void doctor_directory(struct doctor *d, const struct doctor_question *q);
/* The objects of one server; the caller frees *out. No container: none. */
MUST_CHECK enum err doctor_copies(struct dir *dir, struct doctor_copy **out, size_t *n,
                                  struct errinfo *ei);
/* dNSHostName of each domain controller of the forest; the caller frees each and the array. */
MUST_CHECK enum err doctor_controllers(struct dir *dir, char ***out, size_t *n, struct errinfo *ei);

#endif
