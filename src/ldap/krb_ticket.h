/* krb_ticket: the part of krb that talks to KDCs and blocks as long as libkrb5 likes. */
#ifndef ADBAD_LDAP_KRB_TICKET_H
#define ADBAD_LDAP_KRB_TICKET_H

#include <krb5.h>
#include <stdint.h>

#include "ldap/krb.h"

struct krb_ticket {
    krb5_context ctx;
    krb5_ccache cache; /* destroyed with the rest */
    char *name;        /* the client principal */
    int64_t lifetime;  /* seconds that were left when it was fetched */
};

/* ERR_OK or not, krb_ticket_fini is due. */
MUST_CHECK enum err krb_ticket_fetch(const struct krb_conf *conf, struct krb_ticket *out,
                                     struct errinfo *ei);
void krb_ticket_fini(struct krb_ticket *t);

#endif
