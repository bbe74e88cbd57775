#include "realm/realm.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/file.h"
#include "realm/cert.h"
#include "realm/doc.h"
#include "realm/name.h"

#define REALM_FORMAT   "adbad-realm-1"
#define REALM_FILE_MAX (64u * 1024)
#define REALM_PATH_MAX 4096
#define ISSUER_LIFE    (INT64_C(10957) * CLK_DAY) /* 30 years */

static const char *const files[] = {"realm.json", "secret",        "issuer.key",
                                    "issuer.crt", "client.bundle", NULL};

static enum err path_in(const char *dir, const char *file, char path[REALM_PATH_MAX],
                        struct errinfo *ei)
{
    if ((size_t)snprintf(path, REALM_PATH_MAX, "%s/%s", dir, file) >= REALM_PATH_MAX)
        return err_fail(ei, ERR_LIMIT, "realm folder %s: the path is too long", dir);
    return ERR_OK;
}

void realm_fini(struct realm *r)
{
    bundle_fini(&r->bundle);
    EVP_PKEY_free(r->issuer_key);
    OPENSSL_cleanse(r->clearing, sizeof(r->clearing));
    *r = (struct realm){0};
}

/* ---- making one ---- */

static enum err make_issuer(struct realm *r, const struct rng *rng, struct errinfo *ei)
{
    char subject[REALM_NAME_MAX + 16];
    struct cert_spec spec = {
        .subject = subject, .not_before = r->created, .not_after = r->created + ISSUER_LIFE};
    enum err e = cert_new_key(&r->issuer_key, ei);

    if (e != ERR_OK)
        return e;
    /* The cut leaves room for the words within a common name's 64 characters. */
    snprintf(subject, sizeof(subject), "%.53s lab issuer", r->bundle.name);
    cert_serial(rng, spec.serial);
    spec.key = r->issuer_key;
    e = cert_make(&spec, &r->bundle.issuer, ei);
    return e == ERR_OK ? realm_id_of(r->bundle.issuer, r->bundle.id, ei) : e;
}

static enum err write_file(const char *dir, const char *file, const struct buf *b,
                           struct errinfo *ei)
{
    char path[REALM_PATH_MAX];
    enum err e = path_in(dir, file, path, ei);

    return e == ERR_OK ? file_create(path, b->data, b->len, 0600, ei) : e;
}

static enum err write_facts(const char *dir, const struct realm *r, struct errinfo *ei)
{
    char created[CLK_TEXT_MAX];
    struct buf text = BUF_INIT;
    enum err e =
        doc_write(json_pack("{s:s, s:s, s:s, s:s}", "format", REALM_FORMAT, "realm", r->bundle.name,
                            "realm_id", r->bundle.id, "created", clk_format(r->created, created)),
                  &text, ei);

    if (e == ERR_OK)
        e = write_file(dir, "realm.json", &text, ei);
    buf_fini(&text);
    return e;
}

static enum err write_issuer(const char *dir, const struct realm *r, struct errinfo *ei)
{
    struct buf key = BUF_INIT, cert = BUF_INIT;
    enum err e = cert_key_to_pem(r->issuer_key, &key, ei);

    if (e == ERR_OK)
        e = cert_to_pem(r->bundle.issuer, &cert, ei);
    if (e == ERR_OK)
        e = write_file(dir, "issuer.key", &key, ei);
    if (e == ERR_OK)
        e = write_file(dir, "issuer.crt", &cert, ei);
    buf_wipe(&key);
    buf_fini(&cert);
    return e;
}

static enum err write_all(const char *dir, const struct realm *r,
                          const uint8_t secret[REALM_SECRET_LEN], struct errinfo *ei)
{
    char path[REALM_PATH_MAX];
    struct buf raw = BUF_INIT;
    enum err e = write_facts(dir, r, ei);

    buf_add(&raw, secret, REALM_SECRET_LEN);
    if (e == ERR_OK && raw.err != ERR_OK)
        e = err_nomem(ei);
    if (e == ERR_OK)
        e = write_file(dir, "secret", &raw, ei);
    if (e == ERR_OK)
        e = write_issuer(dir, r, ei);
    if (e == ERR_OK)
        e = path_in(dir, "client.bundle", path, ei);
    if (e == ERR_OK)
        e = bundle_write(&r->bundle, path, ei);
    buf_wipe(&raw);
    return e;
}

static void remove_temp(const char *dir)
{
    char path[REALM_PATH_MAX];

    for (const char *const *f = files; *f != NULL; f++)
        if (path_in(dir, *f, path, NULL) == ERR_OK)
            unlink(path);
    rmdir(dir);
}

/* Renaming over an empty folder replaces it; anything else in the way stays and is an error. */
static enum err publish(const char *temp, const char *dir, struct errinfo *ei)
{
    if (rename(temp, dir) == 0)
        return ERR_OK;
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
        return err_fail(ei, ERR_EXISTS,
                        "make realm in %s: it holds something already; name a "
                        "folder that does not exist or is empty",
                        dir);
    return err_fail_errno(ei, errno, "make realm in %s", dir);
}

/* Tells early, and before any key is made, what publish would only tell at the end. */
static enum err check_free(const char *dir, struct errinfo *ei)
{
    char path[REALM_PATH_MAX];
    struct stat st;

    for (const char *const *f = files; *f != NULL; f++) {
        enum err e = path_in(dir, *f, path, ei);

        if (e != ERR_OK)
            return e;
        if (lstat(path, &st) == 0)
            return err_fail(ei, ERR_EXISTS, "make realm in %s: there is a realm already", dir);
    }
    return ERR_OK;
}

static enum err init_in(const char *temp, const char *name, int64_t now, const struct rng *rng,
                        struct errinfo *ei)
{
    uint8_t secret[REALM_SECRET_LEN];
    struct realm r = {.created = now};
    enum err e;

    rng_fill(rng, secret, sizeof(secret));
    snprintf(r.bundle.name, sizeof(r.bundle.name), "%s", name);
    e = realm_keys_derive(secret, &r.bundle.keys, ei);
    if (e == ERR_OK)
        e = make_issuer(&r, rng, ei);
    if (e == ERR_OK)
        e = write_all(temp, &r, secret, ei);
    OPENSSL_cleanse(secret, sizeof(secret));
    realm_fini(&r);
    return e;
}

enum err realm_init(const char *name, const char *dir, int64_t now, const struct rng *rng,
                    struct errinfo *ei)
{
    char plain[REALM_PATH_MAX], temp[REALM_PATH_MAX + 8];
    size_t len = strlen(dir);
    enum err e;

    if (!realm_name_valid(name))
        return err_fail(ei, ERR_USAGE,
                        "realm name \"%.80s\": expected 1 to %d letters, digits, "
                        "'-', '_' or '.'",
                        name, REALM_NAME_MAX);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    if (len == 0 || len >= sizeof(plain))
        return err_fail(ei, ERR_USAGE, "make realm: the folder's path is empty or too long");
    snprintf(plain, sizeof(plain), "%.*s", (int)len, dir);
    e = check_free(plain, ei);
    if (e != ERR_OK)
        return e;
    snprintf(temp, sizeof(temp), "%s.XXXXXX", plain);
    if (mkdtemp(temp) == NULL) /* 0700 */
        return err_fail_errno(ei, errno, "make a folder beside %s", plain);
    e = init_in(temp, name, now, rng, ei);
    if (e == ERR_OK)
        e = publish(temp, plain, ei);
    if (e != ERR_OK)
        remove_temp(temp);
    return e;
}

/* ---- opening one ---- */

static enum err read_private(const char *dir, const char *file, struct buf *out, char *path,
                             struct errinfo *ei)
{
    enum err e = path_in(dir, file, path, ei);

    return e == ERR_OK ? file_read_private(path, REALM_FILE_MAX, out, ei) : e;
}

static enum err read_facts(const char *dir, struct realm *r, struct errinfo *ei)
{
    static const char *const members[] = {"format", "realm", "realm_id", "created", NULL};
    char path[REALM_PATH_MAX];
    struct buf text = BUF_INIT;
    struct doc d = {0};
    const char *name, *id;
    enum err e = read_private(dir, "realm.json", &text, path, ei);

    if (e == ERR_OK)
        e = doc_parse(&d, text.data, text.len, path, REALM_FORMAT, ei);
    if (e != ERR_OK)
        goto out;
    doc_members(&d, NULL, members);
    name = doc_text(&d, NULL, "realm", 1, REALM_NAME_MAX);
    id = doc_text(&d, NULL, "realm_id", 16, 16);
    r->created = doc_time(&d, NULL, "created");
    if (d.err == ERR_OK && !realm_name_valid(name))
        doc_reject(&d, "realm", "is not letters, digits, '-', '_' and '.'");
    e = d.err;
    if (e != ERR_OK)
        goto out;
    snprintf(r->bundle.name, sizeof(r->bundle.name), "%s", name);
    snprintf(r->bundle.id, sizeof(r->bundle.id), "%s", id);
out:
    doc_fini(&d);
    buf_fini(&text);
    return e;
}

/* All that is derived of the secret in the file. */
static enum err derive(const char *path, struct realm_keys *keys,
                       uint8_t clearing[REALM_CLEARING_LEN], struct errinfo *ei)
{
    struct buf raw = BUF_INIT;
    enum err e = file_read_private(path, REALM_FILE_MAX, &raw, ei);

    if (e == ERR_OK && raw.len != REALM_SECRET_LEN)
        e = err_fail(ei, ERR_MALFORMED, "read %s: %zu bytes, expected %d", path, raw.len,
                     REALM_SECRET_LEN);
    if (e == ERR_OK)
        e = realm_keys_derive(raw.data, keys, ei);
    if (e == ERR_OK)
        e = realm_clearing_derive(raw.data, clearing, ei);
    buf_wipe(&raw);
    return e;
}

static enum err read_secret(const char *dir, struct realm *r, struct errinfo *ei)
{
    char path[REALM_PATH_MAX];
    enum err e = path_in(dir, "secret", path, ei);

    return e == ERR_OK ? derive(path, &r->bundle.keys, r->clearing, ei) : e;
}

static enum err read_issuer(const char *dir, struct realm *r, struct errinfo *ei)
{
    char path[REALM_PATH_MAX], id[17];
    struct buf key = BUF_INIT, cert = BUF_INIT;
    enum err e = read_private(dir, "issuer.key", &key, path, ei);

    if (e == ERR_OK)
        e = cert_key_from_pem(key.data, key.len, path, &r->issuer_key, ei);
    if (e == ERR_OK)
        e = read_private(dir, "issuer.crt", &cert, path, ei);
    if (e == ERR_OK)
        e = cert_from_pem(cert.data, cert.len, path, &r->bundle.issuer, ei);
    if (e == ERR_OK && X509_check_private_key(r->bundle.issuer, r->issuer_key) != 1)
        e = cert_fail(ei, "realm folder: issuer.crt and issuer.key do not belong together");
    if (e == ERR_OK)
        e = realm_id_of(r->bundle.issuer, id, ei);
    if (e == ERR_OK && strcmp(id, r->bundle.id) != 0)
        e = err_fail(ei, ERR_MALFORMED, "realm folder %s: realm.json says %s, the issuer is %s",
                     dir, r->bundle.id, id);
    buf_wipe(&key);
    buf_fini(&cert);
    return e;
}

enum err realm_open(const char *dir, struct realm *out, struct errinfo *ei)
{
    struct realm r = {0};
    struct errinfo why = {0};
    enum err e = file_require_private(dir, &why);

    if (e == ERR_NOTFOUND)
        err_fail(&why, e,
                 "realm folder %s does not exist; make one with: "
                 "adbactl realm init NAME %s",
                 dir, dir);
    if (e == ERR_OK)
        e = read_facts(dir, &r, &why);
    if (e == ERR_OK)
        e = read_secret(dir, &r, &why);
    if (e == ERR_OK)
        e = read_issuer(dir, &r, &why);
    if (e == ERR_OK) {
        *out = r;
        return ERR_OK;
    }
    realm_fini(&r);
    if (ei != NULL)
        *ei = why;
    return e;
}

/* ---- parts of one ---- */

enum err realm_clearing_read(const char *path, const struct realm_keys *keys,
                             uint8_t out[REALM_CLEARING_LEN], struct errinfo *ei)
{
    struct realm_keys own = {0};
    uint8_t clearing[REALM_CLEARING_LEN] = {0};
    enum err e = derive(path, &own, clearing, ei);

    if (e == ERR_OK && CRYPTO_memcmp(&own, keys, sizeof(own)) != 0)
        e = err_fail(ei, ERR_CONFIG,
                     "the secret %s is of another realm than the bundle; name files of one realm",
                     path);
    if (e == ERR_OK)
        memcpy(out, clearing, sizeof(clearing));
    realm_keys_wipe(&own);
    OPENSSL_cleanse(clearing, sizeof(clearing));
    return e;
}

enum err realm_require_private(const char *dir, const char *file, struct errinfo *ei)
{
    size_t len = strlen(dir);

    while (len > 1 && dir[len - 1] == '/')
        len--;
    return strncmp(file, dir, len) == 0 && file[len] == '/' ? file_require_private(dir, ei)
                                                            : ERR_OK;
}
