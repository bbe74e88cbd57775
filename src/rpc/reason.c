#include "rpc/reason.h"

const char *rpc_reason_name(enum rpc_reason reason)
{
    static const char *const names[RPC_REASONS] = {
        [RPC_OK] = "ok",
        [RPC_BAD_VERSION] = "bad-version",
        [RPC_NOT_RPC] = "not-rpc",
        [RPC_BAD_LENGTH] = "bad-length",
        [RPC_BAD_PDU] = "bad-pdu",
        [RPC_BAD_TYPE] = "bad-type",
        [RPC_NOT_BOUND] = "not-bound",
        [RPC_UNEXPECTED] = "unexpected-pdu",
        [RPC_BAD_FRAGMENT] = "bad-fragment",
        [RPC_TOO_LARGE] = "too-large",
        [RPC_SECOND_BIND] = "second-bind",
        [RPC_BAD_AUTH] = "bad-auth",
        [RPC_NO_MEMORY] = "no-memory",
        [RPC_BAD_BIND] = "bad-bind",
        [RPC_BAD_GROUP] = "bad-group",
        [RPC_CANCELLED] = "cancelled",
        [RPC_UNKNOWN_CONTEXT] = "unknown-context",
        [RPC_BAD_OPNUM] = "bad-opnum",
        [RPC_REJECTED] = "rejected",
        [RPC_AUTH_FAILED] = "auth-failed",
        [RPC_BAD_SIGNATURE] = "bad-signature",
    };

    return (unsigned)reason < RPC_REASONS ? names[reason] : "unknown";
}
