#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "realm/cert.h"
#include "realm/doc.h"
#include "realm/name.h"
#include "realm/realm.h"

#define BUNDLE_FORMAT "adbad-bundle-1"
#define BUNDLE_MAX    (64u * 1024)

static const char *const generations[] = {"4", "5", "6", NULL};
static const char *const directions[] = {"request", "response", NULL};

enum err realm_id_of(X509 *issuer, char id[17], struct errinfo *ei)
{
    unsigned char *spki = NULL, digest[SHA256_DIGEST_LENGTH];
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &spki);

    if (len <= 0)
        return cert_fail(ei, "read the issuer's public key");
    SHA256(spki, (size_t)len, digest);
    OPENSSL_free(spki);
    for (int i = 0; i < 8; i++)
        snprintf(id + 2 * i, 3, "%02x", digest[i]);
    return ERR_OK;
}

bool realm_name_valid(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    return len >= 1 && len <= REALM_NAME_MAX && name[len] == '\0';
}

void bundle_fini(struct bundle *b)
{
    X509_free(b->issuer);
    realm_keys_wipe(&b->keys);
    *b = (struct bundle){0};
}

static void parse_keys(struct doc *d, struct realm_keys *keys)
{
    static const char *const parts[] = {"enc", "mac", NULL};
    json_t *all = doc_object(d, NULL, "keys");

    doc_members(d, all, generations);
    for (int g = 0; g < 3; g++) {
        json_t *gen = doc_object(d, all, generations[g]);

        doc_members(d, gen, directions);
        for (int i = 0; i < REALM_DIRECTIONS; i++) {
            json_t *pair = doc_object(d, gen, directions[i]);

            doc_members(d, pair, parts);
            doc_hex(d, pair, "enc", keys->gen[g][i].enc, sizeof(keys->gen[g][i].enc));
            doc_hex(d, pair, "mac", keys->gen[g][i].mac, sizeof(keys->gen[g][i].mac));
        }
    }
}

/* The issuer must be what realm_init makes: a self-signed authority that the id belongs to. */
static enum err check_issuer(struct doc *d, const struct bundle *b)
{
    char id[17];
    enum err e = realm_id_of(b->issuer, id, d->ei);

    if (e != ERR_OK)
        return e;
    if (X509_check_ca(b->issuer) != 1 || X509_self_signed(b->issuer, 1) != 1)
        doc_reject(d, "issuer", "is not a self-signed certificate authority");
    else if (strcmp(id, b->id) != 0)
        doc_reject(d, "realm_id", "is %s, but the issuer's key has %s", b->id, id);
    return d->err;
}

static enum err parse_members(struct doc *d, struct bundle *b)
{
    static const char *const members[] = {"format", "realm", "realm_id", "issuer", "keys", NULL};
    const char *name, *id, *pem;
    uint8_t raw[8];

    doc_members(d, NULL, members);
    name = doc_text(d, NULL, "realm", 1, REALM_NAME_MAX);
    doc_hex(d, NULL, "realm_id", raw, sizeof(raw));
    id = doc_text(d, NULL, "realm_id", 16, 16);
    pem = doc_text(d, NULL, "issuer", 1, BUNDLE_MAX);
    parse_keys(d, &b->keys);
    if (d->err == ERR_OK && !realm_name_valid(name))
        doc_reject(d, "realm", "is not letters, digits, '-', '_' and '.'");
    if (d->err != ERR_OK)
        return d->err;
    snprintf(b->name, sizeof(b->name), "%s", name);
    snprintf(b->id, sizeof(b->id), "%s", id);
    d->err = cert_from_pem(pem, strlen(pem), d->what, &b->issuer, d->ei);
    return d->err == ERR_OK ? check_issuer(d, b) : d->err;
}

enum err bundle_parse(const void *data, size_t len, const char *what, struct bundle *out,
                      struct errinfo *ei)
{
    struct bundle b = {0};
    struct doc d;
    enum err e = doc_parse(&d, data, len, what, BUNDLE_FORMAT, ei);

    if (e == ERR_OK)
        e = parse_members(&d, &b);
    doc_fini(&d);
    if (e == ERR_OK)
        *out = b;
    else
        bundle_fini(&b);
    return e;
}

enum err bundle_load(const char *path, struct bundle *out, struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    struct errinfo why;
    enum err e = file_read_private(path, BUNDLE_MAX, &text, &why);

    if (e == ERR_NOTFOUND)
        err_fail(&why, e,
                 "bundle %s does not exist; adbactl realm init makes one, or copy "
                 "client.bundle from the realm folder",
                 path);
    if (e != ERR_OK && ei != NULL)
        *ei = why;
    if (e == ERR_OK)
        e = bundle_parse(text.data, text.len, path, out, ei);
    buf_wipe(&text);
    return e;
}

static json_t *hex_json(const uint8_t *data, size_t n)
{
    struct buf hex = BUF_INIT;
    const char *text;
    json_t *v;

    buf_add_hex(&hex, data, n);
    text = buf_str(&hex);
    v = text == NULL ? NULL : json_string(text);
    buf_wipe(&hex);
    return v;
}

static json_t *keys_json(const struct realm_keys *keys)
{
    json_t *all = json_object();

    for (int g = 0; g < 3; g++) {
        json_t *gen = json_object();

        for (int i = 0; i < REALM_DIRECTIONS; i++) {
            const struct realm_key_pair *p = &keys->gen[g][i];
            json_t *pair = json_pack("{s:o, s:o}", "enc", hex_json(p->enc, sizeof(p->enc)), "mac",
                                     hex_json(p->mac, sizeof(p->mac)));

            json_object_set_new(gen, directions[i], pair);
        }
        json_object_set_new(all, generations[g], gen);
    }
    return all;
}

enum err bundle_write(const struct bundle *b, const char *path, struct errinfo *ei)
{
    struct buf pem = BUF_INIT, text = BUF_INIT;
    enum err e = cert_to_pem(b->issuer, &pem, ei);

    if (e != ERR_OK)
        goto out;
    e = doc_write(json_pack("{s:s, s:s, s:s, s:s, s:o}", "format", BUNDLE_FORMAT, "realm", b->name,
                            "realm_id", b->id, "issuer", buf_str(&pem), "keys",
                            keys_json(&b->keys)),
                  &text, ei);
    if (e == ERR_OK)
        e = file_write_atomic(path, text.data, text.len, 0600, ei);
out:
    buf_fini(&pem);
    buf_wipe(&text);
    return e;
}
