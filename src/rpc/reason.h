/* reason: why a connection was closed or a PDU refused. The names are stable: they appear in logs,
 * counters and documents (docs/protocol/rpc.md). */
#ifndef ADBAD_RPC_REASON_H
#define ADBAD_RPC_REASON_H

enum rpc_reason {
    RPC_OK,
    RPC_BAD_VERSION,  /* rpc_vers or data representation not ours */
    RPC_NOT_RPC,      /* the first byte is nothing like DCE/RPC */
    RPC_BAD_LENGTH,   /* frag_length impossible for the type */
    RPC_BAD_PDU,      /* a body that breaks its format */
    RPC_BAD_TYPE,     /* unknown packet type */
    RPC_NOT_BOUND,    /* a call before bind */
    RPC_UNEXPECTED,   /* a packet type that a client may not send, or not now */
    RPC_BAD_FRAGMENT, /* fragment state machine */
    RPC_TOO_LARGE,    /* fragment or reassembled stub above its bound */
    RPC_SECOND_BIND,
    RPC_BAD_AUTH, /* auth trailer impossible, not supported, or not what was agreed on */
    RPC_NO_MEMORY,
    RPC_BAD_BIND,        /* a bind or alter without contexts, or with contradicting ones */
    RPC_BAD_GROUP,       /* bind into an association group that does not exist */
    RPC_CANCELLED,       /* a call that arrives cancelled */
    RPC_UNKNOWN_CONTEXT, /* request on a context that is not bound; the connection stays */
    RPC_BAD_OPNUM,       /* operation number out of range; the connection stays */
    RPC_REJECTED,        /* no context of a bind or alter was accepted; the connection stays */
    RPC_AUTH_FAILED,     /* the security provider refused the peer's token */
    RPC_BAD_SIGNATURE,   /* a signed fragment was changed, replayed or came out of order */
    RPC_REASONS
};

/* A lower-case word ("bad-length"); never NULL. */
const char *rpc_reason_name(enum rpc_reason reason);
/* What the peer did, in a sentence for people; never NULL. */
const char *rpc_reason_text(enum rpc_reason reason);

#endif
