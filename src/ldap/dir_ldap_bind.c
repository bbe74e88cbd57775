#include <arpa/inet.h>
#include <sasl/sasl.h>
#include <stdio.h>
#include <string.h>

#include "ldap/dir_ldap.h"
#include "ldap/krb.h"

#define SSF_MIN 56

/* libldap's name and our security demands for each SASL mechanism. A layer of SASL's own must
 * encrypt (56 is the least that Kerberos has; AES counts 256) where nothing else does; inside TLS
 * AD wants none. */
static const struct {
    const char *name;
    const char *secprops, *inside_tls;
    bool kerberos;
} sasl[] = {
    [DIR_SCRAM_SHA_256] = {"SCRAM-SHA-256", "noanonymous,noplain", "noanonymous,noplain", false},
    [DIR_EXTERNAL] = {"EXTERNAL", "noanonymous", "noanonymous", false},
    [DIR_GSSAPI] = {"GSSAPI", "noanonymous,noplain,minssf=56", "noanonymous,noplain,maxssf=0",
                    true},
    [DIR_SPNEGO] = {"GSS-SPNEGO", "noanonymous,noplain,minssf=56", "noanonymous,noplain,maxssf=0",
                    true},
};

/* What Cyrus SASL may ask for. */
struct answers {
    const struct dir_conf *conf;
    void *cred; /* NULL: not Kerberos */
    bool handed_over;
};

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static const char *answer_to(const struct dir_conf *conf, unsigned long id)
{
    switch (id) {
    case SASL_CB_AUTHNAME:
        return conf->user != NULL ? conf->user : "";
    case SASL_CB_PASS:
        return conf->password != NULL ? conf->password : "";
    default: /* authorization identity, realm: none */
        return "";
    }
}

/* Answers Cyrus SASL's questions from the configuration; nobody is ever asked. Its context exists
 * only between the first question and the first answer, so that is when it gets our ticket. */
static int interact(LDAP *ld, unsigned flags, void *defaults, void *questions)
{
    struct answers *a = defaults;

    (void)flags;
    if (a->cred != NULL && !a->handed_over) {
        if (ldap_set_option(ld, LDAP_OPT_X_SASL_GSS_CREDS, a->cred) != LDAP_OPT_SUCCESS)
            return LDAP_LOCAL_ERROR;
        a->handed_over = true;
    }
    for (sasl_interact_t *q = questions; q->id != SASL_CB_LIST_END; q++) {
        const char *answer = answer_to(a->conf, q->id);

        q->result = answer;
        q->len = (unsigned)strlen(answer);
    }
    return LDAP_SUCCESS;
}

static enum err exchange(const struct dir_ldap_op *op, const char *mechanism, struct answers *a,
                         struct errinfo *ei)
{
    LDAPMessage *res = NULL;
    const char *used = NULL;
    int rc, msgid = 0;

    for (;;) {
        enum err e;

        rc = ldap_sasl_interactive_bind(op->s->ld, NULL, mechanism, NULL, NULL, LDAP_SASL_QUIET,
                                        interact, a, res, &used, &msgid);
        ldap_msgfree(res);
        res = NULL;
        if (rc != LDAP_SASL_BIND_IN_PROGRESS)
            break;
        e = dir_ldap_wait(op, msgid, LDAP_MSG_ALL, &res, ei);
        if (e != ERR_OK)
            return e;
    }
    return rc == LDAP_SUCCESS ? ERR_OK : dir_ldap_fail_local(op, rc, ei);
}

/* What the login really gave, whatever was asked for. */
static enum err check_protection(const struct dir_ldap *s, const struct answers *a,
                                 struct errinfo *ei)
{
    ber_len_t ssf = 0;

    if (a->cred != NULL && !a->handed_over)
        return err_fail(ei, ERR_INTERNAL,
                        "log in at %s: SASL did not take our Kerberos ticket, so it used another",
                        s->uri);
    if (s->secret)
        return ERR_OK;
    if (ldap_get_option(s->ld, LDAP_OPT_X_SASL_SSF, &ssf) == LDAP_OPT_SUCCESS && ssf >= SSF_MIN)
        return ERR_OK;
    return err_fail(ei, ERR_AUTH,
                    "log in at %s: the server agreed to no encryption (strength %u); use tls = "
                    "starttls or ldaps:// in section [directory]",
                    s->uri, (unsigned)ssf);
}

static enum err bind_sasl(const struct dir_ldap_op *op, struct answers *a, struct errinfo *ei)
{
    struct dir_ldap *s = op->s;
    enum dir_mechanism m = s->conf.mechanism;
    const char *props = s->secret ? sasl[m].inside_tls : sasl[m].secprops;
    enum err e;

    if (ldap_set_option(s->ld, LDAP_OPT_X_SASL_SECPROPS, props) != LDAP_OPT_SUCCESS)
        return err_fail(ei, ERR_INTERNAL, "set the SASL properties %s", props);
    e = exchange(op, sasl[m].name, a, ei);
    if (e == ERR_CONFIG && sasl[m].kerberos && s->secret)
        err_context(ei, "Kerberos inside TLS is refused: Samba takes it only with \"ldap server "
                        "require strong auth = allow_sasl_over_tls\"; ldap:// without tls is "
                        "encrypted by Kerberos itself");
    return e == ERR_OK ? check_protection(s, a, ei) : e;
}

/* Kerberos knows services by the names of hosts. */
static enum err host_of(const struct dir_ldap *s, char host[256], struct errinfo *ei)
{
    LDAPURLDesc *url = NULL;
    unsigned char address[16];

    host[0] = '\0';
    if (ldap_url_parse(s->uri, &url) == LDAP_URL_SUCCESS && url->lud_host != NULL)
        snprintf(host, 256, "%s", url->lud_host);
    ldap_free_urldesc(url);
    if (host[0] == '\0' || strncmp(s->uri, "ldapi:", 6) == 0 ||
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return err_fail(ei, ERR_CONFIG,
                        "log in at %s: Kerberos needs the server's DNS name; write it in uri of "
                        "section [directory]",
                        s->uri);
    return ERR_OK;
}

static enum err bind_kerberos(struct dir_ldap_op *op, struct errinfo *ei)
{
    struct dir_ldap *s = op->s;
    const struct dir_conf *c = &s->conf;
    struct answers a = {.conf = c};
    char host[256];
    struct krb_conf k = {.principal = given(c->user) ? c->user : NULL,
                         .keytab = given(c->keytab) ? c->keytab : NULL,
                         .password = c->password,
                         .host = host,
                         .timeout_ms = dir_ldap_patience(s)};
    enum err e;

    if (k.keytab == NULL && (!given(c->password) || k.principal == NULL))
        return err_fail(ei, ERR_CONFIG,
                        "log in at %s: Kerberos needs a keytab, or a principal and a password",
                        s->uri);
    e = host_of(s, host, ei);
    if (e == ERR_OK)
        e = krb_login(&k, &s->krb, ei);
    if (e != ERR_OK)
        return err_context(ei, "log in at %s", s->uri);
    a.cred = krb_cred(s->krb);
    op->object = krb_name(s->krb);
    return bind_sasl(op, &a, ei);
}

static enum err bind_simple(const struct dir_ldap_op *op, const struct dir_conf *conf,
                            struct errinfo *ei)
{
    struct berval cred = {.bv_len = strlen(conf->password),
                          .bv_val = (char *)(uintptr_t)conf->password};
    LDAPMessage *res = NULL;
    int msgid;
    int rc = ldap_sasl_bind(op->s->ld, conf->bind_dn, LDAP_SASL_SIMPLE, &cred, NULL, NULL, &msgid);
    enum err e;

    if (rc != LDAP_SUCCESS)
        return dir_ldap_fail_local(op, rc, ei);
    e = dir_ldap_wait(op, msgid, LDAP_MSG_ALL, &res, ei);
    return e == ERR_OK ? dir_ldap_result(op, res, NULL, ei) : e;
}

/* A session that shows what it reads and lets it be changed on the way is none of ours. */
static enum err refuse_in_clear(const struct dir_ldap *s, const char *what, struct errinfo *ei)
{
    if (s->secret)
        return ERR_OK;
    return err_fail(
        ei, ERR_CONFIG,
        "log in at %s: %s; use ldapi://, ldaps://, tls = starttls or mechanism = gssapi "
        "in section [directory]",
        s->uri, what);
}

static enum err bind_scram(struct dir_ldap_op *op, struct errinfo *ei)
{
    struct dir_ldap *s = op->s;
    struct answers a = {.conf = &s->conf};
    enum err e;

    if (!given(s->conf.user) || !given(s->conf.password))
        return err_fail(ei, ERR_CONFIG, "log in at %s: SCRAM-SHA-256 needs a user and a password",
                        s->uri);
    e = refuse_in_clear(s, "SCRAM-SHA-256 would leave what follows in clear", ei);
    return e == ERR_OK ? bind_sasl(op, &a, ei) : e;
}

static enum err bind_with_password(struct dir_ldap_op *op, struct errinfo *ei)
{
    const struct dir_conf *c = &op->s->conf;
    enum err e;

    /* An empty password would be an anonymous bind that succeeds (RFC 4513 5.1.2). */
    if (!given(c->bind_dn) || !given(c->password))
        return err_fail(ei, ERR_CONFIG, "log in at %s: a simple bind needs a name and a password",
                        op->s->uri);
    op->object = c->bind_dn;
    e = refuse_in_clear(op->s, "a simple bind would send the password in clear", ei);
    return e == ERR_OK ? bind_simple(op, c, ei) : e;
}

enum err dir_ldap_bind(struct dir_ldap *s, struct errinfo *ei)
{
    struct dir_ldap_op op = {.s = s, .verb = "log in as", .object = s->conf.user, .binding = true};
    struct answers a = {.conf = &s->conf};

    switch (s->conf.mechanism) {
    case DIR_ANONYMOUS:
        return ERR_OK;
    case DIR_SCRAM_SHA_256:
        return bind_scram(&op, ei);
    case DIR_EXTERNAL:
        op.object = "the user of this process";
        return bind_sasl(&op, &a, ei);
    case DIR_SIMPLE:
        return bind_with_password(&op, ei);
    case DIR_GSSAPI:
    case DIR_SPNEGO:
        return bind_kerberos(&op, ei);
    }
    return err_fail(ei, ERR_INTERNAL, "log in at %s: unknown mechanism %d", s->uri,
                    (int)s->conf.mechanism);
}
