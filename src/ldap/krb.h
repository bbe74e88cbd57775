/* krb: Kerberos credentials of one session, in memory: a ticket of our own for a service, fetched
 * with a keytab or a password. No credential cache of the user, no environment variable and no
 * default keytab takes part. The first KDC that is asked is that of the server itself; what others
 * there are, the system's krb5.conf and DNS say. Outside this folder it serves who starts a program
 * that shall log in as we do. */
#ifndef ADBAD_LDAP_KRB_H
#define ADBAD_LDAP_KRB_H

#include <stdbool.h>

#include "base/err.h"

struct krb;

struct krb_conf {
    const char *principal; /* NULL: the keytab's first; a realm may be left out */
    const char *keytab;    /* file, read at every login; NULL: password */
    const char *password;
    const char *service;      /* NULL: "ldap" */
    const char *host;         /* of the service, and the first that is asked for tickets */
    const char *new_password; /* krb_change_password: from password to this one */
    int timeout_ms;           /* for all of it */
};

/* Fetches the tickets. ERR_AUTH, ERR_CONFIG, ERR_UNREACHABLE (no KDC), ERR_TIMEOUT: each text has
 * its remedy. */
MUST_CHECK enum err krb_login(const struct krb_conf *conf, struct krb **out, struct errinfo *ei);
void krb_free(struct krb *k);

/* Copies the ticket for the service into a file of its own (mode 0600; one that is there is
 * replaced), a credential cache for a program that we start. It gets no other ticket with it.
 * krb_free removes it. */
MUST_CHECK enum err krb_export(struct krb *k, const char *path, struct errinfo *ei);

/* Changes the password of principal (RFC 3244), which needs no right but knowing the present one.
 * ERR_AUTH (the present one is wrong), ERR_DENIED (the new one is refused), and as krb_login. After
 * ERR_TIMEOUT or ERR_IO it may have been changed all the same. */
MUST_CHECK enum err krb_change_password(const struct krb_conf *conf, struct errinfo *ei);

/* The gss_cred_id_t; it lives as long as k. */
void *krb_cred(const struct krb *k);
/* Who we are: "pc01$@LAB.EXAMPLE". */
const char *krb_name(const struct krb *k);
/* Whether the tickets end within ten minutes; of a life below forty, whether its last quarter has
 * come. */
bool krb_ending(const struct krb *k);

#endif
