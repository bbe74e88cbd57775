#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "gss/context.h"
#include "gss/keytab.h"

struct acceptor {
    struct rpc_acceptor core; /* first */
    gss_cred_id_t cred;
    char *keytab;
};

struct accepting {
    struct gss_context core; /* first */
    const char *keytab;      /* the acceptor's */
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
    struct accepting *x = (struct accepting *)s;
    struct gss_context *c = &x->core;
    gss_buffer_desc in = {len, (void *)(uintptr_t)token}, answer = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor, ignored, flags = 0;

    /* The first leg reads the keytab, which may have been replaced since the start. */
    if (c->ctx == GSS_C_NO_CONTEXT && file_require_private(x->keytab, ei) != ERR_OK)
        return RPC_SECURITY_FAILED;
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
    struct accepting *x = calloc(1, sizeof(*x));

    (void)type; /* a token says itself whose it is */
    if (x == NULL)
        return NULL;
    x->core.security.ops = &ops;
    x->core.cred = a->cred;
    x->keytab = a->keytab;
    return &x->core.security;
}

/* MIT opens the cache at every login and would tell only the caller that it cannot. */
static enum err probe(const char *path, struct errinfo *ei)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_fail(ei, ERR_CONFIG, "open the replay cache %s: %s", path, strerror(errno));
    close(fd);
    return file_require_private(path, ei);
}

static enum err acquire(struct acceptor *a, const char *replays, struct errinfo *ei)
{
    gss_OID_desc mechs[2] = {*gss_mech_krb5, gss_spnego};
    gss_OID_set_desc wanted = {2, mechs};
    char rcache[4096];
    gss_key_value_element_desc elements[2] = {{"keytab", a->keytab}, {"rcache", rcache}};
    const gss_key_value_set_desc store = {replays != NULL ? 2 : 1, elements};
    OM_uint32 major, minor;

    snprintf(rcache, sizeof(rcache), "file2:%s", replays != NULL ? replays : "");
    major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &wanted, GSS_C_ACCEPT,
                                  &store, &a->cred, NULL, NULL);
    if (!GSS_ERROR(major))
        major = gss_only_krb5(&minor, a->cred);
    if (!GSS_ERROR(major))
        return ERR_OK;
    return gss_fail(ei, ERR_CONFIG, "use the keys of the service", major, minor);
}

static enum err check_realm(const struct gss_service *s, struct errinfo *ei)
{
    char realm[256];
    enum err e = keytab_realm(s->keytab, realm, sizeof(realm), ei);

    if (e == ERR_OK && s->domain != NULL && strcasecmp(realm, s->domain) != 0)
        return err_fail(ei, ERR_CONFIG,
                        "its keys are of realm %s, but the directory's domain is %s", realm,
                        s->domain);
    return e;
}

enum err gss_acceptor_new(const struct gss_service *s, const struct rpc_acceptor **out,
                          struct errinfo *ei)
{
    struct acceptor *a;
    enum err e;

    if (file_require_private(s->keytab, ei) != ERR_OK)
        return ei != NULL ? ei->code : ERR_REFUSED;
    a = calloc(1, sizeof(*a));
    if (a == NULL)
        return err_nomem(ei);
    a->core.serves = serves;
    a->core.open = open_context;
    a->keytab = strdup(s->keytab);
    e = a->keytab != NULL ? check_realm(s, ei) : err_nomem(ei);
    if (e == ERR_OK && s->replays != NULL)
        e = probe(s->replays, ei);
    if (e == ERR_OK)
        e = acquire(a, s->replays, ei);
    if (e != ERR_OK) {
        gss_acceptor_free(&a->core);
        return err_context(ei, "keytab %s", s->keytab);
    }
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
    free(a->keytab);
    free(a);
}
