#include "gss/keytab.h"

#include <krb5.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct reading {
    krb5_context k;
    krb5_keytab keytab;
    char *realm;
    size_t size;
};

static enum err failed(const struct reading *r, krb5_error_code code, struct errinfo *ei)
{
    const char *text = krb5_get_error_message(r->k, code);
    enum err e = err_fail(ei, ERR_CONFIG, "read it: %s", text);

    krb5_free_error_message(r->k, text);
    return e;
}

static bool is_host(krb5_const_principal p)
{
    return p->length == 2 && p->data[0].length == 4 && memcmp(p->data[0].data, "host", 4) == 0;
}

static enum err take(struct reading *r, krb5_const_principal p, struct errinfo *ei)
{
    char realm[256], *name = NULL;
    enum err e = ERR_OK;

    if (krb5_unparse_name(r->k, p, &name) != 0)
        return err_nomem(ei);
    if (p->realm.length >= sizeof(realm) || p->realm.length >= r->size)
        e = err_fail(ei, ERR_CONFIG, "the realm of %s is too long", name);
    else
        snprintf(realm, sizeof(realm), "%.*s", (int)p->realm.length, p->realm.data);
    if (e == ERR_OK && !is_host(p))
        e = err_fail(ei, ERR_CONFIG,
                     "it has a key of %s; keep keys of host/NAME-OF-THIS-HOST alone in it", name);
    if (e == ERR_OK && r->realm[0] != '\0' && strcmp(r->realm, realm) != 0)
        e = err_fail(ei, ERR_CONFIG, "it has keys of two realms, %s and %s; keep those of one",
                     r->realm, realm);
    if (e == ERR_OK)
        snprintf(r->realm, r->size, "%s", realm);
    krb5_free_unparsed_name(r->k, name);
    return e;
}

static enum err read_all(struct reading *r, struct errinfo *ei)
{
    krb5_keytab_entry entry;
    krb5_kt_cursor cursor;
    krb5_error_code code = krb5_kt_start_seq_get(r->k, r->keytab, &cursor);
    enum err e = ERR_OK;

    if (code != 0)
        return failed(r, code, ei);
    while (e == ERR_OK && (code = krb5_kt_next_entry(r->k, r->keytab, &entry, &cursor)) == 0) {
        e = take(r, entry.principal, ei);
        krb5_free_keytab_entry_contents(r->k, &entry);
    }
    krb5_kt_end_seq_get(r->k, r->keytab, &cursor);
    if (e == ERR_OK && code != KRB5_KT_END)
        e = failed(r, code, ei);
    if (e == ERR_OK && r->realm[0] == '\0')
        e = err_fail(ei, ERR_CONFIG, "it has no keys");
    return e;
}

enum err keytab_realm(const char *path, char *realm, size_t size, struct errinfo *ei)
{
    struct reading r = {.realm = realm, .size = size};
    char name[4096];
    krb5_error_code code;
    enum err e;

    realm[0] = '\0';
    if (krb5_init_context(&r.k) != 0)
        return err_fail(ei, ERR_CONFIG, "Kerberos cannot start; look at krb5.conf");
    snprintf(name, sizeof(name), "FILE:%s", path);
    code = krb5_kt_resolve(r.k, name, &r.keytab);
    if (code == 0) {
        e = read_all(&r, ei);
        krb5_kt_close(r.k, r.keytab);
    } else {
        e = failed(&r, code, ei);
    }
    krb5_free_context(r.k);
    return e;
}
