#include "adba/licence.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adba/licence_doc.h"
#include "adba/shape.h"

#define SL_E_VL_AD_AO_NOT_FOUND 0xC004F081u

/* Everything that is wrong with a licence shows as 0xC004F081 on a client. */
static enum err fail_ossl(struct errinfo *ei, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

    ERR_clear_error();
    return err_fail_hr(ei, ERR_CRYPTO, SL_E_VL_AD_AO_NOT_FOUND, "%s: %s", what,
                       reason != NULL ? reason : "not accepted");
}

/* ---- signing ---- */

/* The time of signing is the lab's; OpenSSL would put the system's. */
static bool add_time(CMS_SignerInfo *si, int64_t when)
{
    ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)when);
    bool ok =
        t != NULL && CMS_signed_add1_attr_by_NID(si, NID_pkcs9_signingTime, t->type, t, -1) == 1;

    ASN1_TIME_free(t);
    return ok;
}

static enum err sign_text(const struct buf *text, int64_t when, const struct hostkey *k,
                          struct buf *out, struct errinfo *ei)
{
    const unsigned flags = CMS_BINARY | CMS_NOSMIMECAP | CMS_USE_KEYID;
    BIO *bio = text->len > INT32_MAX ? NULL : BIO_new_mem_buf(text->data, (int)text->len);
    CMS_ContentInfo *cms = NULL;
    CMS_SignerInfo *si = NULL;
    unsigned char *der = NULL;
    int len = -1;
    enum err e = ERR_OK;

    if (bio != NULL)
        cms = CMS_sign(NULL, NULL, NULL, bio, flags | CMS_PARTIAL);
    if (cms != NULL)
        si = CMS_add1_signer(cms, k->cert, k->pkey, EVP_sha256(), flags);
    if (si != NULL && add_time(si, when) && CMS_final(cms, bio, NULL, flags) == 1)
        len = i2d_CMS_ContentInfo(cms, &der);
    if (len <= 0) {
        e = fail_ossl(ei, "sign licence");
    } else {
        buf_add(out, der, (size_t)len);
        e = out->err == ERR_OK ? ERR_OK : err_nomem(ei);
    }
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(bio);
    return e;
}

enum err licence_sign(const struct licence *l, const struct hostkey *k, struct buf *out,
                      struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    enum err e;

    if (k->pkey == NULL)
        return err_fail(ei, ERR_USAGE,
                        "sign licence: the host key was loaded without its "
                        "private key");
    if (strcmp(l->group, k->group) != 0)
        return err_fail(ei, ERR_REFUSED, "sign licence for \"%s\": the host key is for \"%s\"",
                        l->group, k->group);
    e = licence_doc_write(l, &text, ei);
    if (e == ERR_OK)
        e = sign_text(&text, l->not_before, k, out, ei);
    buf_fini(&text);
    return e;
}

/* ---- opening ---- */

/* OpenSSL's decoder forgives some freedom of BER and checks signatures over its own encoding. */
static bool encodes_back(CMS_ContentInfo *cms, const void *der, size_t len)
{
    unsigned char *again = NULL;
    int n = i2d_CMS_ContentInfo(cms, &again);
    bool ok = n > 0 && (size_t)n == len && memcmp(again, der, len) == 0;

    OPENSSL_free(again);
    return ok;
}

static enum err read_der(const void *der, size_t len, CMS_ContentInfo **out, struct errinfo *ei)
{
    const unsigned char *p = der;
    enum err e;

    if (len > LICENCE_DER_MAX)
        return err_fail_hr(ei, ERR_LIMIT, SL_E_VL_AD_AO_NOT_FOUND, "it has %zu bytes, more than %u",
                           len, LICENCE_DER_MAX);
    e = shape_check(der, len);
    if (e != ERR_OK)
        return err_fail_hr(ei, e, SL_E_VL_AD_AO_NOT_FOUND, "%s",
                           e == ERR_TRUNCATED ? "it ends too early"
                                              : "it is not a CMS SignedData of our shape");
    *out = d2i_CMS_ContentInfo(NULL, &p, (long)len);
    if (*out == NULL)
        return fail_ossl(ei, "it is not a CMS SignedData");
    if (!encodes_back(*out, der, len))
        return err_fail_hr(ei, ERR_MALFORMED, SL_E_VL_AD_AO_NOT_FOUND, "it is not DER");
    return ERR_OK;
}

/* The one signer's certificate, inside cms. The signature itself is checked here; whether the
 * certificate is worth anything is the caller's question. */
static enum err check_signature(CMS_ContentInfo *cms, struct buf *text, X509 **signer,
                                struct errinfo *ei)
{
    BIO *bio = BIO_new(BIO_s_mem());
    STACK_OF(X509) *signers = NULL;
    char *data;
    long len;
    enum err e = ERR_OK;

    if (bio == NULL ||
        CMS_verify(cms, NULL, NULL, NULL, bio, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) != 1) {
        e = fail_ossl(ei, "its signature does not hold");
        goto out;
    }
    signers = CMS_get0_signers(cms);
    if (sk_X509_num(signers) != 1) {
        e = fail_ossl(ei, "it has not exactly one signer");
        goto out;
    }
    *signer = sk_X509_value(signers, 0);
    len = BIO_get_mem_data(bio, &data);
    buf_add(text, data, (size_t)len);
    if (text->err != ERR_OK)
        e = err_nomem(ei);
out:
    ERR_clear_error();
    sk_X509_free(signers);
    BIO_free(bio);
    return e;
}

static enum err check_signer(const struct bundle *b, X509 *signer, const struct licence *l,
                             int64_t now, struct errinfo *ei)
{
    enum err e = hostkey_verify(b, signer, l->group, now, ei);

    if (e != ERR_OK)
        return e;
    if (strcmp(l->realm_id, b->id) != 0 || strcmp(l->realm, b->name) != 0)
        return err_fail(ei, ERR_FOREIGN, "it is of realm %.64s (%.16s), not of %s (%s)", l->realm,
                        l->realm_id, b->name, b->id);
    return ERR_OK;
}

static int64_t not_before_of(X509 *cert)
{
    struct tm tm = {0};

    return ASN1_TIME_to_tm(X509_get0_notBefore(cert), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* at: NULL judges the signer's certificate at the start of its own time. */
static enum err open_at(const struct bundle *b, const void *der, size_t len, const int64_t *at,
                        struct licence *out, struct errinfo *ei)
{
    CMS_ContentInfo *cms = NULL;
    struct buf text = BUF_INIT;
    struct licence l = {0};
    X509 *signer = NULL;
    enum err e = read_der(der, len, &cms, ei);

    if (e == ERR_OK)
        e = check_signature(cms, &text, &signer, ei);
    if (e == ERR_OK)
        e = licence_doc_parse(text.data, text.len, &l, ei);
    if (e == ERR_OK)
        e = check_signer(b, signer, &l, at != NULL ? *at : not_before_of(signer), ei);
    if (e != ERR_OK && ei != NULL)
        ei->hresult = SL_E_VL_AD_AO_NOT_FOUND;
    CMS_ContentInfo_free(cms);
    buf_fini(&text);
    if (e == ERR_OK)
        *out = l;
    else
        licence_fini(&l);
    return e;
}

enum err licence_open(const struct bundle *b, const void *der, size_t len, int64_t now,
                      struct licence *out, struct errinfo *ei)
{
    return open_at(b, der, len, &now, out, ei);
}

enum err licence_is_ours(const struct bundle *b, const void *der, size_t len, struct errinfo *ei)
{
    struct licence l;
    enum err e = open_at(b, der, len, NULL, &l, ei);

    if (e == ERR_OK)
        licence_fini(&l);
    return e;
}
