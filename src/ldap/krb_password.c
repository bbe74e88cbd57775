#include "ldap/krb_password.h"

#include <krb5.h>
#include <string.h>

#include "base/clk.h"
#include "ldap/dir_ldap.h"
#include "ldap/krb_error.h"
#include "ldap/krb_kdc.h"

#define SERVICE "kadmin/changepw"

/* The server's answer: a code of RFC 3244 section 2, and a text that may be anything. */
static enum err refused(krb5_context ctx, const struct krb_conf *conf, int answer,
                        const krb5_data *reason, struct errinfo *ei)
{
    char *text = NULL;
    enum err e;

    if (krb5_chpw_message(ctx, reason, &text) != 0)
        text = NULL;
    e = err_fail(ei, answer == KRB5_KPASSWD_AUTHERROR ? ERR_AUTH : ERR_DENIED,
                 "change the password of %s: the domain controller refuses (code %d): %.200s",
                 conf->principal, answer, text != NULL ? text : "it gives no reason");
    krb5_free_string(ctx, text);
    return e;
}

static enum err change(krb5_context ctx, const struct krb_conf *conf, krb5_creds *creds,
                       struct errinfo *ei)
{
    krb5_data said = {0}, reason = {0};
    int answer = 0;
    krb5_error_code code = krb5_change_password(ctx, creds, (char *)(uintptr_t)conf->new_password,
                                                &answer, &said, &reason);
    enum err e = ERR_OK;

    if (code != 0) { /* the request may have arrived: no answer is no refusal */
        const char *text = krb5_get_error_message(ctx, code);

        e = err_fail(ei, ERR_IO,
                     "change the password of %s: no good answer (%s); does krb5.conf or DNS "
                     "(_kpasswd._tcp) name the domain controller?",
                     conf->principal, text);
        krb5_free_error_message(ctx, text);
    } else if (answer != KRB5_KPASSWD_SUCCESS) {
        e = refused(ctx, conf, answer, &reason, ei);
    }
    krb5_free_data_contents(ctx, &said);
    krb5_free_data_contents(ctx, &reason);
    return e;
}

enum err krb_password_set(const struct krb_conf *conf, struct errinfo *ei)
{
    struct krb_kdc kdc = {.host = conf->host,
                          .deadline = clk_uptime_ms() + conf->timeout_ms + KRB_KDC_GRACE};
    krb5_get_init_creds_opt *opt = NULL;
    krb5_principal client = NULL;
    krb5_context ctx = NULL;
    krb5_creds creds = {0};
    krb5_error_code code = krb5_init_context(&ctx);
    enum err e;

    if (code != 0)
        return err_fail(ei, ERR_CONFIG,
                        "start Kerberos: libkrb5 fails with code %d; check /etc/krb5.conf",
                        (int)code);
    krb5_set_kdc_send_hook(ctx, krb_kdc_ask, &kdc);
    code = krb5_parse_name(ctx, conf->principal, &client);
    if (code == 0)
        code = krb5_get_init_creds_opt_alloc(ctx, &opt);
    if (code == 0)
        code = krb5_get_init_creds_password(ctx, &creds, client, conf->password, NULL, NULL, 0,
                                            SERVICE, opt);
    e = code == 0 ? change(ctx, conf, &creds, ei)
                  : krb_fail(ctx, code, false, "log in as", conf->principal, ei);
    krb5_free_cred_contents(ctx, &creds);
    krb5_get_init_creds_opt_free(ctx, opt);
    krb5_free_principal(ctx, client);
    krb5_free_context(ctx);
    return e;
}
