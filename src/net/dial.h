/* dial: one DCE/RPC call over TCP, blocking, with one deadline for the whole exchange: name
 * look-up, connecting, bind and call. */
#ifndef ADBAD_NET_DIAL_H
#define ADBAD_NET_DIAL_H

#include "base/buf.h"
#include "base/guid.h"
#include "net/resolver.h"
#include "rpc/client.h"

/* Appends the request's stub in the syntax that was agreed. */
typedef void dial_stub_fn(void *arg, bool ndr64, struct buf *out);

struct dial {
    const char *host;
    uint16_t port;
    struct guid iface;
    uint16_t major, minor;
    uint16_t opnum;
    enum rpc_offer offer;
    uint16_t call_fragment; /* most bytes of a request's fragment; 0: what is agreed */
    /* NULL: no authentication. Else as in struct rpc_client_conf; the caller closes it. */
    struct rpc_security *security;
    uint8_t authn_type, authn_level;
    int timeout_ms;
    dial_stub_fn *stub; /* NULL: bind only; the reply then tells the syntax */
    void *arg;
};

#define DIAL_ADDRESS_MAX 64

struct dial_reply {
    struct buf stub; /* the caller frees (buf_fini) */
    bool big, ndr64;
    char address[DIAL_ADDRESS_MAX]; /* that took the connection, without port */
};

/* Tries the host's addresses in turn until one takes the connection. ei->hresult: 0x800706BA
 * (nobody there, or silent), 0x800706B5 (does not serve the interface), 0x800706BE (the call
 * failed), or the resolver's. */
MUST_CHECK enum err dial_call(struct resolver *r, const struct dial *d, struct dial_reply *out,
                              struct errinfo *ei);

#endif
