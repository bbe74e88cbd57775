/* request: what the network process can ask of the steward. This is the steward's boundary: beside
 * the kind of job it takes nothing but a place in a sequence (the cookie), and for DNS what to do
 * and how the relay is. Names, paths, accounts and times are the steward's own. */
#ifndef ADBAD_JOBS_REQUEST_H
#define ADBAD_JOBS_REQUEST_H

#include "base/buf.h"
#include "jobs/update.h"

enum job_kind {
    JOB_LOOK,     /* at the directory, and tend its activation objects: jobs/look.h */
    JOB_ACCOUNTS, /* read computer accounts: jobs/reading.h */
    JOB_UPDATE,   /* a round of DNS: jobs/update.h */
    JOB_CLEARING, /* the clearing house's key: jobs/secret.h */
    JOB_KINDS
};

/* "look", "accounts", "update", "clearing". */
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
};

/* Appends the packet. ERR_LIMIT: the cookie is too long. */
MUST_CHECK enum err request_write(const struct job_request *r, struct buf *out);
/* On failure *out holds nothing to act upon. */
MUST_CHECK enum err request_read(const void *packet, size_t len, struct job_request *out,
                                 struct errinfo *ei);

#endif
