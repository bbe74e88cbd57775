/* labcall: one call of the lab RPC interface, as the clearing house and clients' reports are asked:
 * bytes there, bytes back, and a result (docs/protocol/lab.md). */
#ifndef ADBAD_STEWARD_LABCALL_H
#define ADBAD_STEWARD_LABCALL_H

#include "base/buf.h"
#include "base/err.h"
#include "rpc/lab.h"

struct labcall {
    const char *what;    /* "clearing house": what is called, for people */
    const char *address; /* ADDRESS[:PORT] */
    const char *dns;     /* DNS server; NULL: the system's */
    int timeout_ms;
    enum rpc_lab_op op;
};

/* The answer's bytes are appended to answer; *hresult is the result. ERR_CONFIG for an address that
 * is none, else as dial_call. */
MUST_CHECK enum err labcall(const struct labcall *c, const struct buf *request, struct buf *answer,
                            uint32_t *hresult, struct errinfo *ei);

#endif
