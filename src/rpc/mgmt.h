/* mgmt: the management interface that every RPC server has (C706 appendix Q):
 * afa8bd80-7d8a-11c9-bef4-08002b102989 version 1.0, operations 0–4. */
#ifndef ADBAD_RPC_MGMT_H
#define ADBAD_RPC_MGMT_H

#include "rpc/conn.h"

enum rpc_mgmt_op {
    RPC_MGMT_INQ_IF_IDS = 0,
    RPC_MGMT_INQ_STATS = 1,
    RPC_MGMT_IS_LISTENING = 2,
    RPC_MGMT_STOP_LISTENING = 3, /* always refused */
    RPC_MGMT_INQ_PRINC_NAME = 4, /* there is none */
    RPC_MGMT_OPS
};

/* The entry for the server's list of interfaces; id is the caller's own number for it. */
struct rpc_iface rpc_mgmt_iface(int id);
/* Answers a call on it: 0 with the response stub in out, else the fault to send. */
MUST_CHECK uint32_t rpc_mgmt_handle(const struct rpc_server *server, const struct rpc_call *call,
                                    struct buf *out);

#endif
