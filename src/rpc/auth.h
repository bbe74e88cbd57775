/* auth: the security contexts of a server connection: legs, and the trailers of its PDUs. */
#ifndef ADBAD_RPC_AUTH_H
#define ADBAD_RPC_AUTH_H

#include "rpc/internal.h"
#include "rpc/security.h"

/* Security contexts that one connection may hold. */
#define RPC_CONN_SECURITY 8u
/* Legs that one of them may take; Kerberos within SPNEGO needs three of the client's. */
#define RPC_SECURITY_LEGS 8u

struct rpc_auth_context {
    struct rpc_auth_context *next;
    struct rpc_security *security;
    uint32_t id;
    uint8_t type, level, legs;
    bool finished;
    bool invalid; /* its last leg came in an auth3, which has no answer, and failed */
    struct rpc_security_facts facts;
};

/* Whether PDUs of this level carry a signature. */
static inline bool auth_signs(uint8_t level)
{
    return level >= RPC_LEVEL_PACKET;
}

/* A leg in a bind. True: go on and append token as the ack's trailer; else it was answered. */
bool auth_on_bind(struct rpc_conn *c, const struct rpc_hdr *h, const struct rpc_auth *a,
                  struct buf *token);
/* Before an alter_context's presentation contexts are looked at. False: it was answered. */
bool auth_may_alter(struct rpc_conn *c, const struct rpc_hdr *h, const struct rpc_auth *a);
/* A leg in an alter_context; as auth_on_bind. */
bool auth_on_alter(struct rpc_conn *c, const struct rpc_hdr *h, const struct rpc_auth *a,
                   struct buf *token);
void auth_on_auth3(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu);

/* The security context of a request, *out NULL for one that has none. False: it was refused.
 * begun: the call that the fragment goes on with, or NULL. */
bool auth_of_request(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu,
                     const struct call_node *begun, uint16_t context_id,
                     struct rpc_auth_context **out);
/* Checks a signed request and gives its stub in the clear, in memory of the connection's until the
 * next one. False: it was refused. */
bool auth_open_request(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu,
                       struct rpc_auth_context *x, struct rpc_request *q);

/* Most stub octets in a fragment of an answer. */
size_t auth_room(const struct rpc_conn *c, const struct rpc_auth_context *x);
/* Pads and signs the response that began at offset start of the output. False: the connection was
 * closed. */
bool auth_seal_response(struct rpc_conn *c, struct rpc_auth_context *x, size_t start);

/* A security context waits for its next leg. */
bool auth_pending(const struct rpc_conn *c);

void auth_free(struct rpc_conn *c);

#endif
