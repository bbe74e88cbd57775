/* context: one GSSAPI context, of either side. Private to this room. */
#ifndef ADBAD_GSS_CONTEXT_H
#define ADBAD_GSS_CONTEXT_H

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include "gss/gss.h"

struct gss_context {
    struct rpc_security security; /* first: it is what the core knows */
    gss_ctx_id_t ctx;
    gss_cred_id_t cred; /* the initiator's own */
    gss_name_t target;  /* initiator */
    gss_OID mech;       /* initiator */
    char cache[48];     /* initiator: the name of its credential cache */
    struct buf first;   /* initiator: the first token until it is asked for */
    enum rpc_security_step begun;
};

/* 1.3.6.1.5.5.2 (RFC 4178); the headers have none for it. */
extern const gss_OID_desc gss_spnego;

/* Kerberos alone may be agreed on, bare or within SPNEGO, whatever else is installed. */
OM_uint32 gss_only_krb5(OM_uint32 *minor, gss_cred_id_t cred);

/* All but the step. */
size_t gss_context_signature_size(struct rpc_security *s, bool seal);
enum err gss_context_protect(struct rpc_security *s, bool seal, const struct rpc_protected *p,
                             uint8_t *signature, size_t len, struct errinfo *ei);
enum err gss_context_check(struct rpc_security *s, bool seal, const struct rpc_protected *p,
                           const uint8_t *signature, size_t len, struct errinfo *ei);

/* What a finished context knows of the peer; flags as the last leg gave them. ERR_AUTH: the peer
 * did not authenticate in DCE style or with Kerberos, has no name that fits, or took us for another
 * service than host/. */
enum err gss_context_facts(struct gss_context *c, bool acceptor, OM_uint32 flags,
                           struct rpc_security_facts *out, struct errinfo *ei);
/* Fails as "what: cause", with both parts of what GSSAPI says. */
enum err gss_fail(struct errinfo *ei, enum err code, const char *what, OM_uint32 major,
                  OM_uint32 minor);

#endif
