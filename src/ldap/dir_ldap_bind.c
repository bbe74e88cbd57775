#include <sasl/sasl.h>
#include <string.h>

#include "ldap/dir_ldap.h"

/* libldap's name and our security demands for each SASL mechanism. */
static const struct {
    const char *name;
    const char *secprops;
} sasl[] = {
    [DIR_SCRAM_SHA_256] = {"SCRAM-SHA-256", "noanonymous,noplain"},
    [DIR_EXTERNAL] = {"EXTERNAL", "noanonymous"},
};

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

/* Answers Cyrus SASL's questions from the configuration; nobody is ever asked. */
static int interact(LDAP *ld, unsigned flags, void *defaults, void *questions)
{
    (void)ld;
    (void)flags;
    for (sasl_interact_t *q = questions; q->id != SASL_CB_LIST_END; q++) {
        const char *answer = answer_to(defaults, q->id);

        q->result = answer;
        q->len = (unsigned)strlen(answer);
    }
    return LDAP_SUCCESS;
}

static enum err bind_sasl(const struct dir_ldap_op *op, const struct dir_conf *conf,
                          struct errinfo *ei)
{
    LDAP *ld = op->s->ld;
    LDAPMessage *res = NULL;
    const char *used = NULL;
    int msgid = 0;
    enum err e = ERR_OK;
    int rc = ldap_set_option(ld, LDAP_OPT_X_SASL_SECPROPS, sasl[conf->mechanism].secprops);

    if (rc != LDAP_OPT_SUCCESS)
        return err_fail(ei, ERR_INTERNAL, "set the SASL properties %s",
                        sasl[conf->mechanism].secprops);
    for (;;) {
        rc = ldap_sasl_interactive_bind(ld, NULL, sasl[conf->mechanism].name, NULL, NULL,
                                        LDAP_SASL_QUIET, interact, (void *)(uintptr_t)conf, res,
                                        &used, &msgid);
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

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

enum err dir_ldap_bind(struct dir_ldap *s, const struct dir_conf *conf, struct errinfo *ei)
{
    struct dir_ldap_op op = {.s = s, .verb = "log in as", .object = conf->user, .binding = true};

    switch (conf->mechanism) {
    case DIR_ANONYMOUS:
        return ERR_OK;
    case DIR_SCRAM_SHA_256:
        if (!given(conf->user) || !given(conf->password))
            return err_fail(ei, ERR_CONFIG,
                            "log in at %s: SCRAM-SHA-256 needs a user and a password", s->uri);
        return bind_sasl(&op, conf, ei);
    case DIR_EXTERNAL:
        op.object = "the user of this process";
        return bind_sasl(&op, conf, ei);
    case DIR_SIMPLE:
        /* An empty password would be an anonymous bind that succeeds (RFC 4513 5.1.2). */
        if (!given(conf->bind_dn) || !given(conf->password))
            return err_fail(ei, ERR_CONFIG,
                            "log in at %s: a simple bind needs a name and a password", s->uri);
        if (strncmp(s->uri, "ldapi:", 6) != 0)
            return err_fail(ei, ERR_CONFIG,
                            "log in at %s: a simple bind would send the password in clear; use "
                            "ldapi:// or SCRAM-SHA-256",
                            s->uri);
        op.object = conf->bind_dn;
        return bind_simple(&op, conf, ei);
    }
    return err_fail(ei, ERR_INTERNAL, "log in at %s: unknown mechanism %d", s->uri,
                    (int)conf->mechanism);
}
