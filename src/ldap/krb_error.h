/* krb_error: what libkrb5's codes mean for whoever logs in, and what to do about it. */
#ifndef ADBAD_LDAP_KRB_ERROR_H
#define ADBAD_LDAP_KRB_ERROR_H

#include <krb5.h>
#include <stdbool.h>

#include "base/err.h"

/* Fails as "what object: cause and remedy"; keytab: the login was to be by keytab, not password. */
enum err krb_fail(krb5_context ctx, krb5_error_code code, bool keytab, const char *what,
                  const char *object, struct errinfo *ei);

#endif
