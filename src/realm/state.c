/* The host keys that are installed on a host: <state folder>/hostkeys/<slug>.{json,crt}, and what
 * realm/secrets.h keeps of each. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/file.h"
#include "base/owner.h"
#include "realm/cert.h"
#include "realm/hostkey_doc.h"
#include "realm/installation.h"
#include "realm/keyfile.h"
#include "realm/secrets.h"

#define INSTALLED_FORMAT "adbad-installed-hostkey-1"
#define STATE_FILE_MAX   (64u * 1024)
#define LOAD_AGAIN       3

const char *hostkey_slug(const char *group, char out[HOSTKEY_GROUP_MAX + 1])
{
    size_t n = 0;

    for (const char *p = group; *p != '\0' && n < HOSTKEY_GROUP_MAX; p++) {
        if (isalnum((unsigned char)*p))
            out[n++] = (char)tolower((unsigned char)*p);
        else if (n > 0 && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n > 0 && out[n - 1] == '-')
        n--;
    out[n] = '\0';
    return out;
}

int64_t hostkey_cert_not_after(X509 *cert)
{
    struct tm tm = {0};

    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
        return 0;
    return (int64_t)timegm(&tm);
}

static enum err make_folder(const char *state_dir, struct errinfo *ei)
{
    char path[KEYFILE_PATH_MAX];
    enum err e = keyfile_path(state_dir, "", "", path, ei);

    if (e != ERR_OK)
        return e;
    e = file_make_folder(state_dir, 0700, ei);
    if (e == ERR_OK)
        e = file_make_folder(path, 0700, ei);
    return e == ERR_OK ? file_require_private(path, ei) : e;
}

/* ---- installing ---- */

static enum err put(const char *state_dir, const char *slug, const char *ending,
                    const struct buf *b, struct errinfo *ei)
{
    char path[KEYFILE_PATH_MAX];
    enum err e = keyfile_path(state_dir, slug, ending, path, ei);

    return e == ERR_OK ? file_write_atomic(path, b->data, b->len, 0600, ei) : e;
}

/* The names come last: with them all of the key is there. */
static enum err put_public_as_owner(const char *state_dir, const char *slug, const struct buf *cert,
                                    const struct buf *host, const struct buf *names,
                                    struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = owner_begin(state_dir, &was, ei);

    if (e != ERR_OK)
        return e;
    e = put(state_dir, slug, KEYFILE_CERT KEYFILE_STAGED, cert, ei);
    if (e == ERR_OK)
        e = put(state_dir, slug, KEYFILE_HOST KEYFILE_STAGED, host, ei);
    if (e == ERR_OK)
        e = put(state_dir, slug, KEYFILE_NAMES KEYFILE_STAGED, names, ei);
    owner_end(&was);
    return e;
}

static enum err put_secrets(const struct hostkey *k, const char *state_dir, const char *secrets_dir,
                            const char *slug, struct errinfo *ei)
{
    struct buf key = BUF_INIT, confirm = BUF_INIT;
    enum err e = cert_key_to_pem(k->pkey, &key, ei);

    buf_add_hex(&confirm, k->confirm, sizeof(k->confirm));
    if (e == ERR_OK && confirm.err != ERR_OK)
        e = err_nomem(ei);
    if (e == ERR_OK)
        e = secrets_write(state_dir, secrets_dir, slug, SECRETS_KEY KEYFILE_STAGED, key.data,
                          key.len, ei);
    if (e == ERR_OK)
        e = secrets_write(state_dir, secrets_dir, slug, SECRETS_CONFIRM KEYFILE_STAGED,
                          confirm.data, confirm.len, ei);
    buf_wipe(&key);
    buf_wipe(&confirm);
    return e;
}

static enum err put_public(const struct hostkey *k, const struct installation *beside,
                           const char *state_dir, const char *slug, struct errinfo *ei)
{
    struct buf names = BUF_INIT, cert = BUF_INIT, host = BUF_INIT;
    char issued[CLK_TEXT_MAX];
    enum err e = cert_to_pem(k->cert, &cert, ei);

    if (e == ERR_OK)
        e = installation_text(k, "", beside, &host, ei);
    if (e == ERR_OK)
        e = doc_write(json_pack("{s:s, s:s, s:s, s:s, s:s}", "format", INSTALLED_FORMAT, "key",
                                k->key, "group", k->group, "pid", k->pid, "issued",
                                clk_format(k->issued, issued)),
                      &names, ei);
    if (e == ERR_OK)
        e = put_public_as_owner(state_dir, slug, &cert, &host, &names, ei);
    buf_fini(&names);
    buf_fini(&cert);
    buf_fini(&host);
    return e;
}

static enum err finish(const char *state_dir, const char *secrets_dir, struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = owner_begin(state_dir, &was, ei);

    if (e != ERR_OK)
        return e;
    e = keyfile_finish(state_dir, secrets_dir, ei);
    owner_end(&was);
    return e;
}

/* What was staged last may be there although it was said to have failed: without it all goes back.
 */
static void withdraw(const char *state_dir, const char *secrets_dir, const char *slug)
{
    char path[KEYFILE_PATH_MAX];
    struct owner_turn was;

    if (keyfile_path(state_dir, slug, KEYFILE_NAMES KEYFILE_STAGED, path, NULL) == ERR_OK &&
        owner_begin(state_dir, &was, NULL) == ERR_OK) {
        (void)unlink(path);
        owner_end(&was);
    }
    if (finish(state_dir, secrets_dir, NULL) != ERR_OK)
        return; /* the next one tries again */
}

/* Under the lock. What an earlier one left half done must not get into this one. */
static enum err install(const struct hostkey *k, const struct installation *beside,
                        const char *state_dir, const char *secrets_dir, const char *slug,
                        struct errinfo *ei)
{
    enum err e = finish(state_dir, secrets_dir, ei);

    if (e == ERR_OK)
        e = put_secrets(k, state_dir, secrets_dir, slug, ei);
    if (e == ERR_OK)
        e = put_public(k, beside, state_dir, slug, ei);
    if (e != ERR_OK) {
        withdraw(state_dir, secrets_dir, slug);
        return e;
    }
    e = finish(state_dir, secrets_dir, ei);
    return e == ERR_OK
               ? e
               : err_context(ei, "the new key counts, but not all of its files are in their "
                                 "places yet; restart adbad, which puts them there");
}

enum err hostkey_install(const struct bundle *b, const struct hostkey *k,
                         const struct installation *beside, const char *state_dir,
                         const char *secrets_dir, bool replace, int64_t now, struct errinfo *ei)
{
    char slug[HOSTKEY_GROUP_MAX + 1], path[KEYFILE_PATH_MAX];
    enum err e = hostkey_verify(b, k->cert, k->group, now, ei);
    int lock;

    if (e != ERR_OK)
        return e;
    if (k->pkey == NULL)
        return err_fail(ei, ERR_USAGE, "install host key: it has no private key");
    e = make_folder(state_dir, ei);
    if (e == ERR_OK)
        e = secrets_open(state_dir, secrets_dir, ei);
    if (e == ERR_OK)
        e = keyfile_path(state_dir, hostkey_slug(k->group, slug), KEYFILE_NAMES, path, ei);
    if (e == ERR_OK)
        e = secrets_lock(state_dir, secrets_dir, &lock, ei);
    if (e != ERR_OK)
        return e;
    if (!replace && access(path, F_OK) == 0)
        e = err_fail(ei, ERR_EXISTS,
                     "install host key: one for \"%s\" is installed already; "
                     "--replace takes its place",
                     k->group);
    else
        e = install(k, beside, state_dir, secrets_dir, slug, ei);
    close(lock);
    return e;
}

static enum err remove_each(const char *state_dir, const char *slug, struct errinfo *ei)
{
    static const char *const endings[] = {KEYFILE_NAMES, KEYFILE_CERT, KEYFILE_HOST};
    char path[KEYFILE_PATH_MAX];

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        enum err e = keyfile_path(state_dir, slug, endings[i], path, ei);

        if (e != ERR_OK)
            return e;
        if (unlink(path) != 0 && errno != ENOENT)
            return err_fail_errno(ei, errno, "remove %s", path);
    }
    return ERR_OK;
}

static enum err remove_public(const char *state_dir, const char *slug, struct errinfo *ei)
{
    struct owner_turn was;
    enum err e = owner_begin(state_dir, &was, ei);

    if (e != ERR_OK)
        return e;
    e = remove_each(state_dir, slug, ei);
    owner_end(&was);
    return e;
}

static enum err find(const char *state_dir, const char *group, const char *slug, struct errinfo *ei)
{
    struct keyfile_phase now;
    char path[KEYFILE_PATH_MAX];
    enum err e = keyfile_path(state_dir, slug, KEYFILE_NAMES, path, ei);

    keyfile_phase(state_dir, slug, &now);
    if (e != ERR_OK || now.staged || access(path, F_OK) == 0)
        return e;
    return errno == ENOENT ? err_fail(ei, ERR_NOTFOUND,
                                      "uninstall host key: none is installed for \"%s\"; "
                                      "adbactl hostkey list shows which are",
                                      group)
                           : err_fail_errno(ei, errno, "look for %s", path);
}

enum err hostkey_uninstall(const char *state_dir, const char *secrets_dir, const char *group,
                           struct errinfo *ei)
{
    char slug[HOSTKEY_GROUP_MAX + 1];
    enum err e = find(state_dir, group, hostkey_slug(group, slug), ei);
    int lock;

    if (e == ERR_OK)
        e = secrets_open(state_dir, secrets_dir, ei);
    if (e == ERR_OK)
        e = secrets_lock(state_dir, secrets_dir, &lock, ei);
    if (e != ERR_OK)
        return e;
    e = finish(state_dir, secrets_dir, ei);
    if (e == ERR_OK)
        e = remove_public(state_dir, slug, ei);
    if (e == ERR_OK)
        e = secrets_remove(secrets_dir, slug, ei);
    close(lock);
    return e;
}

/* ---- loading ---- */

/* A key that is being read. */
struct reading {
    const char *state_dir;
    const char *secrets_dir; /* NULL: without its secrets */
    const char *slug;
    bool staged; /* staged files count */
};

static enum err read_file(const struct reading *r, const char *ending, struct buf *out,
                          char path[KEYFILE_PATH_MAX], struct errinfo *ei)
{
    enum err e = keyfile_path(r->state_dir, r->slug, ending, path, ei);

    return e == ERR_OK ? file_read_private(path, STATE_FILE_MAX, out, ei) : e;
}

static enum err read_part(const struct reading *r, const char *staged, const char *ending,
                          struct buf *out, char path[KEYFILE_PATH_MAX], struct errinfo *ei)
{
    enum err e = r->staged ? read_file(r, staged, out, path, ei) : ERR_NOTFOUND;

    return e == ERR_NOTFOUND ? read_file(r, ending, out, path, ei) : e;
}

static enum err read_secret(const struct reading *r, const char *staged, const char *ending,
                            struct buf *out, char path[SECRETS_PATH_MAX], struct errinfo *ei)
{
    enum err e = r->staged
                     ? secrets_read(r->state_dir, r->secrets_dir, r->slug, staged, out, path, ei)
                     : ERR_NOTFOUND;

    return e == ERR_NOTFOUND
               ? secrets_read(r->state_dir, r->secrets_dir, r->slug, ending, out, path, ei)
               : e;
}

static bool unhex(const struct buf *text, uint8_t *out, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    if (text->len != 2 * n)
        return false;
    for (size_t i = 0; i < 2 * n; i++) {
        const char *at = memchr(digits, text->data[i], sizeof(digits) - 1);

        if (at == NULL)
            return false;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | (at - digits));
    }
    return true;
}

static enum err load_confirm(const struct reading *r, struct hostkey *k, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];
    struct buf text = BUF_INIT;
    enum err e = read_secret(r, SECRETS_CONFIRM KEYFILE_STAGED, SECRETS_CONFIRM, &text, path, ei);

    if (e == ERR_OK && !unhex(&text, k->confirm, sizeof(k->confirm)))
        e = err_fail(ei, ERR_MALFORMED, "read %s: expected %zu hexadecimal digits", path,
                     2 * sizeof(k->confirm));
    buf_wipe(&text);
    return e;
}

static enum err load_cert(const struct reading *r, struct hostkey *k, struct errinfo *ei)
{
    char path[KEYFILE_PATH_MAX];
    struct buf cert = BUF_INIT;
    enum err e = read_part(r, KEYFILE_CERT KEYFILE_STAGED, KEYFILE_CERT, &cert, path, ei);

    if (e == ERR_OK)
        e = cert_from_pem(cert.data, cert.len, path, &k->cert, ei);
    buf_fini(&cert);
    return e;
}

static enum err load_key(const struct reading *r, struct hostkey *k, struct errinfo *ei)
{
    char path[SECRETS_PATH_MAX];
    struct buf key = BUF_INIT;
    enum err e = read_secret(r, SECRETS_KEY KEYFILE_STAGED, SECRETS_KEY, &key, path, ei);

    if (e == ERR_OK)
        e = cert_key_from_pem(key.data, key.len, path, &k->pkey, ei);
    buf_wipe(&key);
    return e;
}

static enum err load(const struct reading *r, struct hostkey *out, struct errinfo *ei)
{
    static const char *const members[] = {"format", "key", "group", "pid", "issued", NULL};
    char path[KEYFILE_PATH_MAX];
    struct hostkey k = {0};
    struct buf text = BUF_INIT;
    struct doc d = {0};
    enum err e = read_part(r, KEYFILE_NAMES KEYFILE_STAGED, KEYFILE_NAMES, &text, path, ei);

    if (e == ERR_OK)
        e = doc_parse(&d, text.data, text.len, path, INSTALLED_FORMAT, ei);
    if (e == ERR_OK) {
        doc_members(&d, NULL, members);
        e = hostkey_parse_names(&d, &k);
    }
    if (e == ERR_OK)
        e = load_cert(r, &k, ei);
    if (e == ERR_OK && r->secrets_dir != NULL)
        e = load_key(r, &k, ei);
    if (e == ERR_OK && r->secrets_dir != NULL)
        e = load_confirm(r, &k, ei);
    if (e == ERR_OK)
        e = hostkey_check(&d, &k);
    doc_fini(&d);
    buf_fini(&text);
    if (e == ERR_OK)
        *out = k;
    else
        hostkey_fini(&k);
    return e;
}

/* Once more if another process replaced it meanwhile: some files may be the former key's. */
static enum err load_one(const char *state_dir, const char *secrets_dir, const char *slug,
                         struct hostkey *out, struct errinfo *ei)
{
    struct reading r = {.state_dir = state_dir, .secrets_dir = secrets_dir, .slug = slug};

    for (int again = LOAD_AGAIN;; again--) {
        struct keyfile_phase before, after;
        enum err e;

        keyfile_phase(state_dir, slug, &before);
        r.staged = before.staged;
        e = load(&r, out, ei);
        keyfile_phase(state_dir, slug, &after);
        if (again == 0 || keyfile_phase_equal(&before, &after))
            return e;
        if (e == ERR_OK)
            hostkey_fini(out);
    }
}

static enum err append(struct hostkey **keys, size_t *n, const struct hostkey *k,
                       struct errinfo *ei)
{
    struct hostkey *grown = realloc(*keys, (*n + 1) * sizeof(**keys));

    if (grown == NULL)
        return err_nomem(ei);
    grown[(*n)++] = *k;
    *keys = grown;
    return ERR_OK;
}

/* "name.json" → "name"; false for any other file. */
static bool slug_of(const char *file, char slug[HOSTKEY_GROUP_MAX + 1])
{
    const char *dot = strrchr(file, '.');
    size_t len = dot == NULL ? 0 : (size_t)(dot - file);

    if (len == 0 || len > HOSTKEY_GROUP_MAX || strcmp(dot, KEYFILE_NAMES) != 0)
        return false;
    memcpy(slug, file, len);
    slug[len] = '\0';
    return true;
}

static int by_group(const void *a, const void *b)
{
    return strcmp(((const struct hostkey *)a)->group, ((const struct hostkey *)b)->group);
}

enum err hostkey_installed(const char *state_dir, const char *secrets_dir, struct hostkey **out,
                           size_t *n, struct errinfo *ei)
{
    char path[KEYFILE_PATH_MAX], slug[HOSTKEY_GROUP_MAX + 1];
    struct hostkey *keys = NULL, k;
    size_t count = 0;
    struct dirent *entry;
    enum err e = keyfile_path(state_dir, "", "", path, ei);
    DIR *folder = e == ERR_OK ? file_open_folder(path) : NULL;

    *out = NULL;
    *n = 0;
    if (folder == NULL && e == ERR_OK)
        return errno == ENOENT ? ERR_OK : err_fail_errno(ei, errno, "open folder %s", path);
    if (e == ERR_OK)
        e = file_require_private(path, ei);
    while (e == ERR_OK && (entry = readdir(folder)) != NULL) {
        if (!slug_of(entry->d_name, slug))
            continue;
        e = load_one(state_dir, secrets_dir, slug, &k, ei);
        if (e == ERR_OK && (e = append(&keys, &count, &k, ei)) != ERR_OK)
            hostkey_fini(&k);
    }
    if (folder != NULL)
        closedir(folder);
    if (e == ERR_OK && count > 1)
        qsort(keys, count, sizeof(*keys), by_group);
    if (e == ERR_OK) {
        *out = keys;
        *n = count;
        return ERR_OK;
    }
    for (size_t i = 0; i < count; i++)
        hostkey_fini(&keys[i]);
    free(keys);
    return e;
}
