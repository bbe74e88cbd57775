#include "realm/cert.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define COMMON_NAME_MAX 64 /* ub-common-name, X.520 */

enum err cert_fail(struct errinfo *ei, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

    ERR_clear_error();
    return err_fail(ei, ERR_CRYPTO, "%s: %s", what, reason != NULL ? reason : "not accepted");
}

void cert_serial(const struct rng *rng, uint8_t serial[CERT_SERIAL_LEN])
{
    rng_fill(rng, serial, CERT_SERIAL_LEN);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and of full length */
}

enum err cert_new_key(EVP_PKEY **out, struct errinfo *ei)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

    if (key == NULL)
        return cert_fail(ei, "make an ECDSA key");
    *out = key;
    return ERR_OK;
}

static bool set_serial(X509 *x, const uint8_t serial[CERT_SERIAL_LEN])
{
    BIGNUM *bn = BN_bin2bn(serial, CERT_SERIAL_LEN, NULL);
    bool ok = bn != NULL && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;

    BN_free(bn);
    return ok;
}

static bool set_names(X509 *x, const struct cert_spec *s)
{
    X509_NAME *name = X509_get_subject_name(x);
    size_t len = strlen(s->subject);

    if (len > COMMON_NAME_MAX)
        len = COMMON_NAME_MAX;
    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)s->subject, (int)len, -1, 0) == 1 &&
           X509_set_issuer_name(x, s->issuer == NULL ? name : X509_get_subject_name(s->issuer)) ==
               1;
}

static bool set_times(X509 *x, const struct cert_spec *s)
{
    return ASN1_TIME_set(X509_getm_notBefore(x), (time_t)s->not_before) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(x), (time_t)s->not_after) != NULL;
}

static bool add_standard(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    bool ok;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

/* Not critical: OpenSSL's tools refuse a critical extension that they do not know, and licences
 * are to be checked with them. Our own verifier demands it (hostkey_cert_group). */
static bool add_group(X509 *x, const char *group)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(CERT_GROUP_OID, 1);
    ASN1_UTF8STRING *text = ASN1_UTF8STRING_new();
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *ext = NULL;
    unsigned char *der = NULL;
    int len = -1;
    bool ok = false;

    if (oid != NULL && text != NULL && value != NULL && ASN1_STRING_set(text, group, -1) == 1)
        len = i2d_ASN1_UTF8STRING(text, &der);
    if (len > 0 && ASN1_OCTET_STRING_set(value, der, len) == 1)
        ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
    ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    ASN1_UTF8STRING_free(text);
    ASN1_OBJECT_free(oid);
    OPENSSL_free(der);
    return ok;
}

static bool add_extensions(X509 *x, const struct cert_spec *s)
{
    X509 *issuer = s->issuer == NULL ? x : s->issuer;
    bool ca = s->group == NULL;

    return add_standard(x, issuer, NID_basic_constraints,
                        ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
           add_standard(x, issuer, NID_key_usage,
                        ca ? "critical,keyCertSign,digitalSignature"
                           : "critical,digitalSignature") &&
           add_standard(x, issuer, NID_subject_key_identifier, "hash") &&
           add_standard(x, issuer, NID_authority_key_identifier, "keyid:always") &&
           (ca || add_group(x, s->group));
}

enum err cert_make(const struct cert_spec *s, X509 **out, struct errinfo *ei)
{
    X509 *x = X509_new();

    if (x == NULL || X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x, s->serial) ||
        !set_names(x, s) || !set_times(x, s) || X509_set_pubkey(x, s->key) != 1 ||
        !add_extensions(x, s) ||
        X509_sign(x, s->issuer == NULL ? s->key : s->issuer_key, EVP_sha256()) <= 0) {
        X509_free(x);
        return cert_fail(ei, "make a certificate");
    }
    *out = x;
    return ERR_OK;
}

static enum err take_mem(BIO *bio, struct buf *out, struct errinfo *ei)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);

    buf_add(out, text, (size_t)len);
    return out->err == ERR_OK ? ERR_OK : err_nomem(ei);
}

enum err cert_to_pem(X509 *cert, struct buf *out, struct errinfo *ei)
{
    BIO *bio = BIO_new(BIO_s_mem());
    enum err e;

    if (bio == NULL || PEM_write_bio_X509(bio, cert) != 1)
        e = cert_fail(ei, "write a certificate");
    else
        e = take_mem(bio, out, ei);
    BIO_free(bio);
    return e;
}

enum err cert_key_to_pem(EVP_PKEY *key, struct buf *out, struct errinfo *ei)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    enum err e;

    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        e = cert_fail(ei, "write a private key");
    else
        e = take_mem(bio, out, ei);
    BIO_free(bio);
    return e;
}

/* Never asks for a passphrase: a protected key is refused. */
static int no_passphrase(char *out, int size, int rwflag, void *arg)
{
    (void)out;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

enum err cert_from_pem(const void *pem, size_t len, const char *what, X509 **out,
                       struct errinfo *ei)
{
    BIO *bio = len > INT32_MAX ? NULL : BIO_new_mem_buf(pem, (int)len);
    X509 *x = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
    struct buf again = BUF_INIT;
    enum err e = ERR_OK;

    BIO_free(bio);
    if (x == NULL || X509_get0_pubkey(x) == NULL)
        e = err_fail(ei, ERR_MALFORMED, "read %s: not a PEM certificate", what);
    else
        e = cert_to_pem(x, &again, ei);
    if (e == ERR_OK && (again.len != len || memcmp(again.data, pem, len) != 0))
        e = err_fail(ei, ERR_MALFORMED, "read %s: expected one PEM certificate and nothing else",
                     what);
    ERR_clear_error();
    buf_fini(&again);
    if (e == ERR_OK)
        *out = x;
    else
        X509_free(x);
    return e;
}

enum err cert_key_from_pem(const void *pem, size_t len, const char *what, EVP_PKEY **out,
                           struct errinfo *ei)
{
    BIO *bio = len > INT32_MAX ? NULL : BIO_new_mem_buf(pem, (int)len);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);

    BIO_free(bio);
    ERR_clear_error();
    if (key == NULL)
        return err_fail(ei, ERR_MALFORMED, "read %s: not an unencrypted PEM private key", what);
    *out = key;
    return ERR_OK;
}

static enum err explain(int code, struct errinfo *ei)
{
    const char *text = X509_verify_cert_error_string(code);

    switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return err_fail(ei, ERR_FOREIGN, "the certificate was not issued by this realm (%s)", text);
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return err_fail(ei, ERR_EXPIRED, "%s at this (lab) time", text);
    default:
        return err_fail(ei, ERR_CRYPTO, "the certificate does not hold: %s", text);
    }
}

enum err cert_verify(X509 *issuer, X509 *cert, int64_t now, struct errinfo *ei)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *param;
    enum err e;

    if (store == NULL || ctx == NULL || X509_STORE_add_cert(store, issuer) != 1 ||
        X509_STORE_CTX_init(ctx, store, cert, NULL) != 1) {
        e = cert_fail(ei, "prepare to verify a certificate");
        goto out;
    }
    param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)now);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    e = X509_verify_cert(ctx) == 1 ? ERR_OK : explain(X509_STORE_CTX_get_error(ctx), ei);
    ERR_clear_error();
out:
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return e;
}
