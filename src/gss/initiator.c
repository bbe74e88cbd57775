#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <krb5.h>

#include "gss/context.h"

#define WANTED                                                                                     \
    (GSS_C_DCE_STYLE | GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG |               \
     GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG)

static enum rpc_security_step leg(struct gss_context *c, const void *token, size_t len,
                                  struct buf *out, OM_uint32 *flags, struct errinfo *ei)
{
    gss_buffer_desc in = {len, (void *)(uintptr_t)token}, answer = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor, ignored;

    major = gss_init_sec_context(&minor, c->cred, &c->ctx, c->target, c->mech, WANTED, 0,
                                 GSS_C_NO_CHANNEL_BINDINGS, &in, NULL, &answer, flags, NULL);
    if (GSS_ERROR(major)) {
        gss_release_buffer(&ignored, &answer);
        gss_fail(ei, ERR_AUTH, "authentication", major, minor);
        return RPC_SECURITY_FAILED;
    }
    buf_add(out, answer.value, answer.length);
    gss_release_buffer(&ignored, &answer);
    return (major & GSS_S_CONTINUE_NEEDED) != 0 ? RPC_SECURITY_MORE : RPC_SECURITY_DONE;
}

static enum rpc_security_step step(struct rpc_security *s, const void *token, size_t len,
                                   struct buf *out, struct rpc_security_facts *facts,
                                   struct errinfo *ei)
{
    struct gss_context *c = (struct gss_context *)s;
    enum rpc_security_step r;
    OM_uint32 flags = 0;

    if (c->first.len > 0) {
        buf_add(out, c->first.data, c->first.len);
        buf_fini(&c->first);
        return c->begun;
    }
    r = leg(c, token, len, out, &flags, ei);
    if (r == RPC_SECURITY_DONE && gss_context_facts(c, false, flags, facts, ei) != ERR_OK)
        r = RPC_SECURITY_FAILED;
    return r;
}

/* A credential cache in memory lives, with its tickets, until somebody destroys it. */
static void forget(const char *cache)
{
    krb5_context k;
    krb5_ccache cc;

    if (cache[0] == '\0' || krb5_init_context(&k) != 0)
        return;
    if (krb5_cc_resolve(k, cache, &cc) == 0)
        krb5_cc_destroy(k, cc);
    krb5_free_context(k);
}

static void free_context(struct rpc_security *s)
{
    struct gss_context *c = (struct gss_context *)s;
    OM_uint32 minor;

    gss_delete_sec_context(&minor, &c->ctx, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &c->cred);
    forget(c->cache);
    gss_release_name(&minor, &c->target);
    buf_fini(&c->first);
    free(c);
}

static const struct rpc_security_ops ops = {
    .step = step,
    .signature_size = gss_context_signature_size,
    .protect = gss_context_protect,
    .check = gss_context_check,
    .close = free_context,
};

static enum err import(const char *text, gss_name_t *out, struct errinfo *ei)
{
    gss_buffer_desc b = {strlen(text), (void *)(uintptr_t)text};
    OM_uint32 minor, major;

    major = gss_import_name(&minor, &b, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, out);
    return GSS_ERROR(major) ? gss_fail(ei, ERR_CONFIG, text, major, minor) : ERR_OK;
}

/* A cache in memory of this context's own, filled with the keytab when it is used. */
static enum err log_in(const struct gss_login *l, struct gss_context *c, struct errinfo *ei)
{
    gss_OID_desc mechs[2] = {*gss_mech_krb5, gss_spnego};
    gss_OID_set_desc wanted = {2, mechs};
    static atomic_uint serial;
    gss_key_value_element_desc elements[2] = {{"client_keytab", l->keytab}, {"ccache", c->cache}};
    const gss_key_value_set_desc store = {2, elements};
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 major, minor, ignored;

    snprintf(c->cache, sizeof(c->cache), "MEMORY:adbad-%u", atomic_fetch_add(&serial, 1));
    if (l->principal != NULL && import(l->principal, &name, ei) != ERR_OK)
        return ei != NULL ? ei->code : ERR_CONFIG;
    major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &wanted, GSS_C_INITIATE, &store,
                                  &c->cred, NULL, NULL);
    gss_release_name(&ignored, &name);
    if (!GSS_ERROR(major))
        major = gss_only_krb5(&minor, c->cred);
    if (!GSS_ERROR(major))
        return ERR_OK;
    gss_fail(ei, ERR_AUTH, "log in", major, minor);
    return err_context(ei, "keytab %s", l->keytab);
}

enum err gss_initiator_new(const struct gss_login *login, struct rpc_security **out,
                           struct errinfo *ei)
{
    struct gss_context *c = calloc(1, sizeof(*c));
    OM_uint32 flags;
    enum err e;

    if (c == NULL)
        return err_nomem(ei);
    c->security.ops = &ops;
    c->mech = login->type == RPC_AUTHN_SPNEGO ? (gss_OID)(uintptr_t)&gss_spnego
                                              : (gss_OID)(uintptr_t)gss_mech_krb5;
    e = import(login->target, &c->target, ei);
    if (e == ERR_OK)
        e = log_in(login, c, ei);
    if (e == ERR_OK) {
        c->begun = leg(c, NULL, 0, &c->first, &flags, ei);
        if (c->begun == RPC_SECURITY_FAILED)
            e = err_context(ei, "ask for %s", login->target);
        else if (c->first.err != ERR_OK)
            e = err_nomem(ei);
    }
    if (e != ERR_OK) {
        free_context(&c->security);
        return e;
    }
    *out = &c->security;
    return ERR_OK;
}
