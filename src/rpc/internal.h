/* internal: the state of a server connection, shared by auth, bind, conn, request and shared only.
 */
#ifndef ADBAD_RPC_INTERNAL_H
#define ADBAD_RPC_INTERNAL_H

#include "rpc/conn.h"
#include "rpc/pdu.h"
#include "rpc/security.h"

struct rpc_auth_context;

#define RPC_CONN_CONTEXTS 32u /* presentation contexts that one connection may hold */
#define RPC_CONN_PARTIALS 16u /* calls whose fragments may be interleaved */

/* Association group: exists while a connection belongs to it. */
struct rpc_group {
    struct rpc_group *next; /* in its bucket */
    uint32_t id;
    unsigned members; /* under the lock of shared.c, as next */
};

/* The group with this id, joined; NULL if there is none. */
struct rpc_group *rpc_group_join(struct rpc_shared *s, uint32_t id);
/* A new one with one member; NULL: out of memory. */
struct rpc_group *rpc_group_new(struct rpc_shared *s);
void rpc_group_leave(struct rpc_shared *s, struct rpc_group *g);

/* An accepted presentation context. */
struct rpc_context {
    const struct rpc_iface *iface;
    uint16_t id;
    bool ndr64;
};

/* Most requests are smaller: their nodes are all of one size, and recycled by the server. */
#define RPC_SPARE_STUB  512u
#define RPC_SPARE_NODES 256u

struct call_node {
    struct rpc_call call; /* first: a call given to the caller is its node */
    struct call_node *next, *prev;
    struct rpc_auth_context *auth; /* whose call it is; NULL: nobody's in particular */
    uint8_t drep0;
    bool common;      /* of the one size */
    struct buf parts; /* the stub while fragments arrive */
    uint8_t whole[];  /* the stub of a request that came in one fragment */
};

struct rpc_conn {
    struct rpc_server *server;
    struct rpc_group *group;
    struct rpc_context *contexts;
    uint16_t context_count;
    uint16_t max_frag;
    bool bound;
    bool mpx; /* fragments of several calls may interleave */
    bool header_signing;
    bool closed;
    enum rpc_reason reason;
    uint32_t skip; /* bytes still to come of a PDU that is too large to keep */
    char *detail;
    struct buf in; /* a PDU that has not come in whole */
    struct buf out;
    struct rpc_auth_context *auth; /* security contexts */
    struct buf clear;              /* auth.c: the request at hand, unsealed */
    struct call_node *partial;     /* waiting for fragments */
    struct call_node *open;        /* given to the caller */
    struct call_node *ready;       /* the one of them that RPC_CALL announced */
    size_t open_count;
    size_t partial_bytes;
};

/* Closes the connection without an answer. */
void conn_close(struct rpc_conn *c, enum rpc_reason reason, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Answers with BIND_NAK and closes. */
void conn_nak(struct rpc_conn *c, const struct rpc_hdr *h, uint16_t nak, enum rpc_reason reason,
              const char *fmt, ...) PRINTF_LIKE(5, 6);

/* A fault to send. */
struct fault {
    uint32_t call_id;
    uint16_t context_id;
    uint8_t flags;
    uint32_t status;
};

/* nca_s_proto_error for the call with nothing executed: the answer to most broken PDUs. */
static inline struct fault fault_proto(uint32_t call_id)
{
    return (struct fault){call_id, 0, RPC_PFC_DID_NOT_EXECUTE, RPC_FAULT_PROTO_ERROR};
}

/* Sends the fault and closes. */
void conn_fault_close(struct rpc_conn *c, struct fault f, enum rpc_reason reason, const char *fmt,
                      ...) PRINTF_LIKE(4, 5);
/* Counts and reports a refusal that leaves the connection open. */
void conn_refuse(struct rpc_conn *c, enum rpc_reason reason, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The context, or NULL. Valid until the next bind or alter. */
const struct rpc_context *conn_context(const struct rpc_conn *c, uint16_t id);

void conn_on_bind(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu);
void conn_on_alter(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu);
/* True: a whole call is ready. */
bool conn_on_request(struct rpc_conn *c, const struct rpc_hdr *h, const uint8_t *pdu);

void call_link(struct call_node **list, struct call_node *n);
void call_unlink(struct call_node **list, struct call_node *n);
/* Memory for a call whose stub has so many bytes, not yet zeroed but for common; NULL: there is
 * none. */
struct call_node *call_alloc(struct rpc_server *s, size_t stub_len);
void call_free(struct rpc_server *s, struct call_node *n);

#endif
