#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "ldap/dir_ldap.h"

struct meaning {
    int code;
    enum err err;
    const char *remedy;
};

/* While logging in, these say that the credentials do not hold. */
static const struct meaning at_bind[] = {
    {LDAP_INVALID_CREDENTIALS, ERR_AUTH,
     "the password is wrong, or the account does not exist or is disabled"},
    {LDAP_INAPPROPRIATE_AUTH, ERR_AUTH, "the account has no password, or it is disabled"},
    {LDAP_UNWILLING_TO_PERFORM, ERR_AUTH, "the account may be disabled or locked"},
    {LDAP_CONSTRAINT_VIOLATION, ERR_AUTH, "the account may be disabled or locked"},
    {LDAP_INSUFFICIENT_ACCESS, ERR_AUTH, "the account may not log in"},
    {LDAP_NO_SUCH_OBJECT, ERR_AUTH, "the account does not exist"},
    {LDAP_LOCAL_ERROR, ERR_AUTH, NULL},
    {LDAP_AUTH_METHOD_NOT_SUPPORTED, ERR_CONFIG, "choose another mechanism in [directory]"},
    {LDAP_STRONG_AUTH_REQUIRED, ERR_CONFIG, "choose another mechanism in [directory]"},
    {LDAP_CONFIDENTIALITY_REQUIRED, ERR_CONFIG, "choose another mechanism in [directory]"},
    {LDAP_AUTH_UNKNOWN, ERR_CONFIG,
     "the server does not offer the mechanism, or libsasl2-modules is not installed here"},
};

static const struct meaning everywhere[] = {
    {LDAP_OPERATIONS_ERROR, ERR_DENIED, "AD answers so to those who have not logged in"},
    {LDAP_TIMELIMIT_EXCEEDED, ERR_TIMEOUT, NULL},
    {LDAP_SIZELIMIT_EXCEEDED, ERR_LIMIT, NULL},
    {LDAP_ADMINLIMIT_EXCEEDED, ERR_LIMIT, NULL},
    {LDAP_STRONG_AUTH_REQUIRED, ERR_DENIED, NULL},
    {LDAP_CONFIDENTIALITY_REQUIRED, ERR_DENIED, NULL},
    {LDAP_REFERRAL, ERR_READONLY, "name a writable server in section [directory] uri"},
    {LDAP_NO_SUCH_ATTRIBUTE, ERR_CONFLICT, NULL},
    {LDAP_TYPE_OR_VALUE_EXISTS, ERR_CONFLICT, NULL},
    {LDAP_UNDEFINED_TYPE, ERR_SCHEMA, NULL},
    {LDAP_OBJECT_CLASS_VIOLATION, ERR_SCHEMA, NULL},
    {LDAP_NO_OBJECT_CLASS_MODS, ERR_SCHEMA, NULL},
    {LDAP_CONSTRAINT_VIOLATION, ERR_MALFORMED, NULL},
    {LDAP_INVALID_SYNTAX, ERR_MALFORMED, NULL},
    {LDAP_INVALID_DN_SYNTAX, ERR_MALFORMED, NULL},
    {LDAP_NAMING_VIOLATION, ERR_MALFORMED, NULL},
    {LDAP_NOT_ALLOWED_ON_RDN, ERR_MALFORMED, NULL},
    {LDAP_FILTER_ERROR, ERR_MALFORMED, NULL},
    {LDAP_NO_SUCH_OBJECT, ERR_NOTFOUND, NULL},
    {LDAP_ALREADY_EXISTS, ERR_EXISTS, NULL},
    {LDAP_NOT_ALLOWED_ON_NONLEAF, ERR_NOT_NOW, "delete what is below it first"},
    {LDAP_INSUFFICIENT_ACCESS, ERR_DENIED, NULL},
    {LDAP_UNWILLING_TO_PERFORM, ERR_DENIED, NULL},
    {LDAP_INVALID_CREDENTIALS, ERR_AUTH, NULL},
    {LDAP_BUSY, ERR_UNREACHABLE, NULL},
    {LDAP_UNAVAILABLE, ERR_UNREACHABLE, NULL},
    {LDAP_SERVER_DOWN, ERR_UNREACHABLE, "is the directory running?"},
    {LDAP_CONNECT_ERROR, ERR_UNREACHABLE, "is the directory running?"},
    {LDAP_TIMEOUT, ERR_TIMEOUT, NULL},
    {LDAP_PARAM_ERROR, ERR_CONFIG, NULL},
    {LDAP_NO_MEMORY, ERR_NOMEM, NULL},
    /* What AD and slapd number above 80 for the client's side, should a server send them. */
    {0x51, ERR_UNREACHABLE, NULL},
    {0x55, ERR_TIMEOUT, NULL},
};

static const struct meaning *meaning_of(int code, const struct meaning *table, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].code == code)
            return &table[i];
    return NULL;
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum err dir_ldap_fail(const struct dir_ldap_op *op, int rc, const char *diag, struct errinfo *ei)
{
    const struct meaning *m = NULL;
    char extra[256] = "";

    if (op->binding)
        m = meaning_of(rc, at_bind, COUNT(at_bind));
    if (m == NULL)
        m = meaning_of(rc, everywhere, COUNT(everywhere));
    if (diag != NULL && diag[0] != '\0')
        snprintf(extra, sizeof(extra), " (%s)", diag);
    for (char *p = extra; *p != '\0'; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    return err_fail(ei, m != NULL ? m->err : ERR_IO, "%s %s at %s: %s%s%s%s", op->verb, op->object,
                    op->s->uri, ldap_err2string(rc), extra,
                    m != NULL && m->remedy != NULL ? "; " : "",
                    m != NULL && m->remedy != NULL ? m->remedy : "");
}

enum err dir_ldap_fail_local(const struct dir_ldap_op *op, int rc, struct errinfo *ei)
{
    char *diag = NULL;
    enum err e;

    if (ldap_get_option(op->s->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &diag) != LDAP_OPT_SUCCESS)
        diag = NULL;
    e = dir_ldap_fail(op, rc, diag, ei);
    ldap_memfree(diag);
    return e;
}

enum err dir_ldap_wait(const struct dir_ldap_op *op, int msgid, int all, LDAPMessage **res,
                       struct errinfo *ei)
{
    struct dir_ldap *s = op->s;
    int ms = dir_ldap_patience(s);
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    int told = s->deadline == 0 ? s->timeout_ms : s->share_ms;
    LDAPMessage *got = NULL;
    int rc = ldap_result(s->ld, msgid, all, &tv, &got);

    if (rc > 0) {
        *res = got;
        return ERR_OK;
    }
    ldap_msgfree(got);
    if (rc == 0) {
        ldap_abandon_ext(s->ld, msgid, NULL, NULL);
        return err_fail(ei, ERR_TIMEOUT, "%s %s at %s: no answer within %d.%d s", op->verb,
                        op->object, s->uri, told / 1000, told % 1000 / 100);
    }
    if (ldap_get_option(s->ld, LDAP_OPT_RESULT_CODE, &rc) != LDAP_OPT_SUCCESS || rc == LDAP_SUCCESS)
        rc = LDAP_SERVER_DOWN;
    return dir_ldap_fail_local(op, rc, ei);
}

static enum err fail_referral(const struct dir_ldap_op *op, char **refs, const char *diag,
                              struct errinfo *ei)
{
    char text[256];

    if (refs == NULL || refs[0] == NULL)
        return dir_ldap_fail(op, LDAP_REFERRAL, diag, ei);
    snprintf(text, sizeof(text), "this server refers to %s", refs[0]);
    return dir_ldap_fail(op, LDAP_REFERRAL, text, ei);
}

enum err dir_ldap_result(const struct dir_ldap_op *op, LDAPMessage *res, struct berval *cookie,
                         struct errinfo *ei)
{
    LDAP *ld = op->s->ld;
    int rc = LDAP_OTHER;
    char *diag = NULL;
    char **refs = NULL;
    LDAPControl **ctrls = NULL;
    enum err e = ERR_OK;
    int parsed = ldap_parse_result(ld, res, &rc, NULL, &diag, &refs, &ctrls, 1);

    if (cookie != NULL)
        *cookie = (struct berval){0};
    if (parsed != LDAP_SUCCESS) {
        e = dir_ldap_fail_local(op, parsed, ei);
        goto out;
    }
    if (rc == LDAP_REFERRAL)
        e = fail_referral(op, refs, diag, ei);
    else if (rc != LDAP_SUCCESS)
        e = dir_ldap_fail(op, rc, diag, ei);
    if (e == ERR_OK && cookie != NULL) {
        LDAPControl *page = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, ctrls, NULL);
        ber_int_t estimate;

        if (page != NULL &&
            ldap_parse_pageresponse_control(ld, page, &estimate, cookie) != LDAP_SUCCESS)
            e = err_fail(ei, ERR_MALFORMED, "%s %s at %s: broken paged results control", op->verb,
                         op->object, op->s->uri);
    }
out:
    ldap_memfree(diag);
    ber_memvfree((void **)refs);
    ldap_controls_free(ctrls);
    return e;
}
