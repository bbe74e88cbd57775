/* gss: Kerberos as the security provider of DCE/RPC (MS-KILE, MS-SPNG), bare and within SPNEGO,
 * through MIT's GSSAPI in DCE style. Blocks only where it says so. */
#ifndef ADBAD_GSS_GSS_H
#define ADBAD_GSS_GSS_H

#include <stdbool.h>

#include "base/err.h"
#include "rpc/security.h"

struct gss_service {
    int keytab; /* a file that is open: keys of host/ principals of one realm; it stays open */
    const char *name;    /* what errors call it */
    const char *domain;  /* whose realm it must be, in any case; NULL: any */
    const char *replays; /* file of the replay cache, made if there is none; NULL: MIT's default */
};

/* The keys of a service, in memory: the file is read once, here, by the name that /proc gives it.
 * ERR_CONFIG: it has no keys, others than those above, or is no keytab. */
struct gss_keys;
MUST_CHECK enum err gss_keys_read(const struct gss_service *s, struct gss_keys **out,
                                  struct errinfo *ei);
/* From any thread; they are overwritten when the last who holds them lets them go. NULL is fine. */
void gss_keys_drop(struct gss_keys *keys);
/* For the thread that read b. */
bool gss_keys_equal(const struct gss_keys *a, const struct gss_keys *b);
/* "version 2", "versions 1, 2" (key version numbers). */
const char *gss_keys_versions(const struct gss_keys *keys);

/* Accepts with these keys, which become its own. A first leg reads krb5.conf and locks and writes
 * the replay cache, briefly. */
MUST_CHECK enum err gss_acceptor_new(struct gss_keys *keys, const struct rpc_acceptor **out,
                                     struct errinfo *ei);
/* Those of the moment, good until gss_acceptor_use, which one thread alone calls. */
const struct gss_keys *gss_acceptor_keys(const struct rpc_acceptor *a);
/* Puts others, which become its own, in their place: logins begin with these from now on, and those
 * that have begun end with what they began with. Other threads may be opening contexts. */
void gss_acceptor_use(const struct rpc_acceptor *a, struct gss_keys *keys);
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
