/* krb_kdc: asks the KDC of the domain controller that a session is opened with. libkrb5 alone
 * would wait for a frozen one that krb5.conf names first, though the session goes to another. */
#ifndef ADBAD_LDAP_KRB_KDC_H
#define ADBAD_LDAP_KRB_KDC_H

#include <krb5.h>
#include <stdint.h>

/* Milliseconds more than whoever waits for the worker has: its deadline, which knows the better
 * words, passes first. */
#define KRB_KDC_GRACE 500

struct krb_kdc {
    const char *host;
    int64_t deadline; /* clk_uptime_ms */
};

/* A krb5_pre_send_fn; data is a struct krb_kdc. Hosts of another domain than the realm's, and such
 * as serve no Kerberos, leave the question to libkrb5 and the KDCs that it knows. */
krb5_error_code krb_kdc_ask(krb5_context ctx, void *data, const krb5_data *realm,
                            const krb5_data *message, krb5_data **new_message,
                            krb5_data **new_reply);

#endif
