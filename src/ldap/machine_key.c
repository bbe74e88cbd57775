#include "ldap/machine_key.h"

#include <ctype.h>
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "ldap/computer.h"
#include "ldap/krb.h"

#define RANDOM_BYTES 24
#define NAME_TEXT    300
#define NT_PRINCIPAL 1 /* RFC 4120 6.2 */

/* The texts that an account goes by. */
struct names {
    char realm[NAME_TEXT], domain[NAME_TEXT];
    char account[COMPUTER_NAME_MAX + 2]; /* PC01$ */
    char host[NAME_TEXT];                /* pc01.lab.example */
    char salt[3 * NAME_TEXT];
};

void machine_password(const struct rng *rng, char text[MACHINE_PASSWORD_MAX])
{
    uint8_t random[RANDOM_BYTES];
    size_t n = (size_t)snprintf(text, MACHINE_PASSWORD_MAX, "Aa1-");

    rng_fill(rng, random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        n += (size_t)snprintf(text + n, MACHINE_PASSWORD_MAX - n, "%02x", random[i]);
    explicit_bzero(random, sizeof(random));
}

/* ---- names ---- */

static void recase(char *text, int (*to)(int))
{
    for (; *text != '\0'; text++)
        *text = (char)to((unsigned char)*text);
}

/* The salt of a computer account (MS-KILE 3.1.1.2): REALM, "host", then its name and the realm in
 * lower case, with a dot between. */
static enum err names_of(const struct machine_key *k, struct names *n, struct errinfo *ei)
{
    enum err e = computer_check_name(k->name, ei);

    if (e != ERR_OK)
        return e;
    if (strlen(k->domain) > 255 || k->domain[0] == '\0')
        return err_fail(ei, ERR_USAGE, "make keys of %s: \"%s\" is no domain", k->name, k->domain);
    snprintf(n->realm, sizeof(n->realm), "%s", k->domain);
    recase(n->realm, toupper);
    snprintf(n->domain, sizeof(n->domain), "%s", k->domain);
    recase(n->domain, tolower);
    snprintf(n->account, sizeof(n->account), "%s$", k->name);
    recase(n->account, toupper);
    snprintf(n->host, sizeof(n->host), "%s.%s", k->name, n->domain);
    recase(n->host, tolower);
    snprintf(n->salt, sizeof(n->salt), "%shost%s", n->realm, n->host);
    return ERR_OK;
}

/* ---- the keytab ---- */

static void add_be(struct buf *out, uint32_t value, unsigned bytes)
{
    while (bytes-- > 0) {
        const uint8_t b = (uint8_t)(value >> (8 * bytes));

        buf_add(out, &b, 1);
    }
}

static void add_text(struct buf *out, const char *text)
{
    add_be(out, (uint32_t)strlen(text), 2);
    buf_add_str(out, text);
}

/* One entry: length, principal, name type, time (unknown: 0), key version, key. */
static void add_entry(struct buf *out, const char *realm, const char *first, const char *second,
                      const krb5_keyblock *key, uint32_t kvno)
{
    struct buf e = BUF_INIT;

    add_be(&e, second != NULL ? 2 : 1, 2);
    add_text(&e, realm);
    add_text(&e, first);
    if (second != NULL)
        add_text(&e, second);
    add_be(&e, NT_PRINCIPAL, 4);
    add_be(&e, 0, 4);
    add_be(&e, kvno & 0xff, 1);
    add_be(&e, (uint32_t)key->enctype, 2);
    add_be(&e, key->length, 2);
    buf_add(&e, key->contents, key->length);
    add_be(&e, kvno, 4);
    add_be(out, (uint32_t)e.len, 4);
    buf_add(out, e.data, e.len);
    if (e.err != ERR_OK)
        out->err = e.err;
    buf_wipe(&e);
}

static krb5_error_code add_keys(krb5_context ctx, const struct machine_key *k,
                                const struct names *n, krb5_enctype type, struct buf *out)
{
    const krb5_data password = {.length = (unsigned)strlen(k->password),
                                .data = (char *)(uintptr_t)k->password};
    const krb5_data salt = {.length = (unsigned)strlen(n->salt),
                            .data = (char *)(uintptr_t)n->salt};
    krb5_keyblock key = {0};
    krb5_error_code code = krb5_c_string_to_key(ctx, type, &password, &salt, &key);

    if (code != 0)
        return code;
    add_entry(out, n->realm, n->account, NULL, &key, k->kvno);
    add_entry(out, n->realm, "host", n->host, &key, k->kvno);
    krb5_free_keyblock_contents(ctx, &key); /* wipes it */
    return 0;
}

enum err machine_keytab(const struct machine_key *k, struct buf *out, struct errinfo *ei)
{
    static const krb5_enctype types[] = {ENCTYPE_AES256_CTS_HMAC_SHA1_96,
                                         ENCTYPE_AES128_CTS_HMAC_SHA1_96};
    krb5_context ctx = NULL;
    krb5_error_code code;
    struct names n;
    enum err e = names_of(k, &n, ei);

    if (e != ERR_OK)
        return e;
    code = krb5_init_context(&ctx);
    add_be(out, 0x0502, 2);
    for (size_t i = 0; code == 0 && i < sizeof(types) / sizeof(types[0]); i++)
        code = add_keys(ctx, k, &n, types[i], out);
    krb5_free_context(ctx);
    if (code != 0)
        return err_fail(ei, ERR_CRYPTO, "make keys of %s: libkrb5 fails with code %d", k->name,
                        (int)code);
    return out->err == ERR_OK ? ERR_OK : err_nomem(ei);
}

typedef enum err write_fn(const char *path, const void *data, size_t len, mode_t mode,
                          struct errinfo *ei);

static enum err write_by(write_fn *write, const char *path, const struct machine_key *k,
                         struct errinfo *ei)
{
    struct buf keys = BUF_INIT;
    enum err e = machine_keytab(k, &keys, ei);

    if (e == ERR_OK)
        e = write(path, keys.data, keys.len, 0600, ei);
    buf_wipe(&keys);
    return e;
}

enum err machine_keytab_create(const char *path, const struct machine_key *k, struct errinfo *ei)
{
    return write_by(file_create, path, k, ei);
}

enum err machine_keytab_replace(const char *path, const struct machine_key *k, struct errinfo *ei)
{
    return write_by(file_write_atomic, path, k, ei);
}

/* ---- the password ---- */

enum err machine_change_password(const struct machine_key *k, const char *present, const char *host,
                                 int timeout_ms, struct errinfo *ei)
{
    char principal[2 * NAME_TEXT];
    struct names n;
    const struct krb_conf conf = {.principal = principal,
                                  .password = present,
                                  .new_password = k->password,
                                  .host = host,
                                  .timeout_ms = timeout_ms};
    enum err e = names_of(k, &n, ei);

    if (e != ERR_OK)
        return e;
    snprintf(principal, sizeof(principal), "%s@%s", n.account, n.realm);
    return krb_change_password(&conf, ei);
}
