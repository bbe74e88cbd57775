#include "ldap/krb_ticket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clk.h"
#include "base/file.h"
#include "ldap/dir_ldap.h"
#include "ldap/krb_error.h"
#include "ldap/krb_kdc.h"

/* One login on its way. */
struct login {
    const struct krb_conf *conf;
    struct krb_ticket *t;
    krb5_principal client;
    krb5_keytab keytab;
};

static enum err fail(const struct login *l, krb5_error_code code, const char *what,
                     const char *object, struct errinfo *ei)
{
    return krb_fail(l->t->ctx, code, l->conf->keytab != NULL, what, object, ei);
}

static const char *principal_text(const struct login *l)
{
    return l->conf->principal != NULL ? l->conf->principal : "the keytab's first principal";
}

/* ---- who we are ---- */

/* Whether entry is the principal that the configuration names, its realm left out or not. */
static bool is_wanted(krb5_context ctx, krb5_const_principal entry, const char *wanted)
{
    int flags = wanted == NULL || strchr(wanted, '@') != NULL ? 0 : KRB5_PRINCIPAL_UNPARSE_NO_REALM;
    char *text = NULL;
    bool same;

    if (wanted == NULL)
        return true;
    if (krb5_unparse_name_flags(ctx, entry, flags, &text) != 0)
        return false;
    same = strcasecmp(text, wanted) == 0;
    krb5_free_unparsed_name(ctx, text);
    return same;
}

static enum err find_in_keytab(struct login *l, struct errinfo *ei)
{
    krb5_context ctx = l->t->ctx;
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5_kt_start_seq_get(ctx, l->keytab, &cursor);

    if (code != 0)
        return fail(l, code, "read keytab", l->conf->keytab, ei);
    while (l->client == NULL && code == 0) {
        code = krb5_kt_next_entry(ctx, l->keytab, &entry, &cursor);
        if (code != 0)
            break;
        if (is_wanted(ctx, entry.principal, l->conf->principal))
            code = krb5_copy_principal(ctx, entry.principal, &l->client);
        krb5_free_keytab_entry_contents(ctx, &entry);
    }
    krb5_kt_end_seq_get(ctx, l->keytab, &cursor);
    if (l->client != NULL)
        return ERR_OK;
    if (code == KRB5_KT_END && l->conf->principal != NULL)
        return err_fail(ei, ERR_CONFIG,
                        "read keytab %s: it has no key of %s; \"klist -k %s\" shows whose it has",
                        l->conf->keytab, l->conf->principal, l->conf->keytab);
    return fail(l, code, "read keytab", l->conf->keytab, ei);
}

static enum err open_keytab(struct login *l, struct errinfo *ei)
{
    char *name = NULL;
    krb5_error_code code;
    enum err e = file_require_private(l->conf->keytab, ei);

    if (e != ERR_OK)
        return err_context(ei, "keytab");
    if (asprintf(&name, "FILE:%s", l->conf->keytab) < 0)
        return err_nomem(ei);
    code = krb5_kt_resolve(l->t->ctx, name, &l->keytab);
    free(name);
    return code == 0 ? find_in_keytab(l, ei) : fail(l, code, "open keytab", l->conf->keytab, ei);
}

static enum err choose_client(struct login *l, struct errinfo *ei)
{
    krb5_error_code code;
    enum err e = ERR_OK;

    if (l->conf->keytab != NULL) {
        e = open_keytab(l, ei);
    } else {
        code = krb5_parse_name(l->t->ctx, l->conf->principal, &l->client);
        if (code != 0)
            e = fail(l, code, "log in as", principal_text(l), ei);
    }
    if (e != ERR_OK)
        return e;
    code = krb5_unparse_name(l->t->ctx, l->client, &l->t->name);
    return code == 0 ? ERR_OK : fail(l, code, "log in as", principal_text(l), ei);
}

/* ---- tickets ---- */

static enum err fetch_initial(struct login *l, struct errinfo *ei)
{
    krb5_context ctx = l->t->ctx;
    krb5_get_init_creds_opt *opt = NULL;
    krb5_creds creds = {0};
    krb5_timestamp now = 0;
    krb5_error_code code = krb5_get_init_creds_opt_alloc(ctx, &opt);

    if (code == 0) {
        krb5_get_init_creds_opt_set_forwardable(opt, 0);
        krb5_get_init_creds_opt_set_proxiable(opt, 0);
        code = krb5_get_init_creds_opt_set_out_ccache(ctx, opt, l->t->cache);
    }
    if (code == 0 && l->keytab != NULL)
        code = krb5_get_init_creds_keytab(ctx, &creds, l->client, l->keytab, 0, NULL, opt);
    else if (code == 0)
        code = krb5_get_init_creds_password(ctx, &creds, l->client, l->conf->password, NULL, NULL,
                                            0, NULL, opt);
    if (code == 0)
        code = krb5_timeofday(ctx, &now);
    l->t->lifetime = (int64_t)(uint32_t)creds.times.endtime - (int64_t)(uint32_t)now;
    krb5_free_cred_contents(ctx, &creds);
    krb5_get_init_creds_opt_free(ctx, opt);
    return code == 0 ? ERR_OK : fail(l, code, "get a Kerberos ticket for", l->t->name, ei);
}

/* GSSAPI would fetch it too, without a deadline; so it finds it in the cache. */
static enum err fetch_service(struct login *l, struct errinfo *ei)
{
    krb5_context ctx = l->t->ctx;
    krb5_creds in = {.client = l->client}, *out = NULL;
    const char *name = l->conf->service != NULL ? l->conf->service : "ldap";
    krb5_error_code code =
        krb5_sname_to_principal(ctx, l->conf->host, name, KRB5_NT_SRV_HST, &in.server);
    char service[300];

    snprintf(service, sizeof(service), "service %s/%s", name, l->conf->host);
    if (code == 0)
        code = krb5_get_credentials(ctx, 0, l->t->cache, &in, &out);
    krb5_free_principal(ctx, in.server);
    krb5_free_creds(ctx, out);
    return code == 0 ? ERR_OK : fail(l, code, "get a Kerberos ticket for", service, ei);
}

enum err krb_ticket_fetch(const struct krb_conf *conf, struct krb_ticket *out, struct errinfo *ei)
{
    struct login l = {.conf = conf, .t = out};
    struct krb_kdc kdc = {.host = conf->host,
                          .deadline = clk_uptime_ms() + conf->timeout_ms + KRB_KDC_GRACE};
    krb5_error_code code;
    enum err e;

    *out = (struct krb_ticket){0};
    code = krb5_init_context(&out->ctx);
    if (code != 0)
        return err_fail(ei, ERR_CONFIG,
                        "start Kerberos: libkrb5 fails with code %d; check "
                        "/etc/krb5.conf",
                        (int)code);
    krb5_set_kdc_send_hook(out->ctx, krb_kdc_ask, &kdc);
    e = choose_client(&l, ei);
    if (e == ERR_OK) {
        code = krb5_cc_new_unique(out->ctx, "MEMORY", NULL, &out->cache);
        if (code != 0)
            e = fail(&l, code, "make a credential cache for", out->name, ei);
    }
    if (e == ERR_OK)
        e = fetch_initial(&l, ei);
    if (e == ERR_OK)
        e = fetch_service(&l, ei);
    if (l.keytab != NULL)
        krb5_kt_close(out->ctx, l.keytab);
    krb5_free_principal(out->ctx, l.client);
    krb5_set_kdc_send_hook(out->ctx, NULL, NULL);
    return e;
}

void krb_ticket_fini(struct krb_ticket *t)
{
    if (t->ctx == NULL)
        return;
    if (t->cache != NULL)
        krb5_cc_destroy(t->ctx, t->cache);
    if (t->name != NULL)
        krb5_free_unparsed_name(t->ctx, t->name);
    krb5_free_context(t->ctx);
    *t = (struct krb_ticket){0};
}
