/* message: what a site and the clearing house say to each other over the lab RPC interface
 * (docs/protocol/lab.md). Bytes to struct and back; nothing is judged here. */
#ifndef ADBAD_CLEARING_MESSAGE_H
#define ADBAD_CLEARING_MESSAGE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"
#include "clearing/ids.h"

#define CLEARING_VERSION     1
#define CLEARING_NAME_MAX    255 /* bytes */
#define CLEARING_PID_MAX     63
#define CLEARING_NONCE_LEN   16
#define CLEARING_TAG_LEN     32
#define CLEARING_REQUEST_MAX 449
#define CLEARING_ANSWER_LEN  108

struct clearing_request {
    struct guid target;                /* iid_forest or iid_host; the IID holds its binding */
    char iid[IID_DIGITS + 1];          /* digits alone */
    char pid[CLEARING_PID_MAX + 1];    /* of the host key, plain ASCII; for people */
    char name[CLEARING_NAME_MAX + 1];  /* of the host or forest, UTF-8; for people */
    uint8_t nonce[CLEARING_NONCE_LEN]; /* makes each request its own */
    uint8_t tag[CLEARING_TAG_LEN];
};

struct clearing_answer {
    char cid[CID_DIGITS + 1]; /* digits alone */
    uint32_t used, left;      /* activations of this host */
    uint32_t hosts_used, hosts_left;
    int64_t when; /* the clearing house's time */
    uint8_t tag[CLEARING_TAG_LEN];
};

/* Appends the message with its tag, which is also stored in *m. m->iid and m->cid are digits
 * alone. ERR_LIMIT for texts that are too long. */
MUST_CHECK enum err clearing_request_write(struct clearing_request *m,
                                           const uint8_t confirm[REALM_CONFIRM_LEN],
                                           struct buf *out, struct errinfo *ei);
MUST_CHECK enum err clearing_answer_write(struct clearing_answer *m,
                                          const uint8_t confirm[REALM_CONFIRM_LEN],
                                          const uint8_t request_tag[CLEARING_TAG_LEN],
                                          struct buf *out, struct errinfo *ei);

/* Parse only: ERR_TRUNCATED, ERR_MALFORMED, ERR_VERSION. The tag is not looked at. */
MUST_CHECK enum err clearing_request_read(const void *data, size_t len,
                                          struct clearing_request *out);
MUST_CHECK enum err clearing_answer_read(const void *data, size_t len, struct clearing_answer *out);

/* Whether a message that parsed was made with this confirmation key; an answer also, whether it
 * answers the request with that tag. */
bool clearing_request_is_of(const void *data, size_t len, const uint8_t confirm[REALM_CONFIRM_LEN]);
bool clearing_answer_is_of(const void *data, size_t len, const uint8_t confirm[REALM_CONFIRM_LEN],
                           const uint8_t request_tag[CLEARING_TAG_LEN]);

#endif
