/* conn: the server side of one connection-oriented DCE/RPC association (C706 chapter 12,
 * MS-RPCE 3.3), without a socket. Bytes in, calls and bytes out.
 *
 * The caller feeds what arrived, answers calls in any order, and sends what rpc_conn_output
 * holds. Deadlines are the caller's: RPC_CONN has no clock. */
#ifndef ADBAD_RPC_CONN_H
#define ADBAD_RPC_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/counter.h"
#include "base/err.h"
#include "rpc/iface.h"
#include "rpc/reason.h"
#include "rpc/security.h"
#include "rpc/shared.h"

struct call_node;

/* What the connections of one address on one thread have in common. Zero it, set the fields up to
 * arg, then rpc_server_init; rpc_server_fini when its connections are gone. */
struct rpc_server {
    const struct rpc_iface *ifaces;
    size_t iface_count;
    char secondary_address[24];          /* the port as text, without NUL counted by the core */
    const struct rpc_acceptor *security; /* outlives the server; NULL: nobody can authenticate */
    /* Optional: called for a refusal that does not close the connection (a fault, a bind of which
     * nothing was accepted); closing ones are told by RPC_CLOSE. */
    void (*on_refusal)(void *arg, enum rpc_reason reason, const char *detail);
    void *arg;
    /* Kept by the core: refusals of both kinds by reason, and traffic. */
    struct counter refused[RPC_REASONS];
    struct counter calls_in, calls_out, pdus_in, pdus_out;
    struct rpc_shared *shared;
    struct rpc_server *next; /* of shared */
    struct call_node *spare; /* calls' memory to use again, and how many */
    unsigned spares;
};

/* shared must outlive the server. */
void rpc_server_init(struct rpc_server *server, struct rpc_shared *shared);
void rpc_server_fini(struct rpc_server *server);

struct rpc_conn;

enum rpc_step {
    RPC_MORE,  /* everything was consumed; feed again when more has come */
    RPC_CALL,  /* a whole call waits (rpc_conn_call); take it, then feed the rest */
    RPC_CLOSE, /* send the output that is left, then close; rpc_conn_reason says why */
};

/* One whole request, reassembled. Valid until it is answered or the connection is freed. */
struct rpc_call {
    uint32_t call_id;
    uint16_t context_id;
    uint16_t opnum;
    const struct rpc_iface *iface;
    bool big; /* integers in the stub are big-endian */
    bool ndr64;
    bool has_object;
    struct guid object;
    const uint8_t *stub;
    size_t stub_len;
    uint8_t level;      /* enum rpc_level, of authentication; every fragment kept it */
    bool header_signed; /* signatures cover the headers of its fragments and of the answer's */
    const struct rpc_security_facts *peer; /* NULL: authentication level none */
    void *user;                            /* the caller's, NULL at first */
};

/* server must outlive the connection. NULL: out of memory. */
struct rpc_conn *rpc_conn_new(struct rpc_server *server);
void rpc_conn_free(struct rpc_conn *c); /* frees unanswered calls too */

/* Consumes up to len bytes; *used says how many. After RPC_CALL or with *used < len, call again
 * with the rest. */
enum rpc_step rpc_conn_feed(struct rpc_conn *c, const void *in, size_t len, size_t *used);
/* The call that RPC_CALL announced; the caller must answer it once, now or later. */
struct rpc_call *rpc_conn_call(struct rpc_conn *c);

/* Answers: queue the response or fault in the output and free the call. The stub is little-endian,
 * in the syntax of call->ndr64. Also right after RPC_CLOSE: the answer then follows the refusal. If
 * memory runs out nothing of the answer is queued and rpc_conn_reason tells it: close the
 * connection. */
void rpc_conn_reply(struct rpc_conn *c, struct rpc_call *call, const void *stub, size_t len);
void rpc_conn_fault(struct rpc_conn *c, struct rpc_call *call, uint32_t status);
/* Drops the call without an answer. */
void rpc_conn_drop(struct rpc_conn *c, struct rpc_call *call);

/* Bytes to send; take them with buf_drop or buf_clear as they go out. */
struct buf *rpc_conn_output(struct rpc_conn *c);
/* Bound, and no authentication is unfinished (for deadlines). */
bool rpc_conn_bound(const struct rpc_conn *c);
/* Bytes of an unfinished PDU or unfinished call are waiting for their rest (for deadlines). */
bool rpc_conn_in_exchange(const struct rpc_conn *c);
size_t rpc_conn_calls_open(const struct rpc_conn *c);
enum rpc_reason rpc_conn_reason(const struct rpc_conn *c);
/* One English line on what was wrong, naming the values seen; "" if nothing was. */
const char *rpc_conn_detail(const struct rpc_conn *c);

#endif
