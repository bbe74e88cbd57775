#include "gss/keytab.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSIONS_MAX 8 /* that are told */

struct reading {
    struct keytab *into;
    krb5_kvno versions[VERSIONS_MAX]; /* in order, each once */
    size_t n;
};

static enum err failed(krb5_context k, krb5_error_code code, struct errinfo *ei)
{
    const char *text = krb5_get_error_message(k, code);
    enum err e = err_fail(ei, ERR_CONFIG, "read it: %s", text);

    krb5_free_error_message(k, text);
    return e;
}

/* ---- what is in the file ---- */

/* libkrb5 takes a file that ends within an entry for one that ends before it. Entries of version
 * 0x502 are a length in network byte order, negative for a hole, and so many octets; a length of 0
 * ends them (MIT's "keytab file format"). */
static bool is_cut_off(int fd)
{
    uint8_t version[2];
    struct stat st;
    off_t at = sizeof(version);
    uint32_t raw;

    if (pread(fd, version, sizeof(version), 0) != sizeof(version) || version[0] != 5 ||
        version[1] != 2 || fstat(fd, &st) != 0)
        return false; /* libkrb5 says what it is */
    while (at < st.st_size) {
        int64_t len;

        if (pread(fd, &raw, sizeof(raw), at) != sizeof(raw))
            return true;
        len = (int32_t)be32toh(raw);
        if (len == 0)
            return false;
        at += (off_t)sizeof(raw) + (len < 0 ? -len : len);
    }
    return at > st.st_size;
}

static bool is_host(krb5_const_principal p)
{
    return p->length == 2 && p->data[0].length == 4 && memcmp(p->data[0].data, "host", 4) == 0;
}

static enum err check_principal(struct keytab *t, krb5_const_principal p, struct errinfo *ei)
{
    char realm[sizeof(t->realm)], *name = NULL;
    enum err e = ERR_OK;

    if (krb5_unparse_name(t->k, p, &name) != 0)
        return err_nomem(ei);
    if (p->realm.length >= sizeof(realm))
        e = err_fail(ei, ERR_CONFIG, "the realm of %s is too long", name);
    else
        snprintf(realm, sizeof(realm), "%.*s", (int)p->realm.length, p->realm.data);
    if (e == ERR_OK && !is_host(p))
        e = err_fail(ei, ERR_CONFIG,
                     "it has a key of %s; keep keys of host/NAME-OF-THIS-HOST alone in it", name);
    if (e == ERR_OK && t->realm[0] != '\0' && strcmp(t->realm, realm) != 0)
        e = err_fail(ei, ERR_CONFIG, "it has keys of two realms, %s and %s; keep those of one",
                     t->realm, realm);
    if (e == ERR_OK)
        snprintf(t->realm, sizeof(t->realm), "%s", realm);
    krb5_free_unparsed_name(t->k, name);
    return e;
}

static void note_version(struct reading *r, krb5_kvno version)
{
    size_t at = 0;

    while (at < r->n && r->versions[at] < version)
        at++;
    if (r->n == VERSIONS_MAX || (at < r->n && r->versions[at] == version))
        return;
    memmove(r->versions + at + 1, r->versions + at, (r->n - at) * sizeof(r->versions[0]));
    r->versions[at] = version;
    r->n++;
}

static void tell_versions(const struct reading *r)
{
    char *text = r->into->versions;
    size_t size = sizeof(r->into->versions);
    int len = snprintf(text, size, r->n == 1 ? "version" : "versions");

    for (size_t i = 0; i < r->n && (size_t)len < size; i++)
        len += snprintf(text + len, size - (size_t)len, "%s %u", i > 0 ? "," : "", r->versions[i]);
}

static enum err take(struct reading *r, krb5_keytab_entry *entry, struct errinfo *ei)
{
    enum err e = check_principal(r->into, entry->principal, ei);

    if (e != ERR_OK)
        return e;
    note_version(r, entry->vno);
    return krb5_kt_add_entry(r->into->k, r->into->memory, entry) == 0 ? ERR_OK : err_nomem(ei);
}

static enum err take_all(struct reading *r, krb5_keytab file, struct errinfo *ei)
{
    krb5_context k = r->into->k;
    krb5_keytab_entry entry;
    krb5_kt_cursor cursor;
    krb5_error_code code = krb5_kt_start_seq_get(k, file, &cursor);
    enum err e = ERR_OK;

    if (code != 0)
        return failed(k, code, ei);
    while (e == ERR_OK && (code = krb5_kt_next_entry(k, file, &entry, &cursor)) == 0) {
        e = take(r, &entry, ei);
        krb5_free_keytab_entry_contents(k, &entry);
    }
    krb5_kt_end_seq_get(k, file, &cursor);
    if (e == ERR_OK && code != KRB5_KT_END)
        e = failed(k, code, ei);
    if (e == ERR_OK && r->n == 0)
        e = err_fail(ei, ERR_CONFIG, "it has no keys");
    return e;
}

/* ---- a keytab ---- */

static enum err open_memory(struct keytab *t, struct errinfo *ei)
{
    static atomic_uint serial;
    krb5_error_code code;

    if (krb5_init_context(&t->k) != 0)
        return err_fail(ei, ERR_CONFIG, "Kerberos cannot start; look at krb5.conf");
    snprintf(t->name, sizeof(t->name), "MEMORY:adbad-%u", atomic_fetch_add(&serial, 1));
    code = krb5_kt_resolve(t->k, t->name, &t->memory);
    return code == 0 ? ERR_OK : failed(t->k, code, ei);
}

enum err keytab_read(int fd, struct keytab *out, struct errinfo *ei)
{
    struct reading r = {.into = out};
    char name[48];
    krb5_keytab file;
    enum err e;

    *out = (struct keytab){0};
    if (is_cut_off(fd))
        return err_fail(ei, ERR_CONFIG, "it is cut off within an entry; copy it once more");
    e = open_memory(out, ei);
    snprintf(name, sizeof(name), "FILE:/proc/self/fd/%d", fd);
    if (e == ERR_OK) {
        krb5_error_code code = krb5_kt_resolve(out->k, name, &file);

        e = code == 0 ? take_all(&r, file, ei) : failed(out->k, code, ei);
        if (code == 0)
            krb5_kt_close(out->k, file);
    }
    if (e == ERR_OK)
        tell_versions(&r);
    else
        keytab_fini(out);
    return e;
}

void keytab_fini(struct keytab *t)
{
    if (t->memory != NULL)
        krb5_kt_close(t->k, t->memory);
    if (t->k != NULL)
        krb5_free_context(t->k);
    *t = (struct keytab){0};
}

/* ---- two of them ---- */

static bool has(krb5_context k, krb5_keytab all, krb5_keytab_entry *entry)
{
    krb5_keytab_entry found;
    bool same;

    if (krb5_kt_get_entry(k, all, entry->principal, entry->vno, entry->key.enctype, &found) != 0)
        return false;
    same = found.key.length == entry->key.length &&
           memcmp(found.key.contents, entry->key.contents, found.key.length) == 0;
    krb5_free_keytab_entry_contents(k, &found);
    return same;
}

static bool has_all(krb5_context k, krb5_keytab all, krb5_keytab of)
{
    krb5_keytab_entry entry;
    krb5_kt_cursor cursor;
    bool same = krb5_kt_start_seq_get(k, of, &cursor) == 0;

    if (!same)
        return false;
    while (same && krb5_kt_next_entry(k, of, &entry, &cursor) == 0) {
        same = has(k, all, &entry);
        krb5_free_keytab_entry_contents(k, &entry);
    }
    krb5_kt_end_seq_get(k, of, &cursor);
    return same;
}

bool keytab_equal(const struct keytab *a, const struct keytab *b)
{
    return has_all(b->k, a->memory, b->memory) && has_all(b->k, b->memory, a->memory);
}
