#include "tickets.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* MIT's library has these for its KDC; its headers leave them out. */
krb5_error_code krb5_encrypt_tkt_part(krb5_context k, const krb5_keyblock *key, krb5_ticket *t);
krb5_error_code encode_krb5_ticket(const krb5_ticket *t, krb5_data **out);

#define ENCTYPE ENCTYPE_AES256_CTS_HMAC_SHA1_96

static const char conf[] = "[libdefaults]\n"
                           "default_realm = LAB.EXAMPLE\n"
                           "dns_lookup_kdc = false\n"
                           "dns_lookup_realm = false\n"
                           "dns_canonicalize_hostname = false\n"
                           "rdns = false\n";

void tickets_open(struct tickets *t)
{
    char path[300];
    FILE *f;

    memset(t, 0, sizeof(*t));
    test_folder(t->folder);
    snprintf(path, sizeof(path), "%s/krb5.conf", t->folder);
    snprintf(t->keytab, sizeof(t->keytab), "%s/keytab", t->folder);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(conf, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(setenv("KRB5_CONFIG", path, 1), 0);
    assert_int_equal(krb5_init_context(&t->k), 0);
    assert_int_equal(krb5_c_make_random_key(t->k, ENCTYPE, &t->key), 0);
    assert_int_equal(krb5_c_make_random_key(t->k, ENCTYPE, &t->other), 0);
    t->version = 1;
}

void tickets_rotate(struct tickets *t)
{
    krb5_free_keyblock_contents(t->k, &t->key);
    assert_int_equal(krb5_c_make_random_key(t->k, ENCTYPE, &t->key), 0);
    t->version++;
}

static void drop_cache(struct tickets *t)
{
    if (t->cache != NULL)
        krb5_cc_destroy(t->k, t->cache);
    t->cache = NULL;
}

void tickets_close(struct tickets *t)
{
    drop_cache(t);
    krb5_free_keyblock_contents(t->k, &t->key);
    krb5_free_keyblock_contents(t->k, &t->other);
    krb5_free_context(t->k);
    test_folder_remove(t->folder);
}

static krb5_principal parse(struct tickets *t, const char *name)
{
    krb5_principal p;

    assert_int_equal(krb5_parse_name(t->k, name, &p), 0);
    return p;
}

void tickets_keytab(struct tickets *t, const char *principal, bool anew)
{
    krb5_keytab_entry entry = {.vno = t->version, .key = t->key};
    krb5_keytab kt;
    char name[320];

    if (anew)
        (void)unlink(t->keytab);
    snprintf(name, sizeof(name), "WRFILE:%s", t->keytab);
    entry.principal = parse(t, principal);
    assert_int_equal(krb5_kt_resolve(t->k, name, &kt), 0);
    assert_int_equal(krb5_kt_add_entry(t->k, kt, &entry), 0);
    krb5_kt_close(t->k, kt);
    krb5_free_principal(t->k, entry.principal);
    assert_int_equal(chmod(t->keytab, 0600), 0);
}

/* UPN_DNS_INFO without any name, flag S, the SID behind the fixed part (MS-PAC 2.10). */
static krb5_authdata **pac_of(struct tickets *t, const struct ticket *what, krb5_timestamp at,
                              krb5_principal client)
{
    uint8_t info[24 + 68] = {[8] = 2, [16] = (uint8_t)what->sid_len, [18] = 24};
    krb5_data upn = {.length = (unsigned)(24 + what->sid_len), .data = (char *)info}, whole;
    krb5_authdata inner = {.ad_type = KRB5_AUTHDATA_WIN2K_PAC}, *list[2] = {&inner, NULL};
    krb5_authdata **out;
    krb5_pac pac;

    assert_true(what->sid_len <= 68);
    memcpy(info + 24, what->sid, what->sid_len);
    assert_int_equal(krb5_pac_init(t->k, &pac), 0);
    assert_int_equal(krb5_pac_add_buffer(t->k, pac, KRB5_PAC_UPN_DNS_INFO, &upn), 0);
    assert_int_equal(krb5_pac_sign(t->k, pac, at, client, what->bad_pac ? &t->other : &t->key,
                                   &t->other, &whole),
                     0);
    krb5_pac_free(t->k, pac);
    inner.length = whole.length;
    inner.contents = (krb5_octet *)whole.data;
    assert_int_equal(krb5_encode_authdata_container(t->k, KRB5_AUTHDATA_IF_RELEVANT, list, &out),
                     0);
    krb5_free_data_contents(t->k, &whole);
    return out;
}

static void store(struct tickets *t, krb5_creds *creds)
{
    static unsigned serial;

    drop_cache(t);
    snprintf(t->cache_name, sizeof(t->cache_name), "MEMORY:tickets-%u", serial++);
    assert_int_equal(krb5_cc_resolve(t->k, t->cache_name, &t->cache), 0);
    assert_int_equal(krb5_cc_initialize(t->k, t->cache, creds->client), 0);
    assert_int_equal(krb5_cc_store_cred(t->k, t->cache, creds), 0);
}

void tickets_issue(struct tickets *t, const struct ticket *what)
{
    krb5_principal client = parse(t, what->client), server = parse(t, what->server);
    krb5_enc_tkt_part part = {.client = client,
                              .transited = {.tr_type = KRB5_DOMAIN_X500_COMPRESS}};
    krb5_ticket ticket = {.server = server, .enc_part2 = &part};
    krb5_creds creds = {.client = client, .server = server};
    krb5_keyblock session;
    krb5_timestamp now;
    krb5_data *packed;

    assert_int_equal(krb5_timeofday(t->k, &now), 0);
    assert_int_equal(krb5_c_make_random_key(t->k, ENCTYPE, &session), 0);
    part.session = &session;
    part.times = (krb5_ticket_times){now + what->starts, now + what->starts, now + what->ends, 0};
    if (what->sid_len > 0)
        part.authorization_data = pac_of(t, what, part.times.authtime, client);
    assert_int_equal(krb5_encrypt_tkt_part(t->k, &t->key, &ticket), 0);
    ticket.enc_part.kvno = t->version;
    assert_int_equal(encode_krb5_ticket(&ticket, &packed), 0);
    creds.keyblock = session;
    creds.times = part.times;
    creds.ticket = *packed;
    store(t, &creds);
    krb5_free_data(t->k, packed);
    free(ticket.enc_part.ciphertext.data);
    krb5_free_authdata(t->k, part.authorization_data);
    krb5_free_keyblock_contents(t->k, &session);
    krb5_free_principal(t->k, client);
    krb5_free_principal(t->k, server);
}
