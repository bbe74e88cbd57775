/* krb_password: the part of krb that changes a password, and blocks as long as libkrb5 likes. */
#ifndef ADBAD_LDAP_KRB_PASSWORD_H
#define ADBAD_LDAP_KRB_PASSWORD_H

#include "ldap/krb.h"

MUST_CHECK enum err krb_password_set(const struct krb_conf *conf, struct errinfo *ei);

#endif
