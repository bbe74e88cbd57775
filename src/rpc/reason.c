#include "rpc/reason.h"

static const struct {
    const char *name, *text;
} reasons[RPC_REASONS] = {
    [RPC_OK] = {"ok", "nothing was wrong"},
    [RPC_BAD_VERSION] = {"bad-version", "its PDU is of another RPC version than 5, or of a data "
                                        "representation that nobody uses any more"},
    [RPC_NOT_RPC] = {"not-rpc", "what it sent does not begin like DCE/RPC: another protocol"},
    [RPC_BAD_LENGTH] = {"bad-length", "the length in its PDU's header can't be that of such a PDU"},
    [RPC_BAD_PDU] = {"bad-pdu", "the PDU breaks the format of its type"},
    [RPC_BAD_TYPE] = {"bad-type", "there is no such type of PDU"},
    [RPC_NOT_BOUND] = {"not-bound", "it called before it had bound an interface"},
    [RPC_UNEXPECTED] = {"unexpected-pdu", "a client may not send such a PDU, or not at this point"},
    [RPC_BAD_FRAGMENT] = {"bad-fragment", "its fragments do not make one call: a first one is "
                                          "missing, or another call came between"},
    [RPC_TOO_LARGE] = {"too-large", "a fragment, or the call that they make, is above its bound"},
    [RPC_SECOND_BIND] = {"second-bind", "it bound twice on one connection"},
    [RPC_BAD_AUTH] = {"bad-auth", "its authentication trailer is impossible, of a kind that is not "
                                  "served here, or not what was agreed on"},
    [RPC_NO_MEMORY] = {"no-memory", "this host had no memory for it"},
    [RPC_BAD_BIND] = {"bad-bind", "it offered no interface, or contradicting ones"},
    [RPC_BAD_GROUP] = {"bad-group", "it named an association group that does not exist"},
    [RPC_CANCELLED] = {"cancelled", "its call came cancelled"},
    [RPC_UNKNOWN_CONTEXT] = {"unknown-context", "it called through an interface that it had not "
                                                "bound; the connection stayed"},
    [RPC_BAD_OPNUM] = {"bad-opnum", "the interface has no operation of that number; the connection "
                                    "stayed"},
    [RPC_REJECTED] = {"rejected", "it asked for interfaces that are not served here; the "
                                  "connection stayed"},
    [RPC_AUTH_FAILED] = {"auth-failed", "Kerberos refused its token"},
    [RPC_BAD_SIGNATURE] = {"bad-signature", "a signed fragment was changed on its way, sent again, "
                                            "or came out of order"},
};

const char *rpc_reason_name(enum rpc_reason reason)
{
    return (unsigned)reason < RPC_REASONS ? reasons[reason].name : "unknown";
}

const char *rpc_reason_text(enum rpc_reason reason)
{
    return (unsigned)reason < RPC_REASONS ? reasons[reason].text : "unknown";
}
