#include "realm/hostkey.h"

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/file.h"
#include "realm/cert.h"
#include "realm/doc.h"
#include "realm/hostkey_doc.h"
#include "realm/keytext.h"

#define PACKAGE_FORMAT "adbad-hostkey-1"
#define PACKAGE_MAX    (64u * 1024)
#define HOSTKEY_LIFE   (INT64_C(3652) * CLK_DAY) /* 10 years */

void hostkey_fini(struct hostkey *k)
{
    free(k->group);
    X509_free(k->cert);
    EVP_PKEY_free(k->pkey);
    OPENSSL_cleanse(k->confirm, sizeof(k->confirm));
    *k = (struct hostkey){0};
}

/* ---- issuing ---- */

static enum err make_cert(const struct realm *r, struct hostkey *k, const struct rng *rng,
                          struct errinfo *ei)
{
    struct buf pid = BUF_INIT;
    struct cert_spec spec = {.subject = k->pid,
                             .group = k->group,
                             .not_before = k->issued,
                             .not_after = k->issued + HOSTKEY_LIFE,
                             .key = k->pkey,
                             .issuer = r->bundle.issuer,
                             .issuer_key = r->issuer_key};

    cert_serial(rng, spec.serial);
    buf_add_fmt(&pid, "adbad-%s-", r->bundle.id);
    buf_add_hex(&pid, spec.serial, sizeof(spec.serial));
    if (buf_str(&pid) == NULL)
        return err_nomem(ei);
    snprintf(k->pid, sizeof(k->pid), "%s", buf_str(&pid));
    buf_fini(&pid);
    return cert_make(&spec, &k->cert, ei);
}

enum err hostkey_issue(const struct realm *r, const char *group, int64_t now, const struct rng *rng,
                       struct hostkey *out, struct errinfo *ei)
{
    struct hostkey k = {.issued = now, .group = strdup(group)};
    enum err e = k.group == NULL ? err_nomem(ei) : ERR_OK;

    if (e == ERR_OK && (*group == '\0' || strlen(group) > HOSTKEY_GROUP_MAX))
        e = err_fail(ei, ERR_USAGE, "issue host key: a group name has 1 to %d bytes",
                     HOSTKEY_GROUP_MAX);
    keytext_make(rng, k.key);
    if (e == ERR_OK)
        e = realm_confirm_derive(r->clearing, k.key, k.group, k.confirm, ei);
    if (e == ERR_OK)
        e = cert_new_key(&k.pkey, ei);
    if (e == ERR_OK)
        e = make_cert(r, &k, rng, ei);
    if (e == ERR_OK)
        *out = k;
    else
        hostkey_fini(&k);
    return e;
}

/* ---- certificates ---- */

static X509_EXTENSION *group_extension(X509 *cert)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(CERT_GROUP_OID, 1);
    int at = oid == NULL ? -1 : X509_get_ext_by_OBJ(cert, oid, -1);
    bool twice = at >= 0 && X509_get_ext_by_OBJ(cert, oid, at) >= 0;

    ASN1_OBJECT_free(oid);
    return at < 0 || twice ? NULL : X509_get_ext(cert, at);
}

enum err hostkey_cert_group(X509 *cert, char **group, struct errinfo *ei)
{
    X509_EXTENSION *ext = group_extension(cert);
    ASN1_OCTET_STRING *value = ext == NULL ? NULL : X509_EXTENSION_get_data(ext);
    const unsigned char *p = value == NULL ? NULL : ASN1_STRING_get0_data(value);
    int len = value == NULL ? 0 : ASN1_STRING_length(value);
    const unsigned char *end = p == NULL ? NULL : p + len;
    ASN1_UTF8STRING *text = p == NULL ? NULL : d2i_ASN1_UTF8STRING(NULL, &p, len);
    size_t n = text == NULL ? 0 : (size_t)ASN1_STRING_length(text);
    enum err e = ERR_OK;

    ERR_clear_error();
    if (n == 0 || n > HOSTKEY_GROUP_MAX || p != end ||
        memchr(ASN1_STRING_get0_data(text), 0, n) != NULL)
        e = err_fail(ei, ERR_CRYPTO,
                     "the certificate does not name one host-key group; it is no host key's");
    else if ((*group = strndup((const char *)ASN1_STRING_get0_data(text), n)) == NULL)
        e = err_nomem(ei);
    ASN1_UTF8STRING_free(text);
    return e;
}

enum err hostkey_verify(const struct bundle *b, X509 *cert, const char *group, int64_t now,
                        struct errinfo *ei)
{
    char *limited = NULL;
    enum err e = cert_verify(b->issuer, cert, now, ei);

    if (e == ERR_OK)
        e = hostkey_cert_group(cert, &limited, ei);
    if (e == ERR_OK && strcmp(limited, group) != 0)
        e = err_fail(ei, ERR_REFUSED, "the host key is for group \"%s\", not \"%s\"", limited,
                     group);
    free(limited);
    return e;
}

/* ---- the package ---- */

enum err hostkey_write(const struct hostkey *k, const char *path, struct errinfo *ei)
{
    struct buf cert = BUF_INIT, key = BUF_INIT, confirm = BUF_INIT, text = BUF_INIT;
    char issued[CLK_TEXT_MAX];
    enum err e = cert_to_pem(k->cert, &cert, ei);

    if (e == ERR_OK)
        e = cert_key_to_pem(k->pkey, &key, ei);
    buf_add_hex(&confirm, k->confirm, sizeof(k->confirm));
    if (e == ERR_OK)
        e = doc_write(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "format",
                                PACKAGE_FORMAT, "key", k->key, "group", k->group, "pid", k->pid,
                                "issued", clk_format(k->issued, issued), "certificate",
                                buf_str(&cert), "private_key", buf_str(&key), "confirmation_key",
                                buf_str(&confirm)),
                      &text, ei);
    if (e == ERR_OK)
        e = file_create(path, text.data, text.len, 0600, ei);
    buf_fini(&cert);
    buf_wipe(&key);
    buf_wipe(&confirm);
    buf_wipe(&text);
    return e;
}

/* A host key's own parts must agree: whoever swaps one of them is noticed here. */
enum err hostkey_check(struct doc *d, const struct hostkey *k)
{
    char *limited = NULL;
    enum err e = d->err == ERR_OK ? hostkey_cert_group(k->cert, &limited, d->ei) : d->err;

    if (e != ERR_OK)
        return e;
    if (!hostkey_text_valid(k->key))
        doc_reject(d, "key", "is not a lab host key: its check characters do not fit");
    else if (strcmp(limited, k->group) != 0)
        doc_reject(d, "group", "is not what the certificate says: %.200s", limited);
    else if (k->pkey != NULL && X509_check_private_key(k->cert, k->pkey) != 1)
        doc_reject(d, "private_key", "does not belong to the certificate");
    ERR_clear_error();
    free(limited);
    return d->err;
}

static enum err parse_keys(struct doc *d, struct hostkey *k)
{
    const char *cert = doc_text(d, NULL, "certificate", 1, PACKAGE_MAX);
    const char *key = doc_text(d, NULL, "private_key", 1, PACKAGE_MAX);

    if (d->err == ERR_OK)
        d->err = cert_from_pem(cert, strlen(cert), d->what, &k->cert, d->ei);
    if (d->err == ERR_OK)
        d->err = cert_key_from_pem(key, strlen(key), d->what, &k->pkey, d->ei);
    doc_hex(d, NULL, "confirmation_key", k->confirm, sizeof(k->confirm));
    return d->err;
}

enum err hostkey_parse_names(struct doc *d, struct hostkey *k)
{
    const char *key = doc_text(d, NULL, "key", HOSTKEY_TEXT_LEN, HOSTKEY_TEXT_LEN);
    const char *group = doc_text(d, NULL, "group", 1, HOSTKEY_GROUP_MAX);
    const char *pid = doc_text(d, NULL, "pid", 1, sizeof(k->pid) - 1);

    k->issued = doc_time(d, NULL, "issued");
    if (d->err != ERR_OK)
        return d->err;
    snprintf(k->key, sizeof(k->key), "%s", key);
    snprintf(k->pid, sizeof(k->pid), "%s", pid);
    k->group = strdup(group);
    return k->group == NULL ? (d->err = err_nomem(d->ei)) : ERR_OK;
}

enum err hostkey_load(const char *path, struct hostkey *out, struct errinfo *ei)
{
    static const char *const members[] = {
        "format",           "key", "group", "pid", "issued", "certificate", "private_key",
        "confirmation_key", NULL};
    struct hostkey k = {0};
    struct buf text = BUF_INIT;
    struct doc d = {0};
    enum err e = file_read_private(path, PACKAGE_MAX, &text, ei);

    if (e == ERR_OK)
        e = doc_parse(&d, text.data, text.len, path, PACKAGE_FORMAT, ei);
    if (e == ERR_OK) {
        doc_members(&d, NULL, members);
        e = hostkey_parse_names(&d, &k);
    }
    if (e == ERR_OK)
        e = parse_keys(&d, &k);
    if (e == ERR_OK)
        e = hostkey_check(&d, &k);
    doc_fini(&d);
    buf_wipe(&text);
    if (e == ERR_OK)
        *out = k;
    else
        hostkey_fini(&k);
    return e;
}
