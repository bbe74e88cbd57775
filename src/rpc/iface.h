/* iface: what an RPC interface is to the server core. */
#ifndef ADBAD_RPC_IFACE_H
#define ADBAD_RPC_IFACE_H

#include <stdint.h>

#include "base/guid.h"

struct rpc_iface {
    struct guid uuid;
    uint16_t major, minor;
    uint16_t opnums;   /* opnums 0 … opnums-1 exist; beyond: nca_op_rng_error */
    uint32_t max_stub; /* most bytes of a reassembled request; beyond: ACCESS_DENIED, close */
    const char *name;  /* for logs: "activation" */
    int id;            /* the caller's own number for it */
    uint32_t max_hint; /* most alloc_hint of a whole request in one fragment; 0: max_stub */
};

/* Fault statuses (C706 appendix E; Windows error codes where MS-RPCE uses them). */
#define RPC_FAULT_ACCESS_DENIED  0x00000005u
#define RPC_FAULT_SEC_PKG        0x00000721u /* RPC_S_SEC_PKG_ERROR */
#define RPC_FAULT_BAD_STUB       0x000006f7u /* RPC_X_BAD_STUB_DATA */
#define RPC_FAULT_OP_RANGE       0x1c010002u /* nca_s_op_rng_error */
#define RPC_FAULT_UNKNOWN_IF     0x1c010003u /* nca_s_unk_if */
#define RPC_FAULT_PROTO_ERROR    0x1c01000bu /* nca_s_proto_error */
#define RPC_FAULT_CALL_CANCELLED 0x000006bdu /* no call active */

#endif
