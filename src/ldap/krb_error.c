#include "ldap/krb_error.h"

#include <errno.h>
#include <stddef.h>

#define OF_DC "; check the clocks of this machine and of the domain controller (NTP)"

static const struct {
    krb5_error_code code;
    enum err err;
    const char *with_keytab, *with_password; /* NULL: as with_keytab */
} meanings[] = {
    {KRB5KRB_AP_ERR_SKEW, ERR_AUTH, "the clocks differ by more than Kerberos allows" OF_DC, NULL},
    {KRB5KRB_AP_ERR_TKT_NYV, ERR_AUTH, "the clocks differ by more than Kerberos allows" OF_DC,
     NULL},
    {KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, ERR_AUTH,
     "the realm has no such account; check principal in section [directory]", NULL},
    {KRB5KDC_ERR_PREAUTH_FAILED, ERR_AUTH,
     "the keytab does not hold the account's present key, so its password was changed after the "
     "keytab was made; export a new keytab",
     "the password is wrong, or was changed"},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, ERR_AUTH,
     "the keytab does not hold the account's present key; export a new keytab",
     "the password is wrong, or was changed"},
    {KRB5KDC_ERR_KEY_EXP, ERR_AUTH,
     "the account's password has expired; set a new one and export a new keytab",
     "the account's password has expired; set a new one"},
    {KRB5KDC_ERR_CLIENT_REVOKED, ERR_AUTH,
     "the account is disabled, locked or expired; enable it in the directory", NULL},
    {KRB5KDC_ERR_NAME_EXP, ERR_AUTH, "the account has expired; extend it in the directory", NULL},
    {KRB5KDC_ERR_ETYPE_NOSUPP, ERR_AUTH,
     "the keytab holds no kind of key that the KDC accepts; export a new keytab with AES keys",
     "the account and this machine have no kind of key in common"},
    {KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, ERR_AUTH,
     "the KDC knows no such service; name the server as its domain controller registered itself, "
     "and set rdns = false in krb5.conf",
     NULL},
    {KRB5_KDC_UNREACH, ERR_UNREACHABLE,
     "no KDC of the realm answers; is a domain controller running, and does krb5.conf or DNS "
     "(_kerberos._tcp) name it?",
     NULL},
    {KRB5_REALM_CANT_RESOLVE, ERR_UNREACHABLE,
     "the KDCs that krb5.conf names have no address; check DNS", NULL},
    {KRB5_REALM_UNKNOWN, ERR_UNREACHABLE,
     "neither krb5.conf nor DNS (_kerberos._tcp) names a KDC of the realm", NULL},
    {KRB5_CONFIG_NODEFREALM, ERR_CONFIG,
     "it has no realm; write principal as NAME@REALM in section [directory]", NULL},
    {KRB5_CONFIG_BADFORMAT, ERR_CONFIG, "krb5.conf is not well-formed", NULL},
    {KRB5_PARSE_MALFORMED, ERR_CONFIG, "that is no principal", NULL},
    {KRB5_KT_NOTFOUND, ERR_CONFIG,
     "the keytab has no key of this principal (\"klist -k\" shows whose it has)", NULL},
    {KRB5_KEYTAB_BADVNO, ERR_CONFIG, "that file is no keytab", NULL},
    {KRB5_KT_FORMAT, ERR_CONFIG, "that file is no keytab", NULL},
    {KRB5_KT_END, ERR_CONFIG, "the keytab is empty", NULL},
    {ENOMEM, ERR_NOMEM, "out of memory", NULL},
};

enum err krb_fail(krb5_context ctx, krb5_error_code code, bool keytab, const char *what,
                  const char *object, struct errinfo *ei)
{
    const char *text = krb5_get_error_message(ctx, code), *remedy = NULL;
    enum err e = ERR_AUTH;

    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (meanings[i].code == code) {
            e = meanings[i].err;
            remedy = !keytab && meanings[i].with_password != NULL ? meanings[i].with_password
                                                                  : meanings[i].with_keytab;
        }
    e = err_fail(ei, e, "%s %s: %s%s%s%s", what, object, remedy != NULL ? remedy : text,
                 remedy != NULL ? " (" : "", remedy != NULL ? text : "", remedy != NULL ? ")" : "");
    krb5_free_error_message(ctx, text);
    return e;
}
