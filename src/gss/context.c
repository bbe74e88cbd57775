#include "gss/context.h"

#include <stdio.h>
#include <string.h>

#include "gss/pac.h"

#define BLOCK 16 /* signatures of sealed messages: the core pads to this */

static uint8_t spnego_oid[] = {0x2b, 6, 1, 5, 5, 2};
const gss_OID_desc gss_spnego = {sizeof(spnego_oid), spnego_oid};

OM_uint32 gss_only_krb5(OM_uint32 *minor, gss_cred_id_t cred)
{
    gss_OID_desc mech = *gss_mech_krb5;
    gss_OID_set_desc only = {1, &mech};

    return gss_set_neg_mechs(minor, cred, &only);
}

static void display(OM_uint32 code, int kind, char *text, size_t size)
{
    OM_uint32 minor, more = 0;
    gss_buffer_desc b = GSS_C_EMPTY_BUFFER;

    text[0] = '\0';
    if (gss_display_status(&minor, code, kind, GSS_C_NO_OID, &more, &b) != GSS_S_COMPLETE)
        return;
    snprintf(text, size, "%.*s", (int)b.length, (const char *)b.value);
    gss_release_buffer(&minor, &b);
}

enum err gss_fail(struct errinfo *ei, enum err code, const char *what, OM_uint32 major,
                  OM_uint32 minor)
{
    char general[128], special[256] = "";

    display(major, GSS_C_GSS_CODE, general, sizeof(general));
    if (minor != 0)
        display(minor, GSS_C_MECH_CODE, special, sizeof(special));
    /* SPNEGO reports some of its own refusals with a code that is nobody's. */
    if (special[0] == '\0' || strcmp(special, "Success") == 0)
        return err_fail(ei, code, "%s: %s", what, general);
    return err_fail(ei, code, "%s: %s", what, special);
}

/* ---- the peer ---- */

static enum err name_text(gss_name_t name, char *text, size_t size)
{
    gss_buffer_desc b = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    enum err e = ERR_AUTH;

    if (name == GSS_C_NO_NAME || GSS_ERROR(gss_display_name(&minor, name, &b, NULL)))
        return ERR_AUTH;
    if (b.length > 0 && b.length < size && memchr(b.value, '\0', b.length) == NULL) {
        memcpy(text, b.value, b.length);
        text[b.length] = '\0';
        e = ERR_OK;
    }
    gss_release_buffer(&minor, &b);
    return e;
}

/* A quoted separator could make another realm look like ours: no name with one is trusted. */
static bool same_realm(const char *a, const char *b)
{
    const char *x = strrchr(a, '@'), *y = strrchr(b, '@');

    return x != NULL && y != NULL && strchr(a, '\\') == NULL && strcmp(x, y) == 0;
}

/* A PAC whose signature does not hold shows no attributes. */
static void read_sid(gss_name_t peer, struct rpc_security_facts *out)
{
    static char name[] = "urn:mspac:upn-dns-info";
    gss_buffer_desc attribute = {sizeof(name) - 1, name}, value = GSS_C_EMPTY_BUFFER;
    int authenticated = 0, complete = 0, more = -1;
    OM_uint32 minor;

    if (GSS_ERROR(gss_get_name_attribute(&minor, peer, &attribute, &authenticated, &complete,
                                         &value, NULL, &more)))
        return;
    if (authenticated != 0 && complete != 0)
        out->sid_len = pac_sid(value.value, value.length, out->sid);
    gss_release_buffer(&minor, &value);
}

/* The names of both sides, and what follows from them. */
static enum err read_names(gss_name_t peer, gss_name_t us, bool acceptor,
                           struct rpc_security_facts *out, struct errinfo *ei)
{
    char own[RPC_PRINCIPAL_MAX];

    if (name_text(peer, out->principal, sizeof(out->principal)) != ERR_OK ||
        name_text(us, own, sizeof(own)) != ERR_OK)
        return err_fail(ei, ERR_AUTH, "the peer's name is not to be read");
    if (acceptor && strncmp(own, "host/", 5) != 0)
        return err_fail(ei, ERR_AUTH, "the peer's ticket is for %s, not for host/", own);
    out->own_realm = same_realm(out->principal, own);
    if (acceptor)
        read_sid(peer, out);
    return ERR_OK;
}

enum err gss_context_facts(struct gss_context *c, bool acceptor, OM_uint32 flags,
                           struct rpc_security_facts *out, struct errinfo *ei)
{
    gss_name_t source = GSS_C_NO_NAME, target = GSS_C_NO_NAME;
    const OM_uint32 order = GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG;
    gss_OID mech = GSS_C_NO_OID;
    OM_uint32 major, minor;
    enum err e;

    if ((flags & GSS_C_DCE_STYLE) == 0)
        return err_fail(ei, ERR_AUTH, "the peer does not authenticate in DCE style");
    major = gss_inquire_context(&minor, c->ctx, &source, &target, NULL, &mech, NULL, NULL, NULL);
    if (GSS_ERROR(major))
        return gss_fail(ei, ERR_AUTH, "read the peer's name", major, minor);
    *out = (struct rpc_security_facts){
        .private = (flags & GSS_C_CONF_FLAG) != 0,
        .ordered = (flags & order) == order,
    };
    if (!gss_oid_equal(mech, gss_mech_krb5))
        e = err_fail(ei, ERR_AUTH, "the peer did not authenticate with Kerberos");
    else
        e = read_names(acceptor ? source : target, acceptor ? target : source, acceptor, out, ei);
    gss_release_name(&minor, &source);
    gss_release_name(&minor, &target);
    return e;
}

/* ---- messages ---- */

/* Signature, octets before, what is sealed, octets behind (MS-KILE 3.4.5.4.1). */
static void layout(gss_iov_buffer_desc iov[4], const struct rpc_protected *p,
                   const uint8_t *signature, size_t len)
{
    memset(iov, 0, 4 * sizeof(*iov));
    iov[0].type = GSS_IOV_BUFFER_TYPE_HEADER;
    iov[0].buffer.value = (uint8_t *)(uintptr_t)signature;
    iov[0].buffer.length = len;
    iov[1].type = p->head > 0 ? GSS_IOV_BUFFER_TYPE_SIGN_ONLY : GSS_IOV_BUFFER_TYPE_EMPTY;
    iov[1].buffer.value = p->start;
    iov[1].buffer.length = p->head;
    iov[2].type = GSS_IOV_BUFFER_TYPE_DATA;
    iov[2].buffer.value = p->start + p->head;
    iov[2].buffer.length = p->data;
    iov[3].type = p->tail > 0 ? GSS_IOV_BUFFER_TYPE_SIGN_ONLY : GSS_IOV_BUFFER_TYPE_EMPTY;
    iov[3].buffer.value = p->start + p->head + p->data;
    iov[3].buffer.length = p->tail;
}

static gss_buffer_desc whole(const struct rpc_protected *p)
{
    return (gss_buffer_desc){p->head + p->data + p->tail, p->start};
}

size_t gss_context_signature_size(struct rpc_security *s, bool seal)
{
    struct gss_context *c = (struct gss_context *)s;
    uint8_t block[BLOCK] = {0};
    struct rpc_protected p = {block, 0, sizeof(block), 0};
    gss_iov_buffer_desc iov[4];
    OM_uint32 minor;
    int conf = 1;

    layout(iov, &p, NULL, 0);
    if (seal)
        return GSS_ERROR(gss_wrap_iov_length(&minor, c->ctx, 1, GSS_C_QOP_DEFAULT, &conf, iov, 4))
                   ? 0
                   : iov[0].buffer.length;
    iov[0].type = GSS_IOV_BUFFER_TYPE_MIC_TOKEN;
    return GSS_ERROR(gss_get_mic_iov_length(&minor, c->ctx, GSS_C_QOP_DEFAULT, iov, 4))
               ? 0
               : iov[0].buffer.length;
}

static enum err sign(struct gss_context *c, const struct rpc_protected *p, uint8_t *signature,
                     size_t len, struct errinfo *ei)
{
    gss_buffer_desc message = whole(p), mic = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor, ignored;
    enum err e = ERR_OK;

    major = gss_get_mic(&minor, c->ctx, GSS_C_QOP_DEFAULT, &message, &mic);
    if (major != GSS_S_COMPLETE)
        return gss_fail(ei, ERR_CRYPTO, "sign", major, minor);
    if (mic.length == len)
        memcpy(signature, mic.value, len);
    else
        e = err_fail(ei, ERR_INTERNAL, "sign: signature of %zu octets, not %zu", mic.length, len);
    gss_release_buffer(&ignored, &mic);
    return e;
}

enum err gss_context_protect(struct rpc_security *s, bool seal, const struct rpc_protected *p,
                             uint8_t *signature, size_t len, struct errinfo *ei)
{
    struct gss_context *c = (struct gss_context *)s;
    gss_iov_buffer_desc iov[4];
    OM_uint32 major, minor;
    int conf = 0;

    if (!seal)
        return sign(c, p, signature, len, ei);
    layout(iov, p, signature, len);
    major = gss_wrap_iov(&minor, c->ctx, 1, GSS_C_QOP_DEFAULT, &conf, iov, 4);
    if (major != GSS_S_COMPLETE || conf == 0)
        return gss_fail(ei, ERR_CRYPTO, "seal", major, minor);
    return ERR_OK;
}

/* The four that are told beside success are refusals here. */
static const char *order_text(OM_uint32 major)
{
    if ((major & (GSS_S_DUPLICATE_TOKEN | GSS_S_OLD_TOKEN)) != 0)
        return "a replayed message";
    return "a message out of order";
}

enum err gss_context_check(struct rpc_security *s, bool seal, const struct rpc_protected *p,
                           const uint8_t *signature, size_t len, struct errinfo *ei)
{
    struct gss_context *c = (struct gss_context *)s;
    gss_buffer_desc message = whole(p), mic = {len, (uint8_t *)(uintptr_t)signature};
    gss_iov_buffer_desc iov[4];
    OM_uint32 major, minor, left;
    int conf = 1;

    /* MIT's checks of messages do not look at the clock. */
    major = gss_context_time(&minor, c->ctx, &left);
    if (major != GSS_S_COMPLETE)
        return gss_fail(ei, ERR_CRYPTO, "the login has ended", major, minor);
    layout(iov, p, signature, len);
    if (seal)
        major = gss_unwrap_iov(&minor, c->ctx, &conf, NULL, iov, 4);
    else
        major = gss_verify_mic(&minor, c->ctx, &message, &mic, NULL);
    if (GSS_ERROR(major))
        return gss_fail(ei, ERR_CRYPTO, "the signature does not hold", major, minor);
    if (conf == 0)
        return err_fail(ei, ERR_CRYPTO, "the message is not sealed");
    return major == GSS_S_COMPLETE ? ERR_OK : err_fail(ei, ERR_CRYPTO, "%s", order_text(major));
}
