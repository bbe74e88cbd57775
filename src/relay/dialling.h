/* dialling: what goes between the relay and the dialler (relay/dialler.h) over a channel, one
 * record of a SOCK_SEQPACKET socket each: a type (u8) and fields in order, integers little-endian.
 * A request names an address by the number that the dialler gave it, so that nobody can ask for
 * another. Both ends are the same program, so there is no version. Reading trusts nothing of it.
 * Private to this room. */
#ifndef ADBAD_RELAY_DIALLING_H
#define ADBAD_RELAY_DIALLING_H

#include "base/address.h"
#include "base/buf.h"
#include "base/relaytarget.h"
#include "relay/policy.h"

#define DIALLING_MAX        1024 /* bytes of a record */
#define RELAY_ADDRESSES_MAX 8    /* of one upstream */

enum dialling_type {
    DIALLING_LOOK = 1,  /* look up all upstreams */
    DIALLING_CONNECT,   /* connect to one address */
    DIALLING_CONNECTED, /* the answer to that; with the socket if there was no error */
    DIALLING_FOUND,     /* one upstream; any number of them */
    DIALLING_LOOKED,    /* … and this after the last */
};

struct dialling_request {
    enum dialling_type type; /* DIALLING_LOOK or DIALLING_CONNECT, which has the rest */
    uint32_t ticket;         /* comes back with the answer */
    uint32_t number;
    uint32_t limit_ms; /* after which the answer is an error */
};

struct relay_address {
    uint32_t number;
    bool local; /* this machine's, by its interfaces */
    union address at;
};

struct dialling_found {
    struct relay_target target;
    struct relay_address at[RELAY_ADDRESSES_MAX];
    unsigned n;
    char why[RELAY_WHY_MAX]; /* there is no address; "" if there is */
};

struct dialling_answer {
    enum dialling_type type;
    uint32_t ticket;
    int error; /* CONNECTED: an errno(3), or 0 */
    struct dialling_found found;
    bool failed;      /* LOOKED: the names of the upstreams themselves are not known, … */
    uint32_t records; /* … of which DNS has so many */
    char why[RELAY_WHY_MAX];
};

/* In place of what out holds. Texts are cut to what a reader takes. */
MUST_CHECK enum err dialling_write_request(const struct dialling_request *r, struct buf *out);
MUST_CHECK enum err dialling_write_answer(const struct dialling_answer *a, struct buf *out);
/* ERR_MALFORMED or ERR_TRUNCATED for what neither of these writes; *out is zero then. */
MUST_CHECK enum err dialling_read_request(const void *record, size_t len,
                                          struct dialling_request *out);
MUST_CHECK enum err dialling_read_answer(const void *record, size_t len,
                                         struct dialling_answer *out);

#endif
