/* client: the client side of one association, without a socket. */
#ifndef ADBAD_RPC_CLIENT_H
#define ADBAD_RPC_CLIENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "rpc/iface.h"
#include "rpc/security.h"

/* The transfer syntaxes that a bind proposes, each in a context of its own. */
enum rpc_offer {
    RPC_OFFER_NDR,
    RPC_OFFER_NDR64,
    RPC_OFFER_BOTH, /* NDR64 before NDR 2.0: a server takes the first it knows */
};

#define RPC_CLIENT_FRAGMENT_MIN 32u /* header, fixed part and eight bytes of stub */

struct rpc_client_conf {
    struct guid uuid; /* interface */
    uint16_t major, minor;
    enum rpc_offer offer;
    bool features;          /* proposes bind-time features too (MS-RPCE 3.3.1.5.3) */
    uint16_t max_fragment;  /* own offer for xmit and recv; 0: 5840 */
    uint16_t call_fragment; /* split requests so that fragments are at most this long; 0: no more
                               than agreed */
    /* NULL: no authentication. Else a context of the side that begins, which the caller closes
     * after the client; every call is made with it. */
    struct rpc_security *security;
    uint8_t authn_type, authn_level; /* RPC_AUTHN_…, enum rpc_level but CALL */
    uint32_t max_stub;               /* most bytes of a reassembled response; 0: 64 KiB */
};

enum rpc_client_step {
    RPC_CLIENT_MORE,     /* send the output, feed what comes */
    RPC_CLIENT_BOUND,    /* the bind was accepted, and we are known; calls may follow */
    RPC_CLIENT_RESPONSE, /* rpc_client_stub holds the answer */
    RPC_CLIENT_FAULT,    /* rpc_client_fault says which */
    RPC_CLIENT_FAILED,   /* bind refused or the peer broke the protocol; ei says why */
};

struct rpc_client;

/* The output holds the bind at once. NULL: out of memory, or the first token cannot be made. */
struct rpc_client *rpc_client_new(const struct rpc_client_conf *conf);
void rpc_client_free(struct rpc_client *c);

/* Queues a request; one call at a time (ERR_NOT_NOW before the bind was accepted or while a call is
 * unanswered). The stub is little-endian, in the syntax of rpc_client_ndr64. */
MUST_CHECK enum err rpc_client_call(struct rpc_client *c, uint16_t opnum, const void *stub,
                                    size_t len, struct errinfo *ei);
/* Consumes up to len bytes, *used says how many; feed the rest after every step but
 * RPC_CLIENT_FAILED, which is final. */
enum rpc_client_step rpc_client_feed(struct rpc_client *c, const void *in, size_t len, size_t *used,
                                     struct errinfo *ei);
struct buf *rpc_client_output(struct rpc_client *c);
/* The last response; valid until the next call. */
const struct buf *rpc_client_stub(const struct rpc_client *c);
bool rpc_client_stub_big(const struct rpc_client *c);
/* Who the server is, as the security context says; NULL: not authenticated. */
const struct rpc_security_facts *rpc_client_peer(const struct rpc_client *c);
bool rpc_client_ndr64(const struct rpc_client *c); /* agreed */
/* The features that the server has of those proposed (RPC_FEATURE_…). */
uint16_t rpc_client_features(const struct rpc_client *c);
uint32_t rpc_client_fault(const struct rpc_client *c);

#endif
