/* request: what the network process can ask of the steward. This is the steward's boundary: beside
 * the kind of job it takes nothing but a place in a sequence (the cookie), for DNS what to do and
 * how the relay is, and numbers within their bounds. Names, paths and accounts are the steward's
 * own. */
#ifndef ADBAD_JOBS_REQUEST_H
#define ADBAD_JOBS_REQUEST_H

#include "base/buf.h"
#include "jobs/overrides.h"
#include "jobs/update.h"

enum job_kind {
    JOB_LOOK,     /* at the directory, and tend its activation objects: jobs/look.h */
    JOB_ACCOUNTS, /* read computer accounts: jobs/reading.h */
    JOB_UPDATE,   /* a round of DNS: jobs/update.h */
    JOB_CLEARING, /* the clearing house's key: jobs/secret.h */
    /* What the network process may not write or open itself. They take no time: job_ask_soon. */
    JOB_OVERRIDES, /* keep what was set at run time: jobs/overrides.h */
    JOB_CLOCK,     /* move the lab clock forward */
    JOB_LOG,       /* open the log file; it comes with the end of the answer */
    JOB_KEYTAB,    /* read [kms] keytab; a copy in memory comes with the end of the answer */
    JOB_LISTEN,    /* listen at an address of [web] listen; the socket comes with the end of it */
    JOB_KINDS
};

/* "look", "accounts", "update", "clearing", "overrides", "clock", "log", "keytab", "listen". */
const char *job_kind_name(enum job_kind k);

#define REQUEST_COOKIE_MAX 32768

struct job_request {
    enum job_kind kind;
    /* JOB_ACCOUNTS */
    bool list;
    const uint8_t *cookie; /* lent; of the packet in what request_read gives */
    size_t cookie_len;
    /* JOB_UPDATE */
    enum update_what what;
    enum publish_relay relay;
    unsigned down_rounds;
    /* JOB_OVERRIDES */
    struct overrides overrides;
    /* JOB_CLOCK */
    int64_t seconds; /* >= 0 */
    /* JOB_LISTEN */
    unsigned address; /* its place in [web] listen, from 0; below 65536 */
};

/* Appends the packet. ERR_LIMIT: the cookie is too long. */
MUST_CHECK enum err request_write(const struct job_request *r, struct buf *out);
/* On failure *out holds nothing to act upon. */
MUST_CHECK enum err request_read(const void *packet, size_t len, struct job_request *out,
                                 struct errinfo *ei);

#endif
