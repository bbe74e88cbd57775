#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "gss/context.h"

struct acceptor {
    struct rpc_acceptor core; /* first */
    gss_cred_id_t cred;
};

static void free_context(struct rpc_security *s)
{
    struct gss_context *c = (struct gss_context *)s;
    OM_uint32 minor;

    gss_delete_sec_context(&minor, &c->ctx, GSS_C_NO_BUFFER);
    free(c);
}

static enum rpc_security_step step(struct rpc_security *s, const void *token, size_t len,
                                   struct buf *out, struct rpc_security_facts *facts,
                                   struct errinfo *ei)
{
    struct gss_context *c = (struct gss_context *)s;
    gss_buffer_desc in = {len, (void *)(uintptr_t)token}, answer = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor, ignored, flags = 0;

    major = gss_accept_sec_context(&minor, &c->ctx, c->cred, &in, GSS_C_NO_CHANNEL_BINDINGS, NULL,
                                   NULL, &answer, &flags, NULL, NULL);
    if (GSS_ERROR(major)) {
        gss_release_buffer(&ignored, &answer);
        gss_fail(ei, ERR_AUTH, "authentication", major, minor);
        return RPC_SECURITY_FAILED;
    }
    buf_add(out, answer.value, answer.length);
    gss_release_buffer(&ignored, &answer);
    if ((major & GSS_S_CONTINUE_NEEDED) != 0)
        return RPC_SECURITY_MORE;
    return gss_context_facts(c, true, flags, facts, ei) == ERR_OK ? RPC_SECURITY_DONE
                                                                  : RPC_SECURITY_FAILED;
}

static const struct rpc_security_ops ops = {
    .step = step,
    .signature_size = gss_context_signature_size,
    .protect = gss_context_protect,
    .check = gss_context_check,
    .close = free_context,
};

static bool serves(const struct rpc_acceptor *a, uint8_t type)
{
    (void)a;
    return type == RPC_AUTHN_KERBEROS || type == RPC_AUTHN_SPNEGO;
}

static struct rpc_security *open_context(const struct rpc_acceptor *core, uint8_t type)
{
    const struct acceptor *a = (const struct acceptor *)core;
    struct gss_context *c = calloc(1, sizeof(*c));

    (void)type; /* a token says itself whose it is */
    if (c == NULL)
        return NULL;
    c->security.ops = &ops;
    c->cred = a->cred;
    return &c->security;
}

enum err gss_acceptor_new(const char *keytab, const struct rpc_acceptor **out, struct errinfo *ei)
{
    gss_OID_desc mechs[2] = {*gss_mech_krb5, gss_spnego};
    gss_OID_set_desc wanted = {2, mechs};
    gss_key_value_element_desc element = {.key = "keytab", .value = keytab};
    const gss_key_value_set_desc store = {.count = 1, .elements = &element};
    OM_uint32 major, minor;
    struct acceptor *a;

    if (file_require_private(keytab, ei) != ERR_OK)
        return ei != NULL ? ei->code : ERR_REFUSED;
    a = calloc(1, sizeof(*a));
    if (a == NULL)
        return err_nomem(ei);
    major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &wanted, GSS_C_ACCEPT,
                                  &store, &a->cred, NULL, NULL);
    if (GSS_ERROR(major)) {
        free(a);
        gss_fail(ei, ERR_CONFIG, "use the keys of the service", major, minor);
        return err_context(ei, "keytab %s", keytab);
    }
    a->core.serves = serves;
    a->core.open = open_context;
    *out = &a->core;
    return ERR_OK;
}

void gss_acceptor_free(const struct rpc_acceptor *core)
{
    struct acceptor *a = (struct acceptor *)(uintptr_t)core;
    OM_uint32 minor;

    if (a == NULL)
        return;
    gss_release_cred(&minor, &a->cred);
    free(a);
}
