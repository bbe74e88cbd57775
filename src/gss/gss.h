/* gss: Kerberos as the security provider of DCE/RPC (MS-KILE, MS-SPNG), bare and within SPNEGO,
 * through MIT's GSSAPI in DCE style. Blocks only where it says so. */
#ifndef ADBAD_GSS_GSS_H
#define ADBAD_GSS_GSS_H

#include "base/err.h"
#include "rpc/security.h"

struct gss_service {
    const char *keytab;  /* file with the keys of host/ principals of one realm */
    const char *domain;  /* whose realm it must be, in any case; NULL: any */
    const char *replays; /* file of the replay cache, made if there is none; NULL: MIT's default */
};

/* Accepts with the keys of the keytab, which is read, and its mode looked at, at every first leg:
 * new keys count at once. A first leg reads files and locks one, briefly. ERR_REFUSED: others may
 * read the keytab; ERR_CONFIG: it has no keys, or others than those above; ERR_NOTFOUND. */
MUST_CHECK enum err gss_acceptor_new(const struct gss_service *s, const struct rpc_acceptor **out,
                                     struct errinfo *ei);
/* When none of its contexts is left. */
void gss_acceptor_free(const struct rpc_acceptor *a);

struct gss_login {
    const char *keytab;    /* file with the client's key */
    const char *principal; /* the client; NULL: the keytab's first */
    const char *target;    /* the server's principal, "host/kms1.lab.example"; a realm may follow */
    uint8_t type;          /* RPC_AUTHN_KERBEROS or RPC_AUTHN_SPNEGO */
};

/* A context of the side that begins; its first token is made here, and given by its first step.
 * Asks KDCs and so may block. ERR_AUTH and ERR_CONFIG, with the remedy. */
MUST_CHECK enum err gss_initiator_new(const struct gss_login *login, struct rpc_security **out,
                                      struct errinfo *ei);

#endif
