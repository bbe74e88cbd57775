/* reason: why a connection on 1688 ended, for logs, counters and people. The names are stable. */
#ifndef ADBAD_NET_REASON_H
#define ADBAD_NET_REASON_H

#include "rpc/reason.h"

/* Why a connection ended, beside what rpc_conn says (enum rpc_reason). */
enum net_reason {
    NET_PEER_CLOSED,
    NET_PEER_RESET,       /* the connection broke */
    NET_BIND_TIMEOUT,     /* not bound in time */
    NET_EXCHANGE_TIMEOUT, /* a PDU or call was begun and not completed in time */
    NET_IDLE_TIMEOUT,     /* bound, and silent */
    NET_WRITE_TIMEOUT,    /* does not take its answers */
    NET_SOURCE_LIMIT,     /* too many connections of one source address */
    NET_NOT_ALLOWED,      /* an address that is not to be served */
    NET_BAD_PROXY_HEADER, /* a balancer that does not tell for whom it connects */
    NET_UNANSWERED,       /* the handler had no answer to give (net_call_abort) */
    NET_SHUTDOWN,
    NET_REASONS
};

/* One number for both: an enum net_reason, or NET_REASONS + enum rpc_reason. */
#define NET_RPC_REASON(r) (NET_REASONS + (unsigned)(r))
#define NET_CLOSE_REASONS NET_RPC_REASON(RPC_REASONS)
const char *net_reason_name(unsigned reason);
/* What happened, and where there is one the remedy; never NULL. */
const char *net_reason_text(unsigned reason);

#endif
