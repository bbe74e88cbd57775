/* lab: the lab RPC interface, ad22ec4d-b220-4117-b990-c68825db23e5 version 1.0, served in lab mode
 * only (docs/protocol/lab.md). Here its echo (operation 4), which lets RPC test suites of others
 * exercise the core; the clearing house and clients' reports are the daemon's. */
#ifndef ADBAD_RPC_LAB_H
#define ADBAD_RPC_LAB_H

#include "rpc/conn.h"

#define RPC_LAB_UUID     "ad22ec4d-b220-4117-b990-c68825db23e5"
#define RPC_LAB_MAX_STUB 0x400000u /* what those suites expect as the bound of a request */

enum rpc_lab_op { RPC_LAB_ECHO = 4, RPC_LAB_CLEARING = 5, RPC_LAB_REPORT = 6, RPC_LAB_OPS };

/* The entry for the server's list of interfaces; id is the caller's own number for it. */
struct rpc_iface rpc_lab_iface(int id);
/* Answers an echo: 0 with the response stub in out, else the fault to send.
 *
 * In: a conformant array of bytes (its size, then the bytes); what follows it is ignored. Out: the
 * same array and a 32-bit status, 0. Other operations: RPC_FAULT_OP_RANGE. */
MUST_CHECK uint32_t rpc_lab_handle(const struct rpc_call *call, struct buf *out);

#endif
