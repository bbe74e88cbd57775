/* security: what the core needs of a security provider (MS-RPCE 2.2.1.1.7, 3.1.1.1), and what that
 * tells of the peer. The core frames and checks; keys and tickets are the provider's (src/gss). */
#ifndef ADBAD_RPC_SECURITY_H
#define ADBAD_RPC_SECURITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Types (MS-RPCE 2.2.1.1.7). */
#define RPC_AUTHN_NONE     0u
#define RPC_AUTHN_SPNEGO   9u
#define RPC_AUTHN_KERBEROS 16u

/* Levels (MS-RPCE 2.2.1.1.8). */
enum rpc_level {
    RPC_LEVEL_NONE = 1,
    RPC_LEVEL_CONNECT = 2,
    RPC_LEVEL_CALL = 3,
    RPC_LEVEL_PACKET = 4, /* protected as integrity is */
    RPC_LEVEL_INTEGRITY = 5,
    RPC_LEVEL_PRIVACY = 6,
};

/* "connect", "packet", …; never NULL. */
const char *rpc_level_name(uint8_t level);

#define RPC_PRINCIPAL_MAX 256
#define RPC_SID_MAX       68 /* 15 sub-authorities (MS-DTYP 2.4.2.2) */

/* What a finished context knows. */
struct rpc_security_facts {
    char principal[RPC_PRINCIPAL_MAX]; /* the peer as the provider writes it, "PC01$@LAB.EXAMPLE" */
    uint8_t sid[RPC_SID_MAX]; /* the peer's account, as its domain signed it (MS-DTYP 2.4.2.2) */
    size_t sid_len;           /* 0: nobody signed one */
    bool own_realm;           /* the peer's realm is that of our own principal */
    bool private;             /* messages may be sealed */
    bool ordered;             /* replayed messages and wrong order are refused */
};

/* ERR_CRYPTO: what the provider agreed with the peer is less than the level (enum rpc_level)
 * promises. */
MUST_CHECK enum err rpc_security_suffices(const struct rpc_security_facts *f, uint8_t level,
                                          struct errinfo *ei);

enum rpc_security_step {
    RPC_SECURITY_MORE, /* another leg must come */
    RPC_SECURITY_DONE, /* finished; a token may be left to send */
    RPC_SECURITY_FAILED,
};

/* A PDU as a provider sees it: one run of bytes, of which the stub with its padding (data) may be
 * sealed. head and tail, the octets before and behind it, are zero without header signing. */
struct rpc_protected {
    uint8_t *start;
    size_t head, data, tail;
};

struct rpc_security;

struct rpc_security_ops {
    /* One leg: the peer's token in (the initiator's first leg: none), the answer appended to out.
     * DONE fills in facts. A context that failed is only closed. */
    enum rpc_security_step (*step)(struct rpc_security *s, const void *token, size_t len,
                                   struct buf *out, struct rpc_security_facts *facts,
                                   struct errinfo *ei);
    /* How long a signature is. Of a finished context, as below; 0: it cannot do that. */
    size_t (*signature_size)(struct rpc_security *s, bool seal);
    /* Writes the signature over p (signature_size octets) and seals p's data in place. */
    enum err (*protect)(struct rpc_security *s, bool seal, const struct rpc_protected *p,
                        uint8_t *signature, size_t len, struct errinfo *ei);
    /* Checks the signature and unseals p's data in place. ERR_CRYPTO: changed on the way,
     * replayed, out of order, or not sealed. */
    enum err (*check)(struct rpc_security *s, bool seal, const struct rpc_protected *p,
                      const uint8_t *signature, size_t len, struct errinfo *ei);
    void (*close)(struct rpc_security *s);
};

/* The first member of a provider's own. */
struct rpc_security {
    const struct rpc_security_ops *ops;
};

/* Makes contexts for peers that authenticate to us. May be used by several threads at once; a
 * context belongs to the thread of its connection. */
struct rpc_acceptor {
    bool (*serves)(const struct rpc_acceptor *a, uint8_t type);
    /* NULL: out of memory. */
    struct rpc_security *(*open)(const struct rpc_acceptor *a, uint8_t type);
};

#endif
