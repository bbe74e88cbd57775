#include <pthread.h>
#include <stdlib.h>

#include "gss/context.h"
#include "gss/keys.h"

struct acceptor {
    struct rpc_acceptor core; /* first */
    pthread_mutex_t lock;
    struct gss_keys *keys; /* of logins that begin */
};

struct accepting {
    struct gss_context core; /* first */
    struct gss_keys *keys;   /* NULL: the login has ended */
};

static void free_context(struct rpc_security *s)
{
    struct accepting *x = (struct accepting *)s;
    OM_uint32 minor;

    gss_delete_sec_context(&minor, &x->core.ctx, GSS_C_NO_BUFFER);
    gss_keys_drop(x->keys);
    free(x);
}

static enum rpc_security_step leg(struct accepting *x, const void *token, size_t len,
                                  struct buf *out, struct rpc_security_facts *facts,
                                  struct errinfo *ei)
{
    struct gss_context *c = &x->core;
    gss_buffer_desc in = {len, (void *)(uintptr_t)token}, answer = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor, ignored, flags = 0;

    major =
        gss_accept_sec_context(&minor, &c->ctx, gss_keys_cred(x->keys), &in,
                               GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &answer, &flags, NULL, NULL);
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

/* Keys that were replaced go with the last login that began with them, not with its connection. */
static enum rpc_security_step step(struct rpc_security *s, const void *token, size_t len,
                                   struct buf *out, struct rpc_security_facts *facts,
                                   struct errinfo *ei)
{
    struct accepting *x = (struct accepting *)s;
    enum rpc_security_step r = leg(x, token, len, out, facts, ei);

    if (r != RPC_SECURITY_MORE) {
        gss_keys_drop(x->keys);
        x->keys = NULL;
    }
    return r;
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

/* What is const to those who open contexts is ours. */
static struct acceptor *ours(const struct rpc_acceptor *core)
{
    return (struct acceptor *)(uintptr_t)core;
}

static struct rpc_security *open_context(const struct rpc_acceptor *core, uint8_t type)
{
    struct acceptor *a = ours(core);
    struct accepting *x = calloc(1, sizeof(*x));

    (void)type; /* a token says itself whose it is */
    if (x == NULL)
        return NULL;
    x->core.security.ops = &ops;
    pthread_mutex_lock(&a->lock);
    x->keys = gss_keys_hold(a->keys);
    pthread_mutex_unlock(&a->lock);
    return &x->core.security;
}

enum err gss_acceptor_new(struct gss_keys *keys, const struct rpc_acceptor **out,
                          struct errinfo *ei)
{
    struct acceptor *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        gss_keys_drop(keys);
        return err_nomem(ei);
    }
    a->core.serves = serves;
    a->core.open = open_context;
    pthread_mutex_init(&a->lock, NULL);
    a->keys = keys;
    *out = &a->core;
    return ERR_OK;
}

const struct gss_keys *gss_acceptor_keys(const struct rpc_acceptor *core)
{
    return ours(core)->keys;
}

void gss_acceptor_use(const struct rpc_acceptor *core, struct gss_keys *keys)
{
    struct acceptor *a = ours(core);
    struct gss_keys *old;

    pthread_mutex_lock(&a->lock);
    old = a->keys;
    a->keys = keys;
    pthread_mutex_unlock(&a->lock);
    gss_keys_drop(old);
}

void gss_acceptor_free(const struct rpc_acceptor *core)
{
    struct acceptor *a = ours(core);

    if (a == NULL)
        return;
    gss_keys_drop(a->keys);
    pthread_mutex_destroy(&a->lock);
    free(a);
}
